"""Whatever a CSV of labels, a folder or a database holds: every file a row, or one clear error."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.params import parse
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.registry import SourceParams, open_source
from tests.sources.label_files import fill, scan, told

quickly = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["a.png", "b/c.png", "train", "../a.png", "/a.png", '"', "=x"])


@quickly
@given(st.binary(max_size=200) | st.lists(st.lists(CELLS, max_size=4), max_size=4).map(
    lambda rows: ("file,label,split\n" + "\n".join(map(",".join, rows))).encode()))
@example(b'file,label\n"a.png')
@example(b"file,label,file\na.png,x,b.png\n")
def test_any_csv_gives_labels_or_a_source_error(tmp_path, data):
    root = fill(tmp_path / "f", "a.png", "b/c.png")
    (tmp_path / "l.csv").write_bytes(data)
    for more in ({}, {"split_column": "split"}, {"where": {"label": "x"}}):
        try:
            files = scan(root, {"csv": str(tmp_path / "l.csv"), **more})
        except SourceError as error:
            assert error.cause and error.remedy
            continue
        assert more.get("where") or {"a.png", "b/c.png"} <= set(files)
        for path, file in files.items():
            assert (file.sha256 is None) == (file.reason is not None) and path
            assert file.label is None or file.label.strip() == file.label != ""


@quickly
@given(st.dictionaries(st.sampled_from(["a.png", "b/c.png", "d e.png", "ü.png"]),
                       CELLS.filter(lambda text: "\r" not in text), min_size=1))
def test_what_is_written_is_read(tmp_path, labels):
    root = fill(tmp_path / "f", "a.png", "b/c.png", "d e.png", "ü.png")
    with (tmp_path / "l.csv").open("w", encoding="utf8", newline="") as stream:
        csv.writer(stream).writerows([("file", "label"), *labels.items()])
    found = told(scan(root, {"csv": str(tmp_path / "l.csv")}))
    assert {path: found[path] for path in labels} == {path: label.strip() or None for path, label in labels.items()}


@quickly
@given(st.dictionaries(st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & {0, 47} and name not in (b".", b"..", b".DS_Store", b"Thumbs.db")),
    st.binary(max_size=20), min_size=1, max_size=6))
def test_any_names_in_a_folder(tmp_path, files):
    """Names are bytes to Linux; to a table they are text, and lead back to the file."""
    root = tmp_path / "f"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, data in files.items():
        with open(os.path.join(os.fsencode(root), name), "wb") as stream:
            stream.write(data)
    source = FolderSource(FolderParams(path=str(root)))
    rows = {file.path: file for file in source.scan({})}
    assert len(rows) == len(files)
    contents = dict(source.contents(list(rows)))
    assert sorted(contents.values()) == sorted(files.values())
    for path, file in rows.items():
        path.encode("utf8")
        assert file.sha256 == hashlib.sha256(contents[path]).hexdigest()


@quickly
@given(st.binary(max_size=300), st.booleans(), st.text(max_size=20) | st.sampled_from(
    ["SELECT path FROM t", "DROP TABLE t", "SELECT 1", "ATTACH ':memory:' AS y", "SELECT path, path FROM t; SELECT 2"]))
def test_any_database_and_query_end_in_rows_or_a_source_error(tmp_path, data, header, query):
    (tmp_path / "d.sqlite").write_bytes((b"SQLite format 3\0" if header else b"") + data)
    tree = {"kind": "table", "database": f"sqlite:///{tmp_path}/d.sqlite", "query": query or "x", "path_column": "path"}
    with pytest.raises(SourceError) as caught:
        open_source(parse(SourceParams, tree, "source")).scan({})
    assert caught.value.remedy and "Traceback" not in str(caught.value)
