"""Every source: scanned, collected and profiled in a project of its own; each image arrives with label and split."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import zstandard
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.stages.runner import load_stage, run_stage
from genimg_core.store.manifest import read_table
from tests.pictures import encoded, photo
from tests.sources.idx_files import pictures, write_idx
from tests.sources.s3 import BUCKET, s3_server
from tests.sources.shard_files import write_shard

BASE = Path("data/datasets/base")
PICTURES = {f"{'cat' if n % 2 else 'dog'}/{n}.png": encoded(photo(n)) for n in range(6)} | {"cat/none.png": b"no image"}


def _idx() -> dict:
    for name, count in (("train", 4), ("t10k", 2)):
        write_idx(Path(f"{name}-images.gz"), pictures(count, seed=count, shape=(24, 20)))
        write_idx(Path(f"{name}-labels"), np.arange(count, dtype=np.uint8))
    parts = {part: {"images": f"{name}-images.gz", "labels": f"{name}-labels"} for part, name in
             (("train", "train"), ("test", "t10k"))}  # fmt: skip
    return {"kind": "idx", "parts": parts, "class_names": ["dog", "cat", "cow", "hen"]}


def _torchvision() -> dict:
    for name, count in (("train", 4), ("t10k", 2)):
        write_idx(Path(f"root/KMNIST/raw/{name}-images-idx3-ubyte"), pictures(count, seed=count, shape=(28, 28)))
        write_idx(Path(f"root/KMNIST/raw/{name}-labels-idx1-ubyte.gz"), np.arange(count, dtype=np.uint8))
    return {"kind": "torchvision", "name": "KMNIST", "path": "root"}


def _webdataset() -> dict:
    for number in range(2):
        members = {"x.pyd": b"\x80\x04."} if number else {}
        for path, data in list(PICTURES.items())[number::2]:
            key = path.replace("/", "_").removesuffix(".png")
            members |= {f"{key}.png": data, f"{key}.json": json.dumps({"name": path.partition("/")[0]}).encode()}
        write_shard(Path(f"shards/{number:03}.tar"), members)
    return {"kind": "webdataset", "path": "shards/{000..001}.tar", "label": "json.name"}


def _archive() -> dict:
    plain = write_shard(Path("a.tar"), PICTURES)
    Path("a.tar.zst").write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    return {"kind": "archive", "path": "a.tar.zst"}


def _run(source: dict):
    """(manifest, profile table) of what a source gives."""
    with open("params.yaml", "w", encoding="utf8") as stream:
        dataset = {"source": source, "profile": {}}
        YAML().dump({"image": {"size": 16}, "datasets": {"base": dataset}}, stream)
    assert main(["scan"]) == 0
    paths = {"source_lock": BASE / "source.lock", "raw": BASE / "raw"}
    report = run_stage(load_stage("collect"), "base", paths, Path("r/collect"), Path("m/collect.json"))
    assert all(check.passed for check in report.checks)
    paths = {"raw": BASE / "raw", "profile": BASE / "profile"}
    report = run_stage(load_stage("profile"), "base", paths, Path("r/profile"), Path("m/profile.json"))
    assert all(check.passed for check in report.checks)
    return read_table(BASE / "raw/manifest.parquet"), read_table(BASE / "profile/profile.parquet")


def _check(source: dict, images: int, rejected: set[str], labels: set[str], splits: set[str]) -> None:
    manifest, profile = _run(source)
    assert len(profile) == len(manifest) == images + len(rejected)
    unreadable = profile[profile["reason"].notna()]
    assert set(unreadable["path"]) == rejected and (profile["width"].dropna() > 0).sum() >= images
    assert set(manifest["label"].dropna()) == labels and set(manifest["split"].dropna()) == splits
    first = (BASE / "source.lock").read_bytes()
    assert main(["scan"]) == 0 and (BASE / "source.lock").read_bytes() == first


@pytest.mark.parametrize(
    ("lay_out", "images", "rejected", "labels", "splits"),
    [
        (_idx, 6, set(), {"dog", "cat", "cow", "hen"}, {"train", "test"}),
        (_torchvision, 6, set(), {"o", "ki", "su", "tsu"}, {"train", "test"}),
        (_webdataset, 6, {"000.tar/cat_none.png", "001.tar/x.pyd"}, {"cat", "dog"}, set()),
        (_archive, 6, {"cat/none.png"}, {"cat", "dog"}, set()),
    ],
)
def test_files_on_this_machine(tmp_path, monkeypatch, lay_out, images, rejected, labels, splits):
    monkeypatch.chdir(tmp_path)
    _check(lay_out(), images, rejected, labels, splits)


def test_a_bucket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as s3:
        s3.put({f"set/{path}": data for path, data in PICTURES.items()})
        source = {"kind": "store", "url": f"s3://{BUCKET}/set", "endpoint_url": s3.url, "max_file_bytes": 100_000}
        _check(source, 6, {"cat/none.png"}, {"cat", "dog"}, set())
        assert "testing-secret" not in "".join(
            path.read_bytes().decode("latin1") for path in tmp_path.rglob("*") if path.is_file()
        )
        s3.client.delete_object(Bucket=BUCKET, Key="set/dog/0.png")
        command = ["collect", "base", f"--source_lock={BASE}/source.lock", f"--raw={BASE}/raw"]
        assert main([*command, "--report=r", "--metrics=m.json"]) == 2
