"""A table of URLs through scan, collect and profile, from a server that misbehaves."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.sources.downloads.names import path_of
from genimg_core.stages.runner import load_stage, run_stage
from genimg_core.store.manifest import MANIFEST_COLUMNS, read_table
from genimg_core.store.shards import ShardReader
from tests.sources.downloads.server import Server, png, serving

DATA = Path("data/datasets/base")
GOOD = ["ok/1.png", "flaky/2", "to/ok/3.png", "page/4", "gzip/5", "too_long_said/6", "etag/7"]
BAD = {"status/404": "http_404", "endless/1": "too_many_bytes", "robots/noai": "opted_out", "hangs_up/1":
       "connection_failed", "away/http:~~127.0.0.2": "refused_address", "loop/1": "too_many_redirects"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def workspace(tmp_path, monkeypatch, server) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENIMG_WORKERS", "1")
    rows = [{"url": server.url(path), "kind": "ab"[n % 2], "licence": "CC0"} for n, path in enumerate([*GOOD, *BAD])]
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"kind": "table", "file": "t.jsonl", "url_column": "url", "label_column": "kind",
              "max_file_bytes": 100_000, "keep_columns": ["licence"],
              "download": {"allow_hosts": ["127.0.0.1"], "backoff_s": 0.02}}
    tree = {"seed": 0, "image": {"size": 16, "channels": 3}, "datasets": {"base": {"source": source, "profile": {}}}}
    with open("params.yaml", "w", encoding="utf8") as stream:
        YAML().dump(tree, stream)
    return tmp_path


def _stage(name: str, **paths: Path) -> None:
    run_stage(load_stage(name), "base", paths, Path(f"{name}-report"), Path(f"{name}.json"))


def test_from_urls_to_profiles(workspace, server, capsys):
    assert main(["scan"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("base: 13 files") and "changed; 6 without bytes: 1 " in told
    _stage("collect", source_lock=DATA / "source.lock", raw=DATA / "raw")
    manifest = read_table(DATA / "raw/manifest.parquet")
    assert list(manifest.columns) == [*MANIFEST_COLUMNS, "extra"]
    rows = manifest.set_index("path")
    reader = ShardReader(DATA / "raw")
    for number, path in enumerate(GOOD, start=1):
        row = rows.loc[path_of(server.url(path))]
        assert reader.read(row.shard, row.offset, row.bytes) == png(number)
        assert row.image_id == hashlib.sha256(png(number)).hexdigest()
        assert json.loads(row.extra) == {"licence": "CC0", "url": server.url(path)}
    assert {path: rows.loc[path_of(server.url(path))].reason for path in BAD} == BAD
    _stage("profile", raw=DATA / "raw", profile=DATA / "profile")
    profile = read_table(DATA / "profile/profile.parquet")
    assert len(profile) == 13 and sorted(profile["reason"].dropna()) == sorted(BAD.values())
    assert (profile[profile["reason"].isna()]["width"] == 24).all()
    assert profile["extra"].tolist() == manifest["extra"].tolist()  # licences travel with the row


def test_the_same_bytes_again_without_a_request_and_without_the_listing(workspace, server):
    main(["scan"])
    _stage("collect", source_lock=DATA / "source.lock", raw=DATA / "raw")
    first = {path: path.read_bytes() for path in (DATA / "raw").rglob("*") if path.is_file()}
    asked = server.asked.total()
    shutil.rmtree(DATA / "raw")
    _stage("collect", source_lock=DATA / "source.lock", raw=DATA / "raw")
    assert server.asked.total() == asked
    shutil.rmtree(".genimg")
    shutil.rmtree(DATA / "raw")
    _stage("collect", source_lock=DATA / "source.lock", raw=DATA / "raw")
    assert {path: path.read_bytes() for path in (DATA / "raw").rglob("*") if path.is_file()} == first


def test_only_what_is_new_is_fetched(workspace, server, capsys):
    main(["scan"])
    before = dict(server.asked)
    with open("t.jsonl", "a", encoding="utf8") as stream:
        stream.write(json.dumps({"url": server.url("ok/99.png"), "kind": "b", "licence": "BY"}) + "\n")
    assert main(["scan"]) == 0
    assert {path: count - before.get(path, 0) for path, count in server.asked.items() if count != before.get(path)} == {
        "/ok/99.png": 1, "/hangs_up/1": 6}
    assert main(["scan", "--retry"]) == 0
    assert server.asked["/status/404"] == 2 and server.asked["/ok/1.png"] == 1
