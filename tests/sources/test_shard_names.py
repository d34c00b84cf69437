"""Patterns of shards: braces as a shell expands them, names from the first open folder, and limits."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.shard_names import expand_braces, find_shards


@pytest.mark.parametrize(
    "pattern", ["a{0..3}.tar", "{008..011}.tar", "{3..1}x{a,b,}", "{01..3}", "plain", "{a,b}/{1..2}", "{single}", "{}"]
)
def test_braces_expand_as_in_a_shell(pattern):
    shown = subprocess.run(["bash", "-c", f"printf '%s\\n' {pattern}"], capture_output=True, text=True, check=True)
    assert expand_braces(pattern) == shown.stdout.split("\n")[:-1]


@pytest.mark.parametrize("pattern", ["{0..100000}", "{0..999}{0..999}", "{0..9999999999999999}", "{1..2}" * 18])
def test_too_many_are_refused_before_they_are_made(pattern):
    with pytest.raises(SourceError, match="more than 100,000 shards"):
        expand_braces(pattern)


@given(st.text(alphabet="{}.,0123456789ab*[]/", max_size=40))
def test_any_pattern_expands_or_is_refused(pattern):
    try:
        assert expand_braces(pattern)
    except SourceError:
        pass


def test_names_begin_where_the_pattern_opens(tmp_path):
    for name in ("train/000.tar", "train/001.tar", "val/000.tar", "val/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list(find_shards(f"{tmp_path}/train/{{000..001}}.tar")) == ["000.tar", "001.tar"]
    assert list(find_shards(f"{tmp_path}/*/*.tar")) == ["train/000.tar", "train/001.tar", "val/000.tar"]
    assert list(find_shards(f"{tmp_path}/train/00[1-9].tar")) == ["001.tar"]
    assert list(find_shards(f"{tmp_path}/val/000.tar")) == ["000.tar"]
    (tmp_path / "odd{name}[1].tar").write_bytes(b"")
    assert list(find_shards(f"{tmp_path}/odd{{name}}[1].tar")) == ["odd{name}[1].tar"]


@pytest.mark.parametrize("pattern", ["nothing-*.tar", "train/{000..002}.tar", "nothing.tar", "train"])
def test_a_shard_that_is_not_there_is_named(tmp_path, pattern):
    for name in ("train/000.tar", "train/001.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError, match=r"(?s)there is no shard .*(nothing|002|train).*remedy"):
        find_shards(f"{tmp_path}/{pattern}")


def test_no_way_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.tar").write_bytes(b"")
    with pytest.raises(SourceError, match="leads out of"):
        find_shards(f"{tmp_path}/in/{{../a,b}}.tar")
