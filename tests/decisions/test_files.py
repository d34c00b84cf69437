"""The files of decisions: read back as written, merged by git, faults named by their line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.decisions.files import (
    FILE_NAMES,
    DecidedLabel,
    Verdict,
    decisions_file,
    ensure_files,
    read_forgotten,
    read_labels,
    read_verdicts,
    text_of,
)
from genimg_core.errors import DecisionsError

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
READERS = {"forgotten": read_forgotten, "verdicts": read_verdicts, "labels": read_labels}
ENTRIES = {
    "forgotten": {B: "case 17", A: "Ελληνικά \"quoted\""},
    "verdicts": {B: Verdict("keep"), A: Verdict("reject", "a weed")},
    "labels": {B: DecidedLabel("=rose"), A: DecidedLabel("tulip", "sure")},
}


@pytest.mark.parametrize("which", FILE_NAMES)
def test_what_is_written_is_read_sorted_and_a_line_for_each(tmp_path, which):
    path = tmp_path / f"{which}.jsonl"
    path.write_text(text_of(ENTRIES[which], which), encoding="utf8")
    assert READERS[which](path) == ENTRIES[which]
    lines = path.read_text(encoding="utf8").splitlines()
    assert len(lines) == 3 and lines[1:] == sorted(lines[1:]) and A in lines[1]


@pytest.mark.parametrize("which", FILE_NAMES)
def test_an_absent_an_empty_and_a_begun_file_decide_nothing(tmp_path, which):
    ensure_files("base", tmp_path)
    path = decisions_file("base", which, tmp_path)
    assert path.read_bytes() and READERS[which](path) == READERS[which](None) == READERS[which](tmp_path / "no") == {}
    path.write_text("")
    ensure_files("base", tmp_path)
    assert path.read_bytes() == b"" and READERS[which](path) == {}, "what is there is left alone"


@pytest.mark.parametrize(("line", "told"), [
    ("<<<<<<< HEAD", "git's mark of a conflict"),
    ("not json", "no JSON object"),
    ("[" * 100_000, "no JSON object"),
    ("[1]", "no JSON object"),
    ('{"image_id": "abc", "decision": "keep"}', "no sha256"),
    (f'{{"image_id": "{A}", "decision": "maybe"}}', "neither keep nor reject"),
    (f'{{"image_id": "{A}", "decision": "keep", "y": 1}}', "not the keys"),
    (f'{{"image_id": "{A}", "decision": "keep", "why": 3}}', "'why' is no text"),
    (f'{{"image_id": "{A}", "decision": "keep", "why": "{"x" * 1001}"}}', "1,001 characters"),
    (f'{{"image_id": "{A}", "decision": "keep", "why": "a\\u0000b"}}', "control characters"),
    (f'{{"image_id": "{B}", "decision": "reject"}}', "another decision about the same image than in line 2"),
    ('{"genimg": "labels", "version": 1}', "no file of verdicts"),
    ('{"genimg": "verdicts", "version": 2}', "bring genimg up to date"),
])
def test_a_bad_line_is_named(tmp_path, line, told):
    path = tmp_path / "verdicts.jsonl"
    path.write_text(f'\n{{"image_id": "{B}", "decision": "keep"}}\n{line}\n')
    with pytest.raises(DecisionsError) as caught:
        read_verdicts(path)
    assert "verdicts.jsonl, line 3" in str(caught.value) and told in str(caught.value)


def test_bytes_that_are_no_text_and_an_empty_label(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DecisionsError, match="cannot be read"):
        read_labels(path)
    path.write_text(f'{{"image_id": "{A}", "label": " "}}\n')
    with pytest.raises(DecisionsError, match="'label' is empty"):
        read_labels(path)


@given(content=st.binary(max_size=300))
def test_no_bytes_do_more_than_raise_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "verdicts.jsonl"
    path.write_bytes(content)
    for read in READERS.values():
        try:
            assert isinstance(read(path), dict)
        except DecisionsError as error:
            assert str(path) in str(error)


def test_git_merges_what_two_people_decided(tmp_path):
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *words], cwd=tmp_path, check=True,
                       capture_output=True)

    def decide(image_ids: list[str]) -> None:
        path = decisions_file("base", "verdicts", tmp_path)
        entries = {image_id: Verdict("reject", "blurred") for image_id in image_ids}
        path.write_text(text_of({**read_verdicts(path), **entries}, "verdicts"))
        git("add", "-A")
        git("commit", "-qm", "decide")

    first, second, third = (f"{n:064x}" for n in (1, 50, 99))
    git("init", "-q", "-b", "main")
    ensure_files("base", tmp_path)
    decide([f"{n:064x}" for n in range(10, 90, 5)])
    git("checkout", "-qb", "other")
    decide([first])
    git("checkout", "-q", "main")
    decide([third])
    git("merge", "-q", "other", "-m", "both")
    merged = read_verdicts(decisions_file("base", "verdicts", tmp_path))
    assert {first, second, third} <= set(merged) and len(merged) == 18


def test_the_place(tmp_path):
    assert decisions_file("base", "labels") == Path("data/datasets/base/decisions/labels.jsonl")
