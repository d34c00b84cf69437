"""A run whose later stages are forked: the same outputs as without, and nothing is left behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from genimg_core.plan import needed_for, stage_instances
from genimg_core.preloading.launch import GATES, MODELS, Headstart
from genimg_core.repro import reproduce
from tests.pictures import encoded, photo
from tests.project import Project, make_project

SPY = """
import os
os.register_at_fork(after_in_child=lambda: open(os.environ["SPY"], "a").write(f"{os.getpid()}\\n"))
"""
"""A library that tells of every fork."""
PARAMS = {
    "seed": 0, "threads": 1, "image": {"size": 16, "channels": 3},
    "datasets": {"images": {"source": {"kind": "folder", "path": "images"}}},
    "pretrain": {}, "finetune": {}, "generate": {}, "evaluate": {}, "extractor": {"dataset": "images"}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = make_project(tmp_path / "project", PARAMS)
    for number in range(24):
        place = made.root / "images" / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded(photo(number)))
    made.genimg("scan")
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "spy.py").write_text(SPY)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made.env |= {"SPY": str(tmp_path / "forks"),
                 "PYTHONPATH": os.pathsep.join([str(made.root), str(tmp_path / "libraries")])}
    return made


def outputs(project: Project) -> dict:
    return {name: stage["outs"] for name, stage in project.lock().items()}


def test_the_later_stages_are_forked_and_write_the_same_bytes(project: Project, tmp_path: Path):
    said: list[str] = []
    result = reproduce(project.root, ["normalize@images"], on_line=said.append, env=project.env,
                       headstart=Headstart(frozenset(["collect@images", "profile@images"]), ("spy",)))
    assert result.succeeded, said
    assert list(result.actions.values()) == ["ran"] * 6
    forked = outputs(project)
    # Two for each stage but the first, in whose time the library is loaded: its keeper and its worker.
    forks = (tmp_path / "forks").read_text().split()
    assert len(forks) >= 2 * 4
    assert any("clean@images: kept" in line for line in said)
    assert not list((tmp_path / "temporary").iterdir())
    assert not [pid for pid in forks if Path(f"/proc/{pid}").exists()]
    project.dvc("repro", "--force", "normalize@images")
    assert outputs(project) == forked


def test_a_gate_that_stops_a_forked_stage_is_told_and_restored(project: Project):
    head = Headstart(frozenset(["collect@images"]), ("spy",))
    assert reproduce(project.root, ["clean@images"], env=project.env, headstart=head).succeeded
    before = (project.root / "data/datasets/images/clean/clean.parquet").read_bytes()
    params = project.params()
    params["datasets"]["images"]["clean"] = {"min_images_kept": 1000}
    params["datasets"]["images"]["profile"] = {"max_pixels": 10_000}  # so that stages before it run as well
    project.write_params(params)
    head = Headstart(frozenset(["profile@images"]), ("spy",))
    result = reproduce(project.root, ["clean@images"], env=project.env, headstart=head)
    assert (result.exit_code, result.failed_stage, result.restored) == (3, "clean@images", True)
    assert (project.root / "data/datasets/images/clean/clean.parquet").read_bytes() == before


def test_nothing_is_loaded_where_nothing_runs(project: Project, monkeypatch: pytest.MonkeyPatch):
    from genimg_core.preloading import launch

    project.genimg("run", "collect@images")
    monkeypatch.setattr(launch, "tethered", lambda command: pytest.fail(f"{command} was started"))
    result = reproduce(project.root, ["collect@images"], env=project.env,
                       headstart=Headstart(frozenset(["collect@images"]), ("spy",)))
    assert result.actions == {"collect@images": "skipped"}


def test_what_is_loaded_hangs_on_what_may_run(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project.root)
    instances = stage_instances()
    data = Headstart.of(needed_for(["normalize"], instances), instances)
    assert data.libraries == GATES
    assert "collect@images" in data.stages
    assert "normalize@images" not in data.stages
    assert Headstart.of(instances, instances).libraries == (*GATES, *MODELS)


def test_every_library_is_there():
    code = f"import importlib\nfor name in {(*GATES, *MODELS)!r}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", code], check=True)
