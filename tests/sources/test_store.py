"""The store source, against a real S3 server on loopback and fsspec's own stores."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time

import fsspec
import pytest

from genimg_core.errors import SourceError
from genimg_core.sources import store_client
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.scan import list_source, scan
from genimg_core.sources.source import digest
from genimg_core.sources.store import StoreParams, StoreSource
from tests.sources.s3 import BUCKET, S3, s3_server

FILES = {
    "cat/1.png": b"one",
    "cat/deep/2.png": b"two" * 1000,
    "dog/ζ +%.png": b"three",
    "top.png": b"four",
    "e.png": b"",
}


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as running:
        yield running


@pytest.fixture
def s3(server, request, monkeypatch) -> S3:
    """An empty prefix of the bucket, named as the test; nothing fails, nothing waits."""
    monkeypatch.setattr(store_client, "FIRST_WAIT_S", 0.01)
    server.prefix = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    server.door.seen.clear()
    server.door.fault = lambda method, path: None
    return server


def _put(s3: S3, files: dict[str, bytes]) -> None:
    s3.put({f"{s3.prefix}/{path}": data for path, data in files.items()})


def _params(s3: S3, **params) -> StoreParams:
    return StoreParams(url=f"s3://{BUCKET}/{s3.prefix}", endpoint_url=s3.url, **params)


def _scan(params, earlier=None):
    return {file.path: file for file in StoreSource(params).scan(earlier or {})}


def test_a_bucket_gives_what_the_folder_gives(s3, tmp_path):
    _put(s3, {**FILES, "cat/": b"", "dog/.DS_Store": b"x"})
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    source = StoreSource(_params(s3))
    files = source.scan({})
    assert digest(files) == digest(FolderSource(FolderParams(path=str(tmp_path))).scan({}))
    assert dict(source.contents([file.path for file in files])) == FILES
    assert all(file.etag for file in files)
    s3.put({f"{s3.prefix}-other/x.png": b"not below the URL"})
    assert _scan(_params(s3)).keys() == FILES.keys()


def test_labels_from_a_csv_here(s3, tmp_path):
    _put(s3, {"images/a.png": b"a", "images/b.png": b"b"})
    table = tmp_path / "l.csv"
    table.write_text("file,label,split\na.png,x,train\nb.png,y,test\ngone.png,z,\n")
    labels = {"csv": str(table), "split_column": "split"}
    with pytest.raises(SourceError, match=f"set `url: s3://{BUCKET}/{s3.prefix}/images`"):
        _scan(_params(s3, labels=labels))
    params = StoreParams(url=f"s3://{BUCKET}/{s3.prefix}/images/", endpoint_url=s3.url, labels=labels)
    assert {path: (file.label, file.split, file.reason) for path, file in _scan(params).items()} == {
        "a.png": ("x", "train", None),
        "b.png": ("y", "test", None),
        "gone.png": ("z", None, "missing_file"),
    }


@pytest.mark.slow
def test_more_than_a_page_of_keys(s3):
    """A page of a listing holds 1,000."""
    _put(s3, {f"{number % 7}/{number}.png": b"%d" % number for number in range(1_150)})
    files = _scan(_params(s3))
    assert len(files) == 1_150 and len([path for _, path, _ in s3.door.seen if "list-type" in path]) == 2
    assert files["0/7.png"].sha256 == hashlib.sha256(b"7").hexdigest()


def test_an_unchanged_object_is_not_read_again(s3, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _put(s3, FILES)
    params = _params(s3)
    first = scan("base", params)
    assert len(s3.reads()) == 4  # the empty one needs none
    s3.door.seen.clear()
    assert not scan("base", params).changed and not s3.reads()
    _put(s3, {"top.png": b"FOUR", "new.png": b"new"})
    assert scan("base", params).changed
    assert sorted(s3.reads()) == [f"/{BUCKET}/{s3.prefix}/{name}" for name in ("new.png", "top.png")]
    assert list_source("base", params) != first.listing


def test_an_object_too_large_is_a_row_and_is_not_read(s3):
    _put(s3, {"a/small.png": b"12", "a/large.png": b"x" * 5000})
    files = _scan(_params(s3, max_file_bytes=100))
    assert (files["a/large.png"].reason, files["a/large.png"].bytes, files["a/large.png"].label) == (
        "too_many_bytes",
        5000,
        "a",
    )
    assert s3.reads() == [f"/{BUCKET}/{s3.prefix}/a/small.png"]


def test_an_object_that_grew_since_it_was_listed_is_read_no_further(s3):
    _put(s3, {"a.png": b"small"})

    def grow(method: str, path: str) -> None:
        if method == "GET" and path.partition("?")[0].endswith("/a.png"):
            _put(s3, {"a.png": b"x" * 10_000_000})

    s3.door.fault = grow
    row = _scan(_params(s3))["a.png"]
    assert (row.reason, row.detail, row.sha256) == ("unreadable_file", "changed since it was listed", None)
    (asked,) = [headers["Range"] for method, path, headers in s3.door.seen if path.endswith("/a.png")]
    assert asked == "bytes=0-5"


def test_an_object_that_vanishes_meanwhile(s3, tmp_path, monkeypatch):
    _put(s3, {f"{number}.png": b"%d" % number for number in range(3)})

    def take(method: str, path: str) -> None:
        if "list-type" not in path:
            s3.client.delete_object(Bucket=BUCKET, Key=f"{s3.prefix}/1.png")

    s3.door.fault = take
    source = StoreSource(_params(s3))
    files = {file.path: file for file in source.scan({})}
    assert (files["1.png"].reason, files["1.png"].detail) == ("unreadable_file", "gone since it was listed")
    assert sorted(path for path, _ in source.contents(files)) == ["0.png", "2.png"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_store_that_stumbles_is_asked_again(s3, status):
    _put(s3, FILES)
    stumbles = {"list": 2, "top.png": 2, "1.png": 1}

    def fault(method: str, path: str) -> int | None:
        name = "list" if "list-type" in path else path.partition("?")[0].rpartition("/")[2]
        stumbles[name] = stumbles.get(name, 0) - 1
        return status if stumbles[name] >= 0 else None

    s3.door.fault = fault
    files = _scan(_params(s3, retries=2))
    assert {file.reason for file in files.values()} == {None} and len(files) == 5


def test_one_object_that_cannot_be_read_is_a_row_and_is_tried_again_at_the_next_scan(s3, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _put(s3, FILES)
    s3.door.fault = lambda method, path: 503 if "top.png" in path else None
    params = _params(s3, retries=1)
    row = next(file for file in scan("base", params).listing if file.path == "top.png")
    assert row.reason == "unreadable_file" and row.detail.startswith("could not be read in 2 tries")
    s3.door.seen.clear()
    s3.door.fault = lambda method, path: None
    assert all(file.sha256 for file in scan("base", params).listing)
    assert s3.reads() == [f"/{BUCKET}/{s3.prefix}/top.png"]


def test_a_store_that_stops_answering_is_an_error_and_not_an_empty_data_set(s3):
    _put(s3, {f"{number:02}.png": b"%d" % number for number in range(30)})
    s3.door.fault = lambda method, path: None if "list-type" in path else 503
    with pytest.raises(SourceError, match=r"(?s)has stopped answering: 20 objects in a row.*remedy"):
        _scan(_params(s3, retries=0))


def test_an_answer_that_does_not_come_is_not_waited_for(s3):
    _put(s3, FILES)
    quiet = threading.Event()

    def hang(method: str, path: str) -> None:
        if "top.png" in path:
            quiet.wait(20)

    s3.door.fault = hang
    try:
        began = time.monotonic()
        files = _scan(_params(s3, retries=1, timeout_s=0.5))
        assert time.monotonic() - began < 15
    finally:
        quiet.set()
    assert files["top.png"].detail.startswith("could not be read in 2 tries") and files["cat/1.png"].sha256


def test_an_object_that_may_not_be_read_is_a_row(s3):
    _put(s3, FILES)
    s3.door.fault = lambda method, path: 403 if "top.png" in path else None
    files = _scan(_params(s3))
    assert (files["top.png"].reason, files["top.png"].detail) == ("unreadable_file", "may not be read")
    assert files["cat/1.png"].sha256


def test_caps(s3):
    _put(s3, FILES)
    with pytest.raises(SourceError, match=r"holds 3,012 bytes, more than 3,011"):
        _scan(_params(s3, max_total_bytes=3011))
    with pytest.raises(SourceError, match=r"holds 5 objects, more than 4"):
        _scan(_params(s3, max_objects=4))
    assert not s3.reads()
    assert len(_scan(_params(s3, max_total_bytes=3012, max_objects=5))) == 5


def test_names_that_lead_elsewhere_are_rows_with_a_safe_path(s3):
    _put(s3, {"../../etc/passwd": b"x", "/abs.png": b"x", "a/./b.png": b"x", "a//b.png": b"x", "fine.png": b"x"})
    files = _scan(_params(s3))
    assert {path: file.reason for path, file in files.items()} == {
        "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd": "unsafe_member",
        "%2Fabs%2Epng": "unsafe_member",
        "a%2F%2E%2Fb%2Epng": "unsafe_member",
        "a%2F%2Fb%2Epng": "unsafe_member",
        "fine.png": None,
    }
    assert s3.reads() == [f"/{BUCKET}/{s3.prefix}/fine.png"]


@pytest.mark.parametrize("url", ["s3://nothing-here/x", f"s3://{BUCKET}/nothing"])
def test_nothing_there(s3, url):
    with pytest.raises(SourceError, match=r"(?s)holds no objects.*remedy"):
        _scan(StoreParams(url=url, endpoint_url=s3.url))


def test_no_credentials_and_wrong_ones(s3, monkeypatch, tmp_path):
    _put(s3, FILES)
    s3.door.fault = lambda method, path: 403
    with pytest.raises(SourceError, match=r"(?s)may not be listed.*remedy: .*AWS_PROFILE.*anonymous") as caught:
        _scan(_params(s3))
    assert "testing-secret" not in str(caught.value)
    s3.door.fault = lambda method, path: None
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceError, match="may not be listed"):
        _scan(_params(s3))
    s3.door.seen.clear()
    assert len(_scan(_params(s3, anonymous=True))) == 5
    assert not any("Authorization" in headers for _, _, headers in s3.door.seen)


def test_no_server(s3):
    with pytest.raises(SourceError, match=r"(?s)cannot be reached.*remedy: correct `url` or `endpoint_url`"):
        _scan(StoreParams(url="s3://b", endpoint_url="http://127.0.0.1:9", retries=0))


# --- other stores -----------------------------------------------------------------------------------------------------


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def test_memory(memory):
    for path, data in FILES.items():
        memory.pipe(f"/set/{path}", data)
    source = StoreSource(StoreParams(url="memory://set"))
    files = {file.path: file for file in source.scan({})}
    assert files.keys() == FILES.keys() and files["cat/1.png"].label == "cat"
    assert dict(source.contents(FILES)) == FILES
    assert {file.path: file for file in source.scan(files)} == files
    memory.pipe("/set/cat/1.png", b"ONE")
    assert {file.path: file for file in source.scan(files)}["cat/1.png"].sha256 == hashlib.sha256(b"ONE").hexdigest()


def test_files_and_links(tmp_path):
    (tmp_path / "in/cat").mkdir(parents=True)
    (tmp_path / "in/cat/1.png").write_bytes(b"one")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in/link.png").symlink_to(tmp_path / "secret")
    (tmp_path / "in/round").symlink_to(tmp_path / "in")
    (tmp_path / "in/broken").symlink_to(tmp_path / "nothing")
    (tmp_path / os.fsdecode(b"in/\xff.png")).write_bytes(b"latin")
    files = _scan(StoreParams(url=f"file://{tmp_path}/in"))
    assert {path: file.reason for path, file in files.items()} == {
        "cat/1.png": None,
        "link.png": "unsafe_member",
        "round": "unsafe_member",
        "broken": "unsafe_member",
        "%FF%2Epng": "unsafe_member",
    }
    with pytest.raises(SourceError, match="holds no objects"):
        _scan(StoreParams(url=f"file://{tmp_path}/secret"))
    with pytest.raises(SourceError, match="holds no objects"):
        _scan(StoreParams(url=f"file://{tmp_path}/nothing"))
