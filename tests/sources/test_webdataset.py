"""WebDataset shards: fields find each other, pickles stay shut; from random bytes only a SourceError comes."""

from __future__ import annotations

import os
import pickle
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.webdataset import WebdatasetParams, WebdatasetSource
from genimg_core.sources.webdataset_shard import split_name
from tests.sources.shard_files import write_shard

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def _source(path: Path | str, **params) -> WebdatasetSource:
    return WebdatasetSource(WebdatasetParams(path=str(path), **params))


def _scan(path, **params):
    return {file.path: file for file in _source(path, **params).scan({})}


SAMPLES = {
    "a.jpg": b"A",
    "a.cls": b"1",
    "deep/b.png": b"B",
    "deep/b.json": b'{"label": "dog", "n": {"deep": 4}}',
    "deep/b.cls": b"0\n",
    "c.JPG": b"C",
}


@pytest.mark.parametrize("name", ["000.tar", "000.tar.zst"])
def test_images_labels_and_contents(tmp_path, name):
    source = _source(write_shard(tmp_path / name, SAMPLES))
    files = {file.path: file for file in source.scan({})}
    assert {path: file.label for path, file in files.items()} == {
        f"{name}/a.jpg": "1",
        f"{name}/deep/b.png": "0",
        f"{name}/c.JPG": None,
    }
    assert dict(source.contents([*files, f"{name}/nothing.jpg", "x/y.jpg"])) == {
        f"{name}/a.jpg": b"A",
        f"{name}/deep/b.png": b"B",
        f"{name}/c.JPG": b"C",
    }


@pytest.mark.parametrize(
    ("params", "labels"),
    [
        ({"label": "json.label"}, [None, None, "dog"]),
        ({"label": "json.n.deep"}, [None, None, "4"]),
        ({"label": None}, [None, None, None]),
        ({"class_names": ["cat", "cow"]}, ["cow", None, "cat"]),
    ],
)
def test_where_labels_come_from(tmp_path, params, labels):
    files = _scan(write_shard(tmp_path / "0.tar", SAMPLES), **params)
    assert [file.label for _, file in sorted(files.items())] == labels


def test_a_class_without_a_name(tmp_path):
    with pytest.raises(SourceError, match=r"a\.cls holds the class '1', and `class_names` has names for 0 to 0"):
        _scan(write_shard(tmp_path / "0.tar", SAMPLES), class_names=("cat",))


def test_many_shards_and_splits(tmp_path):
    for number in range(11):
        write_shard(tmp_path / f"train-{number:03}.tar", {"same.jpg": b"%d" % number, "same.cls": b"c"})
    write_shard(tmp_path / "val.tar", {"same.jpg": b"v"})
    pattern = f"{tmp_path}/train-{{000..010}}.tar"
    assert sorted(_scan(pattern)) == [f"train-{number:03}.tar/same.jpg" for number in range(11)]
    files = _scan(pattern, test_path=str(tmp_path / "val.tar"))
    assert len(files) == 12 and files["test/val.tar/same.jpg"].split == "test"
    assert files["train/train-010.tar/same.jpg"].split == "train"
    source = _source(pattern, test_path=str(tmp_path / "val.tar"))
    assert dict(source.contents(["test/val.tar/same.jpg", "train/train-003.tar/same.jpg"])) == {
        "test/val.tar/same.jpg": b"v",
        "train/train-003.tar/same.jpg": b"3",
    }
    with pytest.raises(SourceError, match="is in `path` and in `test_path`"):
        _scan(pattern, test_path=str(tmp_path / "train-003.tar"))


class _Trap:
    def __reduce__(self):
        return (os.mkdir, ("trap",))


def test_pickles_are_never_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap = pickle.dumps(_Trap())
    fields = ("pyd", "pyc", "pickle", "pkl", "pth", "pt", "state.pyd")
    members = {"a.jpg": b"A", **{f"a.{field}": trap for field in fields}, "a.npy": b"\x93NUMPY", "a.seg.png": b"S"}
    files = _scan(write_shard(tmp_path / "0.tar", members))
    assert {path: file.reason for path, file in files.items()} == {
        "0.tar/a.jpg": None,
        **{f"0.tar/a.{field}": "unsafe_member" for field in fields},
        "0.tar/a.npy": "unused_field",
        "0.tar/a.seg.png": "unused_field",
    }
    assert all(file.sha256 is None for file in files.values() if file.reason)
    assert "ignored_fields: [pyd]" in files["0.tar/a.pyd"].detail
    assert not (tmp_path / "trap").exists()
    left_out = _scan(tmp_path / "0.tar", ignored_fields=(*fields, "npy", "seg.png"))
    assert sorted(left_out) == ["0.tar/a.jpg"]


