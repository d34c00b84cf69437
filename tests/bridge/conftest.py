"""A stand-in project: the repository's dvc.yaml, its stages replaced by standin.py. Fast, and with real tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from ruamel.yaml import YAML

import assets
from assets.names import asset_key, stage_of
from orchestration.definitions import build
from orchestration.home import prepare_home
from orchestration.provenance import stale_statuses

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).with_name("standin.py")
PARAMS: dict[str, Any] = {
    "seed": 0,
    "threads": 1,
    "image": {"size": 16, "channels": 1},
    "datasets": {"base": {"source": {"kind": "folder", "path": "sources/base"}}},
    "pretrain": {"latin": {"dataset": "base"}},
    "finetune": {"greek": {"dataset": "base", "from": "latin"}},
    "generate": {"latin": {"dataset": "base"}, "greek": {"dataset": "base"}},
    "extractor": {"dataset": "base"},
    "evaluate": {},
    "imported": {"borrowed": {"path": "imports/borrowed.safetensors"}},
}
SECTIONS = ("profile", "validate", "clean", "label", "normalize")
DEFINITIONS = """import sys
from pathlib import Path
import assets
from orchestration.definitions import build
HERE = Path(__file__).resolve().parent
defs = build(assets.Workspace(HERE, scan=(sys.executable, str(HERE / "standin.py"), "scan")))
"""


class StandIn:
    """The project, and what a user does in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("DAGSTER", "DVC"))}
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DAGSTER_HOME": str(root / ".dagster"),
            "PYTHONPATH": str(ROOT),
        }
        self.workspace = assets.Workspace(root, scan=(sys.executable, str(root / "standin.py"), "scan"))

    def dvc(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *words],
            cwd=self.root,
            env=self.env,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def scan(self, *names: str) -> None:
        assert self.workspace.look_at(names or ["base"]).returncode == 0

    def stale_by_dvc(self) -> set[str]:
        """The stages that `dvc status` lists."""
        return set(json.loads(self.dvc("status", "--json")))

    def executed(self) -> list[str]:
        """The stages whose command was run since the last call, in order."""
        notes = self.root / "executed.txt"
        told = notes.read_text().split() if notes.exists() else []
        notes.unlink(missing_ok=True)
        return told

    def order(self, **stages: dict[str, Any]) -> None:
        """What the stages shall do: see standin.py. Keys with `__` for `@`."""
        (self.root / "standin.json").write_text(json.dumps({k.replace("__", "@"): v for k, v in stages.items()}))

    def params(self) -> dict[str, Any]:
        return YAML(typ="safe").load((self.root / "params.yaml").read_text())

    def set_param(self, dotted: str, value: Any) -> None:
        tree = here = self.params()
        *path, last = dotted.split(".")
        for key in path:
            here = here[key]
        here[last] = value
        write_yaml(self.root / "params.yaml", tree)

    def lock(self) -> dict[str, Any]:
        return YAML(typ="safe").load((self.root / "dvc.lock").read_text())["stages"]

    def definitions(self) -> dg.Definitions:
        return build(self.workspace)


class Door:
    """Dagster's door to a stand-in: a real instance."""

    def __init__(self, project: StandIn, instance: dg.DagsterInstance) -> None:
        self.project, self.instance = project, instance
        self.defs = project.definitions()
        self.stages = {
            asset.key: stage for asset in assets.load_assets(project.workspace) if (stage := stage_of(asset))
        }

    def materialize(self, *stages: str, check: bool = True) -> dg.ExecuteInProcessResult:
        """Materialize these stages' assets (all of them without names)."""
        keys = [asset_key(stage) for stage in stages] or list(self.stages)
        result = self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance, asset_selection=keys, raise_on_error=False
        )
        assert not check or result.success
        return result

    def tick(self) -> list[dg.AssetKey]:
        """One tick of the sensor that is on by default; the keys it told of."""
        sensor = self.defs.resolve_sensor_def("outside_runs_sensor")
        with dg.build_sensor_context(instance=self.instance) as context:
            data = sensor.evaluate_tick(context)
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        return [event.asset_key for event in data.asset_events]

    def stale(self) -> set[str]:
        """The stages that the UI would show as stale or missing."""
        return {self.stages[key] for key, status, _ in stale_statuses(self.instance, self.defs) if status != "FRESH"}

    def latest(self, stage: str) -> dg.AssetMaterialization:
        return self.instance.get_latest_materialization_event(asset_key(stage)).asset_materialization

    def actions(self, result: dg.ExecuteInProcessResult) -> dict[str, str]:
        """Asset => `dvc/action`, of one run."""
        return {
            event.asset_key.to_user_string(): event.materialization.tags["dvc/action"]
            for event in result.get_asset_materialization_events()
        }


def write_yaml(path: Path, tree: Any) -> None:
    with path.open("w") as stream:
        YAML(typ="safe").dump(tree, stream)


def make_standin(root: Path) -> StandIn:
    """A stand-in project in which nothing has run."""
    root.mkdir()
    wiring = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
    (root / "code").mkdir()
    for stage, block in wiring["stages"].items():
        body = block.get("do", block)
        body["cmd"] = body["cmd"].replace("genimg ", "python standin.py ", 1)
        body["deps"] = [*(dep for dep in body["deps"] if not dep.startswith("genimg_core/")), f"code/{stage}.py"]
        (root / "code" / f"{stage}.py").write_text("one = 1\n")
    write_yaml(root / "dvc.yaml", wiring)
    tree = json.loads(json.dumps(PARAMS))
    tree["datasets"] = {name: {section: {} for section in SECTIONS} | entry for name, entry in tree["datasets"].items()}
    write_yaml(root / "params.yaml", tree)
    for name in tree["datasets"]:
        (root / "sources" / name).mkdir(parents=True)
        (root / "sources" / name / "a.txt").write_text("a picture")
    (root / "imports").mkdir()
    (root / "imports" / "borrowed.safetensors").write_text("weights")
    shutil.copy(PROGRAM, root / "standin.py")
    for part in (".dvcignore", ".gitignore"):
        shutil.copy(ROOT / part, root)
    (root / "definitions.py").write_text(DEFINITIONS)
    project = StandIn(root)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    project.dvc("init", "-q")
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    prepare_home(root)
    project.scan()
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """A stand-in in which everything has run, by `dvc repro`. To be copied."""
    project = make_standin(tmp_path_factory.mktemp("standin") / "project")
    project.dvc("repro")
    project.executed()
    return project


@pytest.fixture
def project(finished: StandIn, tmp_path: Path) -> StandIn:
    """A finished stand-in of one's own; Dagster knows nothing of it."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return StandIn(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path: Path) -> StandIn:
    """A stand-in in which nothing has run."""
    return make_standin(tmp_path / "fresh")


@pytest.fixture
def door(project: StandIn) -> Iterator[Door]:
    """Dagster beside a finished stand-in."""
    yield from open_door(project)


def open_door(project: StandIn) -> Iterator[Door]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with dg.DagsterInstance.from_config(str(project.root / ".dagster")) as instance:
            yield Door(project, instance)
