"""The folder source: what it lists, what it says of labels, what it refuses."""

from __future__ import annotations

import csv
import hashlib
import os
import socket
import tempfile
from pathlib import Path

import pytest

from genimg_core.errors import SourceError
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.labels import CsvLabels


def _fill(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def _scan(root: Path, **params):
    return {file.path: file for file in FolderSource(FolderParams(path=str(root), **params)).scan({})}


def _csv(path: Path, *rows: tuple[str, ...]) -> str:
    with path.open("w", encoding="utf8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return str(path)


# --- what is listed ---------------------------------------------------------------------------------------------------


def test_every_regular_file_is_listed_with_the_hash_of_its_bytes(tmp_path):
    _fill(tmp_path, "cat/1.png", "cat/deep/er/2.txt", "dog/3", "top.jpg", "dog/.hidden", ".DS_Store", "cat/Thumbs.db")
    files = _scan(tmp_path)
    assert set(files) == {"cat/1.png", "cat/deep/er/2.txt", "dog/3", "top.jpg", "dog/.hidden"}
    assert files["cat/1.png"].sha256 == hashlib.sha256(b"cat/1.png").hexdigest()
    assert files["cat/1.png"].bytes == 9


@pytest.mark.parametrize("path", [".", "./", "a", "a/", "./a//b/..", "../x/a"])
def test_paths_are_relative_to_the_folder_however_it_is_written(tmp_path, monkeypatch, path):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    _fill(tmp_path / "x" / "a", "1.png", "b/2.png")
    files = {file.path for file in FolderSource(FolderParams(path=path)).scan({})}
    assert files == ({"a/1.png", "a/b/2.png"} if path in (".", "./") else {"1.png", "b/2.png"})


def test_labels_from_first_level_folders(tmp_path):
    files = _scan(_fill(tmp_path, "cat/1.png", "cat/deep/2.png", "top.jpg"))
    assert {path: file.label for path, file in files.items()} == {
        "cat/1.png": "cat",
        "cat/deep/2.png": "cat",
        "top.jpg": None,
    }


def test_strange_names_are_kept_apart_and_read_back(tmp_path):
    names = [b"new\nline.png", "ζ 字.png".encode(), b"\xff\xfe latin.png", b"back\\x41slash.png", b'quo"te,.png']
    for name in names:
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(b"I am " + name)
    source = FolderSource(FolderParams(path=str(tmp_path)))
    files = source.scan({})
    assert len(files) == len({file.path for file in files}) == 5
    for file in files:
        file.path.encode("utf8")
    contents = dict(source.contents([file.path for file in files]))
    assert {hashlib.sha256(data).hexdigest() for data in contents.values()} == {file.sha256 for file in files}
    assert set(contents.values()) == {b"I am " + name for name in names}


def test_links_are_followed_only_inside(tmp_path):
    outside = _fill(tmp_path / "outside", "secret.png", "folder/x.png")
    root = _fill(tmp_path / "root", "a/1.png")
    (root / "a/inside.png").symlink_to(root / "a/1.png")
    (root / "a/secret.png").symlink_to(outside / "secret.png")
    (root / "folder").symlink_to(outside / "folder")
    (root / "round").symlink_to(root)
    (root / "broken.png").symlink_to(root / "nothing")
    files = _scan(root)
    assert {path: file.reason for path, file in files.items()} == {
        "a/1.png": None,
        "a/inside.png": None,
        "a/secret.png": "unsafe_member",
        "folder": "unsafe_member",
        "broken.png": "unreadable_file",
    }
    assert files["a/secret.png"].sha256 is None


def test_what_is_no_regular_file_is_a_row(tmp_path):
    _fill(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe")
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s")
        os.rename(f"{short}/s", tmp_path / "socket")
        files = _scan(tmp_path)
    assert {path: file.reason for path, file in files.items()} == {
        "a.png": None,
        "pipe": "unsafe_member",
        "socket": "unsafe_member",
    }


def test_a_file_too_large_is_a_row_and_is_not_read(tmp_path):
    _fill(tmp_path, "small", "much_larger_than_that")
    files = _scan(tmp_path, max_file_bytes=10)
    assert (files["much_larger_than_that"].reason, files["much_larger_than_that"].sha256) == ("too_many_bytes", None)
    assert files["small"].sha256


def test_a_file_without_permission_is_a_row():
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        os.chmod(root, 0o755)
        _fill(Path(root), "a.png", "locked.png", "shut/b.png")
        os.chmod(f"{root}/locked.png", 0)
        os.chmod(f"{root}/shut", 0)
        me = os.geteuid()
        try:
            if me == 0:
                os.seteuid(65534)
            files = _scan(Path(root))
        finally:
            os.seteuid(me)
            os.chmod(f"{root}/shut", 0o755)
    assert {path: file.reason for path, file in files.items()} == {
        "a.png": None,
        "locked.png": "unreadable_file",
        "shut": "unreadable_file",
    }


@pytest.mark.parametrize(
    ("path", "told"),
    [("nowhere", "there is no folder"), ("empty", "holds no files"), ("file", "is a file, not a folder")],
)
def test_no_folder(tmp_path, path, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy"):
        _scan(tmp_path / path)


# --- labels from a CSV ------------------------------------------------------------------------------------------------


def test_labels_splits_and_what_the_csv_does_not_name(tmp_path):
    root = _fill(tmp_path / "images", "a.png", "sub/b.png", "c.png", "unnamed.png")
    table = _csv(
        tmp_path / "l.csv",
        ("file", "label", "split"),
        ("a.png", "cat", "train"),
        ("./sub//b.png", " dog ", ""),
        ("c.png", "", "test"),
    )
    files = _scan(root, labels={"csv": table, "split_column": "split"})
    assert {path: (file.label, file.split) for path, file in files.items()} == {
        "a.png": ("cat", "train"),
        "sub/b.png": ("dog", None),
        "c.png": (None, "test"),
        "unnamed.png": (None, None),
    }


def test_the_csv_itself_is_no_image(tmp_path):
    _fill(tmp_path, "a.png", "sub/labels.csv")
    table = _csv(tmp_path / "labels.csv", ("file", "label"), ("a.png", "cat"))
    assert set(_scan(tmp_path, labels={"csv": table})) == {"a.png", "sub/labels.csv"}


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    _fill(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbffile,label\r\na.png,cat\r\n")
    assert _scan(tmp_path, labels={"csv": str(tmp_path / "labels.csv")})["a.png"].label == "cat"


def test_where_chooses_what_is_collected_at_all(tmp_path):
    root = _fill(tmp_path / "images", "a.png", "b.png", "c.png", "unnamed.png")
    table = _csv(
        tmp_path / "l.csv",
        ("file", "label", "group", "n"),
        ("a.png", "x", "animals", "1"),
        ("b.png", "y", "food", "1"),
        ("c.png", "z", "animals", "2"),
        ("gone1.png", "", "food", "1"),
        ("gone2.png", "", "food", "1"),
        ("gone3.png", "", "food", "1"),
    )
    assert set(_scan(root, labels={"csv": table, "where": {"group": "animals"}})) == {"a.png", "c.png"}
    assert set(_scan(root, labels={"csv": table, "where": {"group": "animals", "n": 1}})) == {"a.png"}
    with pytest.raises(SourceError, match=r"group = animal.*\n.*did you mean 'animals'"):
        _scan(root, labels={"csv": table, "where": {"group": "animal"}})
    with pytest.raises(SourceError, match=r"more|not in the source"):
        _scan(root, labels={"csv": table, "where": {"group": "food"}})


def test_an_absent_file_is_a_row(tmp_path):
    root = _fill(tmp_path / "images", "a.png", "b.png")
    table = _csv(
        tmp_path / "l.csv",
        ("file", "label"),
        ("a.png", "cat"),
        ("b.png", "cat"),
        ("gone.png", "dog"),
        ("../../etc/passwd", "x"),
    )
    files = _scan(root, labels={"csv": table})
    assert (files["gone.png"].reason, files["gone.png"].label, files["gone.png"].sha256) == (
        "missing_file",
        "dog",
        None,
    )
    assert files["../../etc/passwd"].reason == "missing_file"


def test_mostly_absent_files_suggest_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _fill(tmp_path, "set/images/a.png", "set/images/b.png")
    below = _csv(tmp_path / "below.csv", ("file", "label"), ("a.png", "x"), ("b.png", "y"))
    with pytest.raises(SourceError, match=r"2 of the 2 files.*\n.*`path: set/images`"):
        _scan(Path("set"), labels={"csv": below})
    above = _csv(tmp_path / "above.csv", ("file", "label"), ("images/a.png", "x"), ("images/b.png", "y"))
    with pytest.raises(SourceError, match=r"`path: set`"):
        _scan(Path("set/images"), labels={"csv": above})
    neither = _csv(tmp_path / "neither.csv", ("file", "label"), ("q.png", "x"))
    with pytest.raises(SourceError, match="set `path` to the folder"):
        _scan(Path("set/images"), labels={"csv": neither})


@pytest.mark.parametrize(
    ("text", "labels", "told"),
    [
        ("file,lable\na.png,x\n", {}, r"no column 'label'\n.*did you mean 'lable'"),
        ("name,label\na.png,x\n", {}, r"no column 'file'\n.*known here: label, name"),
        ("file,label\na.png,x\n", {"where": {"grup": "x"}}, "no column 'grup'"),
        ("file,label,split\na.png,x,valid\n", {"split_column": "split"}, "line 2 .*split 'valid'"),
        ("file,label\na.png,x\na.png,y\n", {}, "twice.* lines 2 and 3"),
        ("file,label\n,y\n", {}, "line 2 .* names no file"),
        ("file,label\n", {}, "a header and no rows"),
        ("", {}, "no column 'file'"),
    ],
)
def test_a_csv_that_does_not_fit(tmp_path, text, labels, told):
    _fill(tmp_path / "images", "a.png")
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy|remedy.*{told}|{told}"):
        _scan(tmp_path / "images", labels={"csv": str(tmp_path / "l.csv"), **labels})


def test_a_csv_that_is_not_there_or_no_text(tmp_path):
    root = _fill(tmp_path / "images", "a.png")
    with pytest.raises(SourceError, match="there is no labels file"):
        _scan(root, labels={"csv": str(tmp_path / "l.csv")})
    (tmp_path / "l.csv").write_bytes(b"file,label\na.png,\xe9t\xe9\n")
    with pytest.raises(SourceError, match="not UTF-8"):
        _scan(root, labels={"csv": str(tmp_path / "l.csv")})


def test_a_bad_label_column_can_be_switched_off(tmp_path):
    root = _fill(tmp_path / "images", "a.png")
    table = _csv(tmp_path / "l.csv", ("file",), ("a.png",))
    assert _scan(root, labels=CsvLabels(csv=table, label_column=None))["a.png"].label is None
