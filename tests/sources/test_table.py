"""The table source: a row for each image that is named, whatever became of it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.downloads.names import path_of
from genimg_core.sources.scan import list_source, scan
from genimg_core.sources.source import SourceFile, digest
from genimg_core.sources.table import TableParams, TableSource
from tests.sources.downloads.server import Server, png, serving

LOCAL = {"allow_hosts": ["127.0.0.1"], "backoff_s": 0.02, "timeout_s": 5}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _csv(name: str, *rows: tuple[Any, ...]) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with open(name, "w", encoding="utf8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return name


def _of_urls(**params: Any) -> TableSource:
    return TableSource(TableParams(**{"file": "t.csv", "url_column": "url", "download": LOCAL} | params))


def _of_paths(**params: Any) -> TableSource:
    return TableSource(TableParams(**{"file": "t.csv", "path_column": "file"} | params))


# --- URLs -------------------------------------------------------------------------------------------------------------


def test_every_url_gets_a_row(here, server):
    urls = [server.url(path) for path in ("ok/1.png", "status/404", "ok/2.png")]
    _csv("t.csv", ("url", "label", "split"), (urls[0], "cat", "train"), (urls[1], "dog", ""), (urls[2], "", "test"),
         ("not a url", "", ""), ("", "", ""))
    files = {file.path: file for file in _of_urls(label_column="label", split_column="split").scan({})}
    assert set(files) == {*map(path_of, urls), path_of("not a url"), "no_place/line_0000006"}
    first, second, third = (files[path_of(url)] for url in urls)
    assert (first.sha256, first.bytes) == (hashlib.sha256(png(1)).hexdigest(), len(png(1)))
    assert (first.label, first.split, first.reason) == ("cat", "train", None)
    assert (second.label, second.reason, second.sha256, second.bytes) == ("dog", "http_404", None, 0)
    assert (third.label, third.split) == (None, "test")
    assert files[path_of("not a url")].reason == files["no_place/line_0000006"].reason == "bad_url"
    assert json.loads(first.extra) == {"url": urls[0]}


def test_columns_that_are_kept_travel_as_json(here, server):
    url = server.url("ok/1.png?token=geheim")
    row = {"url": url, "licence": "CC-BY é", "year": 2019, "tags": ["a", "b"], "score": float("nan"), "gone": None}
    Path("t.jsonl").write_text(json.dumps(row) + "\n")
    source = _of_urls(file="t.jsonl", keep_columns=["licence", "year", "tags", "score", "gone"])
    (file,) = source.scan({})
    shown = url.replace("geheim", "%E2%80%A6")
    assert json.loads(file.extra) == {"licence": "CC-BY é", "year": 2019, "tags": '["a", "b"]', "url": shown}
    assert "geheim" not in repr(file)


def test_contents_come_from_the_store_and_what_it_has_lost_is_fetched_again(here, server):
    _csv("t.csv", ("url",), *((server.url(f"ok/{n}.png"),) for n in range(4)))
    source = _of_urls()
    files = source.scan({})
    wanted = {file.path: file.sha256 for file in files}
    gone = files[0].sha256
    Path(f".genimg/store/{gone[:2]}/{gone}").unlink()
    os.unlink("t.csv")
    found = dict(source.contents(sorted(set(wanted) - {files[0].path})))
    assert {path: hashlib.sha256(data).hexdigest() for path, data in found.items()} == {
        path: sha256 for path, sha256 in wanted.items() if path != files[0].path
    }
    assert server.asked.total() == 4
    _csv("t.csv", ("url",), *((server.url(f"ok/{n}.png"),) for n in range(4)))
    assert set(dict(source.contents(wanted))) == set(wanted)
    assert server.asked.total() == 5
    __import__("shutil").rmtree(".genimg")
    assert set(dict(source.contents(wanted))) == set(wanted)
    assert server.asked.total() == 9


def test_the_same_url_twice_is_one_row_and_may_not_contradict_itself(here, server):
    url = server.url("ok/1.png")
    _csv("t.csv", ("url", "label"), (url, "a"), (f" {url} ", "a"))
    assert len(_of_urls(label_column="label").scan({})) == 1 and server.asked.total() == 1
    _csv("t.csv", ("url", "label"), (url, "a"), (url, "b"))
    with pytest.raises(SourceError, match=r"line 3 of t\.csv names .*again, with another label or split than line 2"):
        _of_urls(label_column="label").scan({})


def test_nothing_at_all_is_an_error_where_the_network_may_be_to_blame(here, server):
    _csv("t.csv", ("url",), ("http://127.0.0.1:1/a.png",), ("http://127.0.0.1:1/b.png",))
    quick = LOCAL | {"attempts": 1}
    with pytest.raises(SourceError, match=r"none of the 2 URLs of t\.csv could be fetched \(2 connection_failed\)"):
        _of_urls(download=quick).scan({})
    _csv("t.csv", ("url",), (server.url("status/404"),))
    assert [file.reason for file in _of_urls(download=quick).scan({})] == ["http_404"]


def test_a_retry_is_asked_for(here, server):
    _csv("t.csv", ("url",), (server.url("status/404"),), (server.url("ok/1.png"),))
    params = _of_urls().params
    list_source("base", params, Path("l"))
    list_source("base", params, Path("l"))
    assert server.asked["/status/404"] == 1
    server.routes["status"] = server.routes["ok"]
    assert scan("base", params, retry=True).lock.bytes > len(png(1))
    assert server.asked["/status/404"] == 2 and server.asked["/ok/1.png"] == 1


def test_equal_answers_give_equal_locks_on_another_machine(here, server, tmp_path_factory, monkeypatch):
    rows = [("url", "licence"), (server.url("ok/1.png"), "CC0"), (server.url("flaky/2"), "BY"),
            (server.url("status/404"), "")]
    _csv("t.csv", *rows)
    params = _of_urls(keep_columns=["licence"]).params
    first = scan("base", params).lock
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    _csv("t.csv", rows[0], *reversed(rows[1:]))
    assert scan("base", params).lock == first
    assert not scan("base", params).changed
    _csv("t.csv", *rows[:3], (rows[3][0], "new"))
    assert scan("base", params).changed


# --- paths ------------------------------------------------------------------------------------------------------------


def test_paths_are_relative_to_the_table_or_the_root(here):
    for name in ("d/a.png", "d/sub/b.png", "elsewhere/a.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(name.encode())
    _csv("d/t.csv", ("file", "label"), ("a.png", "x"), ("./sub//b.png", ""), (str(here / "d/sub/../a.png"), "x"))
    source = _of_paths(file="d/t.csv", label_column="label")
    files = {file.path: file for file in source.scan({})}
    assert set(files) == {"a.png", "sub/b.png"} and files["a.png"].label == "x" and files["a.png"].extra is None
    assert dict(source.contents(files)) == {"a.png": b"d/a.png", "sub/b.png": b"d/sub/b.png"}
    _csv("d/t.csv", ("file",), ("a.png",))
    (file,) = _of_paths(file="d/t.csv", root="elsewhere").scan({})
    assert file.sha256 == hashlib.sha256(b"elsewhere/a.png").hexdigest()


def test_nothing_outside_the_folder_is_read(here):
    (here / "secret.png").write_bytes(b"secret")
    (here / "d").mkdir()
    (here / "d/link.png").symlink_to(here / "secret.png")
    (here / "d/in.png").write_bytes(b"in")
    os.mkfifo(here / "d/pipe.png")
    named = ["../secret.png", str(here / "secret.png"), "x/../../secret.png", "/etc/passwd", "a\x00b", "link.png", ".",
             "pipe.png"]
    Path("d/t.jsonl").write_text("".join(json.dumps({"file": name}) + "\n" for name in [*named, "in.png"]))
    source = _of_paths(file="d/t.jsonl")
    files = source.scan({})
    assert len(files) == len(named) + 1
    assert {file.reason for file in files if file.path != "in.png"} == {"unsafe_member"}
    refused = [file.path for file in files if file.path.startswith("outside/")]
    assert len(set(refused)) == 6
    assert dict(source.contents([file.path for file in files] + named)) == {"in.png": b"in"}
    assert hashlib.sha256(b"secret").hexdigest() not in {file.sha256 for file in files}


def test_files_that_are_not_there(here):
    (here / "a.png").write_bytes(b"a")
    _csv("t.csv", ("file",), ("a.png",), ("gone.png",))
    assert {file.path: file.reason for file in _of_paths().scan({})} == {"a.png": None, "gone.png": "missing_file"}
    _csv("t.csv", ("file",), ("a.png",), ("gone.png",), ("lost.png",))
    with pytest.raises(SourceError, match=r"2 of the 3 files that t\.csv names are not in \.(?s:.)*set `root`"):
        _of_paths().scan({})


def test_unchanged_files_are_not_read_again(here):
    (here / "a.png").write_bytes(b"a")
    _csv("t.csv", ("file",), ("a.png",))
    (file,) = _of_paths().scan({})
    believed = SourceFile("a.png", 1, "believed", size=file.size, mtime_ns=file.mtime_ns)
    assert _of_paths().scan({"a.png": believed})[0].sha256 == "believed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(codec="utf8")) | st.sampled_from(["../x", "/", "..", "a/..", "\\x41", "a//b"]),
                min_size=1, max_size=8))
def test_any_path_is_a_safe_row_of_its_own_and_nothing_is_lost(here, places):
    (here / "t.jsonl").write_text("".join(json.dumps({"file": place}) + "\n" for place in [*places, "t.jsonl"] * 2))
    source = _of_paths(file="t.jsonl")
    try:
        files = source.scan({})
    except SourceError as error:
        assert "are not in" in error.cause
        return
    assert len({file.path for file in files}) == len(files)
    for file in files:
        assert not file.path.startswith(("/", "../")) and file.path != ".."
        assert (file.sha256 is None) == (file.reason is not None) or file.reason is None


# --- choosing rows, and what is wrong with them -----------------------------------------------------------------------


def test_where_compares_text_numbers_and_truth(here):
    for n in range(4):
        (here / f"{n}.png").write_bytes(b"%d" % n)
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"file": [f"{n}.png" for n in range(4)], "n": [0.0, 1.0, 2.0, None], "ok": [True, False, True, None],
               "kind": ["a", "a", "b", None]}
    pq.write_table(pa.table(columns), "t.parquet")

    def chosen(**where: Any) -> set[str]:
        return {file.path for file in _of_paths(file="t.parquet", where=where).scan({})}

    assert chosen(ok=True) == {"0.png", "2.png"} and chosen(ok=False) == {"1.png"}
    assert chosen(n=1) == {"1.png"} and chosen(kind="a", n=0) == {"0.png"}
    assert {file.label for file in _of_paths(file="t.parquet", label_column="n").scan({})} == {"0", "1", "2", None}
    with pytest.raises(SourceError, match=r"no row of t\.parquet has kind = bb(?s:.)*did you mean 'b'"):
        chosen(kind="bb")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("file", "split"), ("a", "val")], r"line 2 of t\.csv: split 'val'(?s:.)*train, validation, test"),
        ([("file", "split")], r"t\.csv has no rows"),
        ([("file",), ("a",)], "no column 'split'"),
    ],
)
def test_broken_rows_are_named(here, rows, told):
    _csv("t.csv", *rows)
    with pytest.raises(SourceError, match=told):
        _of_paths(split_column="split").scan({})


def test_a_cell_that_is_no_text_is_named(here):
    Path("t.jsonl").write_text('{"file": "a"}\n{"file": ["a", "b"]}\n')
    with pytest.raises(SourceError, match=r"line 2 of t\.jsonl holds no text in 'file'"):
        _of_paths(file="t.jsonl").scan({})


def test_a_query_names_urls_too(here, server):
    connection = sqlite3.connect("images.db")
    connection.execute("CREATE TABLE images (link TEXT, kind TEXT, licence TEXT)")
    connection.executemany("INSERT INTO images VALUES (?, ?, ?)",
                           [(server.url("ok/1.png"), "cat", "CC0"), (server.url("ok/2.png"), "dog", None)])
    connection.commit()
    connection.close()
    source = _of_urls(file=None, database="sqlite:///images.db", query="SELECT link, kind, licence FROM images",
                      url_column="link", label_column="kind", keep_columns=["licence"])
    files = sorted(source.scan({}), key=lambda file: file.label)
    assert [(file.label, json.loads(file.extra).get("licence"), file.reason) for file in files] == [
        ("cat", "CC0", None), ("dog", None, None)]


def test_the_extra_column_is_part_of_the_version_only_where_it_is():
    plain = SourceFile("a", 1, "00", "x", None)
    assert digest([plain]) == "sha256:" + hashlib.sha256(b'["a", "00", "x", null, null]').hexdigest()
    assert digest([SourceFile("a", 1, "00", "x", None, extra="{}")]) != digest([plain])
