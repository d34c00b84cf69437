"""A forgotten image's downloaded file goes, is not fetched again, and comes back if the decision is taken back."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.decisions.files import decisions_file
from genimg_core.stages.runner import load_stage, run_stage
from genimg_core.store.manifest import read_table
from genimg_core.verbs.headlines import size
from tests.sources.downloads.server import png, serving

STORE = Path(".genimg/store")


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def workspace(tmp_path, monkeypatch, server) -> Path:
    """Two data sets of URLs; number 3 is in both."""
    monkeypatch.chdir(tmp_path)
    datasets = {}
    for name, numbers in (("base", (1, 2, 3)), ("target", (3, 4))):
        urls = [server.url(f"ok/{number}.png") for number in numbers]
        Path(f"{name}.jsonl").write_text("".join(json.dumps({"url": url}) + "\n" for url in urls))
        datasets[name] = {"source": {"kind": "table", "file": f"{name}.jsonl", "url_column": "url",
                                     "download": {"allow_hosts": ["127.0.0.1"]}}}
    with open("params.yaml", "w", encoding="utf8") as stream:
        YAML().dump({"datasets": datasets}, stream)
    assert main(["scan"]) == 0
    return tmp_path


def collect(name: str = "base") -> None:
    data = Path("data/datasets") / name
    run_stage(load_stage("collect"), name, {"source_lock": data / "source.lock", "raw": data / "raw",
                                            "forgotten": decisions_file(name, "forgotten")}, Path("r"), Path("m.json"))


def stored() -> set[str]:
    return {path.name for path in STORE.rglob("*") if path.is_file()}


def test_its_file_goes_and_is_not_asked_for_again(workspace, server, capsys):
    image = hashlib.sha256(png(1)).hexdigest()
    lock = Path("data/datasets/base/source.lock").read_bytes()
    asked = server.asked.total()
    assert image in stored()
    assert main(["forget", image[:12], "--why", "case 17"]) == 0
    assert f"removed  its downloaded file from .genimg/store ({size(len(png(1)))})" in capsys.readouterr().out
    assert image not in stored()
    assert main(["scan"]) == 0 and main(["scan"]) == 0
    assert server.asked.total() == asked and Path("data/datasets/base/source.lock").read_bytes() == lock
    collect()
    rows = read_table(Path("data/datasets/base/raw/manifest.parquet")).set_index("image_id")
    assert rows.loc[image, "reason"] == "forgotten" and rows["shard"].notna().sum() == 2
    assert png(1) not in b"".join(path.read_bytes() for path in Path("data/datasets/base/raw/shards").iterdir())


def test_a_fresh_clone_does_not_keep_it_either(workspace, server):
    image = hashlib.sha256(png(1)).hexdigest()
    assert main(["forget", image[:12], "--why", "case 17"]) == 0
    shutil.rmtree(".genimg")
    assert main(["scan"]) == 0
    assert image not in stored() and hashlib.sha256(png(2)).hexdigest() in stored()
    asked = server.asked.total()
    assert main(["scan"]) == 0
    assert server.asked.total() == asked


def test_taken_back_it_is_fetched_again(workspace, server):
    image = hashlib.sha256(png(1)).hexdigest()
    assert main(["forget", image[:12], "--why", "case 17"]) == 0
    decisions_file("base", "forgotten").unlink()
    assert main(["scan"]) == 0
    collect()
    rows = read_table(Path("data/datasets/base/raw/manifest.parquet"))
    assert rows["shard"].notna().all() and image in stored()


def test_what_another_data_set_uses_stays_until_it_forgets_it_too(workspace, capsys):
    image = hashlib.sha256(png(3)).hexdigest()
    assert main(["forget", image[:12], "--dataset", "base", "--why", "case 17"]) == 0
    assert "target still holds the image" in capsys.readouterr().out and image in stored()
    assert main(["forget", image[:12], "--dataset", "target", "--why", "case 17"]) == 0
    assert image not in stored()


def test_a_dry_run_removes_nothing_and_pictures_that_may_show_it_go(workspace, capsys):
    image = hashlib.sha256(png(1)).hexdigest()
    for folder in (".genimg/drift/base", ".genimg/gates/clean-base", ".genimg/drift/target"):
        Path(folder).mkdir(parents=True)
    before = stored()
    assert main(["forget", image[:12], "--dry-run"]) == 0
    assert stored() == before and Path(".genimg/drift/base").is_dir()
    assert main(["forget", image[:12], "--why", "case 17"]) == 0
    assert "removed  .genimg/drift/base, whose pictures might show it" in capsys.readouterr().out
    assert [path.name for path in Path(".genimg/drift").iterdir()] == ["target"]
    assert not list(Path(".genimg/gates").iterdir())
