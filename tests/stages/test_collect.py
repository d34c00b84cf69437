"""Collect: a row for every file, the bytes in shards, and no copy of what the scan did not see."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.errors import SourceChangedError
from genimg_core.stages.runner import load_stage, run_stage
from genimg_core.store.manifest import MANIFEST_COLUMNS, read_table
from genimg_core.store.shards import ShardReader

PATHS = {"source_lock": Path("data/datasets/base/source.lock"), "raw": Path("data/datasets/base/raw")}


def _params(**source) -> None:
    with open("params.yaml", "w", encoding="utf8") as stream:
        YAML().dump({"datasets": {"base": {"source": source}}}, stream)


def _collect():
    return run_stage(load_stage("collect"), "base", PATHS, Path("report"), Path("metrics.json"))


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, data in {"a.png": b"one", "b/copy.png": b"one", "b/new\nline.png": b"two", "empty.png": b""}.items():
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(data)
    Path("labels.csv").write_text("file,label,split\na.png,x,train\nb/copy.png,x,\ngone.png,y,test\nempty.png,,\n")
    _params(kind="folder", path="images", labels={"csv": "labels.csv", "split_column": "split"})
    return tmp_path


def test_every_file_has_a_row_and_every_row_its_bytes(workspace):
    assert main(["scan"]) == 0
    report = _collect()
    frame = read_table(PATHS["raw"] / "manifest.parquet")
    assert list(frame.columns) == list(MANIFEST_COLUMNS)
    assert frame["path"].tolist() == ["a.png", "b/copy.png", "b/new\nline.png", "empty.png", "gone.png"]
    reader = ShardReader(PATHS["raw"])
    for row in frame.itertuples():
        if row.path == "gone.png":
            assert (row.reason, row.label, row.split, row.offset) == ("missing_file", "y", "test", -1)
            assert frame[["image_id", "shard"]].loc[row.Index].isna().all()
        else:
            data = (workspace / "images" / row.path).read_bytes()
            assert reader.read(row.shard, row.offset, row.bytes) == data
            assert row.image_id == hashlib.sha256(data).hexdigest()
    with tarfile.open(PATHS["raw"] / "shards/000000.tar") as tar:
        assert len(tar.getnames()) == 3
    tree = json.loads(Path("report/report.json").read_text())
    assert (tree["collected"], tree["distinct_images"], tree["bytes"]) == (5, 3, 9)
    assert (tree["labels"], tree["reasons"], tree["splits"]) == (
        {"x": 2, "y": 1},
        {"missing_file": 1},
        {"train": 1, "test": 1},
    )
    assert [(check.name, check.passed, check.observed) for check in report.checks] == [("nothing_lost", True, 5)]
    assert json.loads(Path("metrics.json").read_text())["collected"] == 5
    assert str(workspace) not in Path("report/report.json").read_text()


def test_two_runs_give_the_same_bytes_with_or_without_the_listing(workspace):
    main(["scan"])
    _collect()
    first = _hashes(PATHS["raw"]) | _hashes(Path("report"))
    shutil.rmtree(".genimg")
    os.utime("images/a.png")
    _collect()
    assert _hashes(PATHS["raw"]) | _hashes(Path("report")) == first


def test_an_archive_gives_the_same_shards_as_the_folder(workspace):
    with tarfile.open("images.tar.gz", "w:gz") as tar:
        for path in sorted(Path("images").rglob("*.png"), reverse=True):
            tar.add(path, path.relative_to("images"))
    main(["scan"])
    _collect()
    first = _hashes(PATHS["raw"])
    _params(kind="archive", path="images.tar.gz", labels={"csv": "labels.csv", "split_column": "split"})
    main(["scan"])
    _collect()
    assert _hashes(PATHS["raw"]) == first


def _overwrite() -> None:
    status = os.stat("images/a.png")
    Path("images/a.png").write_bytes(b"ONE")
    os.utime("images/a.png", ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [_overwrite, lambda: Path("images/a.png").unlink(), lambda: Path("images/a.png").write_bytes(b"longer")]
)
@pytest.mark.parametrize("listing", [True, False])
def test_a_source_that_changed_after_the_scan(workspace, change, listing):
    main(["scan"])
    _collect()
    before = _hashes(PATHS["raw"])
    change()
    if not listing:
        shutil.rmtree(".genimg/scan")
    with pytest.raises(SourceChangedError, match=r"(?s)has changed since it was scanned.*remedy: run `genimg scan`"):
        _collect()
    assert _hashes(PATHS["raw"]) == before
    main(["scan"])
    _collect()
    assert _hashes(PATHS["raw"]) != before


def test_the_command_says_it_in_one_line(workspace, capsys):
    main(["scan"])
    Path("images/b/new\nline.png").unlink()
    command = [
        "collect",
        "base",
        *[f"--{key}={path}" for key, path in PATHS.items()],
        "--report=report",
        "--metrics=metrics.json",
    ]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert (
        told.startswith("genimg: the source of base has changed") and "Traceback" not in told and told.count("\n") == 2
    )
    assert not PATHS["raw"].exists()


def test_a_spoiled_lock(workspace):
    main(["scan"])
    PATHS["source_lock"].write_text("<<<<<<< HEAD\n")
    command = ["collect", "base", *[f"--{key}={path}" for key, path in PATHS.items()]]
    assert main(command) == 2


def test_a_forgotten_image_keeps_its_row_and_nothing_else(workspace):
    main(["scan"])
    _collect()
    before = _hashes(PATHS["raw"])
    forgotten = Path("data/datasets/base/decisions/forgotten.jsonl")
    paths = PATHS | {"forgotten": forgotten}
    run_stage(load_stage("collect"), "base", paths, Path("report"), Path("metrics.json"))
    assert _hashes(PATHS["raw"]) == before, "a file without decisions changes no byte"
    one = hashlib.sha256(b"one").hexdigest()
    with forgotten.open("a") as stream:
        stream.write(json.dumps({"image_id": one, "why": "case 17"}) + "\n")
    report = run_stage(load_stage("collect"), "base", paths, Path("report"), Path("metrics.json"))
    frame = read_table(PATHS["raw"] / "manifest.parquet").set_index("path")
    for path in ("a.png", "b/copy.png"):
        row = frame.loc[path]
        assert (row["image_id"], row["reason"], row["detail"], row["offset"]) == (one, "forgotten", "case 17", -1)
        assert row[["shard", "label", "split"]].isna().all()
    with tarfile.open(PATHS["raw"] / "shards/000000.tar") as tar:
        assert one not in tar.getnames() and len(tar.getnames()) == 2
    assert all(b"one" not in path.read_bytes() for path in (PATHS["raw"] / "shards").iterdir())
    assert report.facts["reasons"] == {"forgotten": 2, "missing_file": 1} and report.metrics["bytes"] == 3
    assert report.metrics["collected"] == 5 and report.checks[0].passed


def test_a_spoiled_file_of_what_is_forgotten_stops_the_stage(workspace, capsys):
    main(["scan"])
    Path("data/datasets/base/decisions/forgotten.jsonl").write_text("<<<<<<< HEAD\n")
    command = ["collect", "base", *[f"--{key}={path}" for key, path in PATHS.items()],
               "--forgotten=data/datasets/base/decisions/forgotten.jsonl"]
    assert main(command) == 2
    assert "forgotten.jsonl, line 1: git's mark of a conflict" in capsys.readouterr().err
    assert not PATHS["raw"].exists(), "nobody's wish is passed over in silence"