def test_labels_that_are_none_and_labels_without_image_are_rows(tmp_path):
    members = {
        "a.jpg": b"A", "a.cls": b"\xff", "lone.cls": b"3", "big.jpg": b"x" * 100, "big.cls": b"1", ".hidden": b"",
        "noext": b"", "sub/.DS_Store": b"",
    }  # fmt: skip
    files = _scan(write_shard(tmp_path / "0.tar", members), max_file_bytes=50)
    assert {path: (file.reason, file.label) for path, file in files.items()} == {
        "0.tar/a.jpg": (None, None),
        "0.tar/a.cls": ("unreadable_file", None),
        "0.tar/lone.cls": ("missing_file", "3"),
        "0.tar/big.jpg": ("too_many_bytes", "1"),
        "0.tar/.hidden": ("unused_field", None),
        "0.tar/noext": ("unused_field", None),
    }
    assert "UTF-8" in files["0.tar/a.cls"].detail


def test_only_a_changed_shard_is_read_again(tmp_path):
    for number in range(3):
        write_shard(tmp_path / f"{number}.tar", {"a.jpg": b"%d" % number})
    source = _source(f"{tmp_path}/*.tar")
    first = {file.path: file for file in source.scan({})}
    # Shard 0 changes behind the scan's back: size and time say that it did not.
    status = os.stat(tmp_path / "0.tar")
    write_shard(tmp_path / "0.tar", {"a.jpg": b"9"})
    os.utime(tmp_path / "0.tar", ns=(status.st_atime_ns, status.st_mtime_ns))
    write_shard(tmp_path / "1.tar", {"a.jpg": b"7", "b.jpg": b"8"})
    second = {file.path: file for file in source.scan(first)}
    assert second["0.tar/a.jpg"] == first["0.tar/a.jpg"] and second["2.tar/a.jpg"] == first["2.tar/a.jpg"]
    assert second["1.tar/a.jpg"].sha256 != first["1.tar/a.jpg"].sha256 and "1.tar/b.jpg" in second


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg"])
def test_a_name_that_leaves_the_shard(tmp_path, name):
    with pytest.raises(SourceError, match="unsafe member"):
        _scan(write_shard(tmp_path / "0.tar", {"a.jpg": b"A", name: b"x"}))


def test_a_link_a_cut_shard_and_limits(tmp_path):
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(SourceError, match=r"unsafe member 'a\.jpg': a link"):
        _scan(tmp_path / "link.tar")
    path = write_shard(tmp_path / "cut.tar", {f"{n}.jpg": os.urandom(900) for n in range(9)})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match=r"(?s)cut\.tar cannot be read.*remedy"):
        _scan(path)
    path = write_shard(tmp_path / "0.tar", SAMPLES)
    with pytest.raises(SourceError, match="more than 3 files"):
        _scan(path, max_members=3)
    with pytest.raises(SourceError, match="more than 600 bytes"):
        _scan(path, max_total_bytes=600)


@pytest.mark.parametrize("members", [{}, {"a.cls": b"1"}, {"a.txt": b"words"}])
def test_no_images(tmp_path, members):
    with pytest.raises(SourceError, match="holds no images"):
        _scan(write_shard(tmp_path / "0.tar", members))


@pytest.mark.parametrize(
    ("path", "parts"),
    [("a.jpg", ("a", "jpg")), ("x/a.SEG.png", ("x/a", "seg.png")), ("x.y/a.jpg", ("x.y/a", "jpg")), ("a", ("a", ""))],
)
def test_the_key_ends_at_the_first_dot_of_the_name(path, parts):
    assert split_name(path) == parts


USUAL_NAMES = st.sampled_from(["a.jpg", "a.cls", "a.pyd", "b.json"])
NAMES = st.text(alphabet="ab./\\é{}\n", min_size=1, max_size=12) | USUAL_NAMES


@SHARED
@given(st.dictionaries(NAMES, st.binary(max_size=30), max_size=6), st.sampled_from(["cls", "json.label", None]))
def test_any_members_give_safe_rows_or_a_source_error(tmp_path, members, label):
    write_shard(tmp_path / "0.tar", members)
    try:
        files = _scan(tmp_path / "0.tar", label=label)
    except SourceError:
        return
    for path, file in files.items():
        assert ".." not in path.split("/") and not path.startswith("/")
        assert (file.sha256 is None) == (file.reason is not None)


@SHARED
@given(st.binary(max_size=1500), st.integers(0, 3000), st.sampled_from([".tar", ".tar.zst"]))
def test_random_bytes_end_in_a_source_error(tmp_path, noise, place, suffix):
    path = write_shard(tmp_path / f"0{suffix}", SAMPLES)
    data = path.read_bytes()
    place %= len(data)
    for spoiled in (noise, data[:place] + noise[:3] + data[place + 3 :], data[:place]):
        path.write_bytes(spoiled)
        try:
            source = _source(path)
            files = source.scan({})
            for name, read in source.contents([file.path for file in files]):
                assert isinstance(read, bytes) and name
        except SourceError:
            pass
