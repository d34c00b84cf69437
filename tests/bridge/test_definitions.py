"""The definitions load lightly, from the repository's root, with the tools that people use."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

import assets
from assets.names import asset_key, settings_key, source_key, stage_of
from assets.parity import disparities
from genimg_core.errors import ParamsError
from genimg_core.stages.runner import STAGES
from orchestration.definitions import build
from orchestration.home import prepare_home
from tests.bridge.conftest import ROOT, StandIn, open_door

HEAVY = ("torch", "great_expectations", "matplotlib", "pandas", "sklearn", "dvc")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def repository() -> dg.Definitions:
    """The definitions of the repository's own dvc.yaml and params.yaml."""
    return build(assets.Workspace(ROOT))


def test_parity_stages_assets_commands_and_edges_agree():
    workspace = assets.Workspace(ROOT)
    plan = workspace.project.plan()
    assert disparities(plan, assets.load_assets(workspace)) == []
    assert {stage.partition("@")[0] for stage in plan} == set(STAGES) - {"import"}, "params.yaml imports nothing"


def test_parity_of_a_project_that_imports_a_model(project: StandIn):
    plan = project.workspace.project.plan()
    assert disparities(plan, assets.load_assets(project.workspace)) == []
    assert {stage.partition("@")[0] for stage in plan} == set(STAGES)


def test_parity_names_what_was_forgotten():
    workspace = assets.Workspace(ROOT)
    plan, made = workspace.project.plan(), assets.load_assets(workspace)
    assert "stage report of dvc.yaml has no asset" in disparities(plan, [a for a in made if stage_of(a) != "report"])
    without = {name: stage for name, stage in plan.items() if name != "extractor"}
    assert "asset feature_extractor has no stage extractor in dvc.yaml" in disparities(without, made)
    from dataclasses import replace

    bent = plan | {"validate@base": replace(plan["validate@base"], upstream=("collect@base",))}
    assert disparities(bent, made) == [
        "validate@base does not read base/image_profile, its asset does",
        "validate@base reads base/raw_images, its asset does not",
    ]


def test_keys_groups_and_jobs(repository: dg.Definitions):
    graph = repository.resolve_asset_graph()
    assert asset_key("clean@base").path == ["base", "clean_images"] and asset_key("report").path == ["report"]
    assert graph.get(asset_key("clean@base")).group_name == "base"
    assert graph.get(asset_key("evaluate@latin")).group_name == "results"
    assert graph.get(settings_key("clean@base")).group_name == "settings"
    assert graph.get(source_key("base")).is_external
    assert {job.name for job in repository.resolve_all_job_defs()} >= {"everything", "data_only", "models_only"}
    data = repository.resolve_job_def("data_only").asset_layer.executable_asset_keys
    models = repository.resolve_job_def("models_only").asset_layer.executable_asset_keys
    everything = repository.resolve_job_def("everything").asset_layer.executable_asset_keys
    assert data | models == everything == graph.materializable_asset_keys and not data & models
    assert asset_key("normalize@target") in data and asset_key("extractor") in models


def test_what_runs_by_itself(repository: dg.Definitions):
    assert repository.resolve_sensor_def("outside_runs_sensor").default_status == dg.DefaultSensorStatus.RUNNING
    assert repository.resolve_sensor_def("new_files_sensor").default_status == dg.DefaultSensorStatus.STOPPED
    assert repository.resolve_schedule_def("nightly").default_status == dg.DefaultScheduleStatus.STOPPED


def test_trainings_take_turns_and_nothing_is_tried_twice(repository: dg.Definitions):
    for stage in ("pretrain@latin", "finetune@greek", "extractor"):
        definition = repository.resolve_assets_def(asset_key(stage))
        assert definition.op.pool == "training" and definition.op.retry_policy is None
    assert repository.resolve_assets_def(asset_key("clean@base")).op.pool is None


def test_loading_is_light_and_quick():
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, orchestration.definitions as d; d.defs(); "
            f"print([name for name in {HEAVY} if name in sys.modules])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr
    assert time.monotonic() - started < 20


def test_a_broken_params_file_is_named_with_the_remedy(project: StandIn):
    project.set_param("datasets.base.claen", {})
    with pytest.raises(ParamsError, match=r"unknown key 'datasets\.base\.claen'.*\n.*did you mean 'clean'"):
        build(project.workspace)


def test_one_data_set_and_one_model_is_enough(project: StandIn):
    """The commonest use: `finetune: {}`."""
    project.set_param("finetune", {})
    project.set_param("generate", {"latin": {"dataset": "base"}})
    made = assets.load_assets(project.workspace)
    assert disparities(project.workspace.project.plan(), made) == []


def test_a_name_may_be_a_data_sets_and_a_models(project: StandIn):
    project.set_param("pretrain", {"base": {"dataset": "base"}})
    project.set_param("finetune", {})
    project.set_param("generate", {"base": {"dataset": "base"}})
    made = assets.load_assets(project.workspace)
    assert disparities(project.workspace.project.plan(), made) == []
    build(project.workspace).resolve_asset_graph()


def test_home_is_absolute_and_keeps_what_is_there(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = prepare_home(tmp_path)
    assert home.is_absolute() and "enabled: false" in (home / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home(tmp_path)
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def dg_command(project: StandIn, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "dg"), *words],
        cwd=project.root,
        env=project.env,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_dg_checks_lists_and_launches(project: StandIn):
    (project.root / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text().replace('root_module = "orchestration"', 'root_module = "bridged"')
    )
    (project.root / "bridged").mkdir()
    (project.root / "bridged" / "__init__.py").touch()
    text = (project.root / "definitions.py").read_text().replace("resolve().parent", "resolve().parent.parent")
    (project.root / "bridged" / "definitions.py").write_text(text)
    checked = dg_command(project, "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = json.loads(dg_command(project, "list", "defs", "--json").stdout)
    assert "base/clean_images" in json.dumps(listed)
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    launched = dg_command(project, "launch", "--assets", 'key:"base/clean_images"+1')
    assert launched.returncode == 0, launched.stdout + launched.stderr
    assert project.executed() == ["clean@base", "label@base", "report"]


def test_the_new_files_sensor_asks_for_a_run_when_a_source_changed(project: StandIn):
    for door in open_door(project):
        sensor = door.defs.resolve_sensor_def("new_files_sensor")

        def tick(cursor: str | None, sensor=sensor, door=door):
            with dg.build_sensor_context(instance=door.instance, cursor=cursor, definitions=door.defs) as context:
                return sensor.evaluate_tick(context)

        quiet = tick(None)
        assert not quiet.run_requests and "as they were" in quiet.skip_message
        (project.root / "sources/base/b.txt").write_text("one more")
        asked = tick(quiet.cursor)
        assert len(asked.run_requests) == 1 and door.tick(), "the new source.lock shows, too"
        assert not tick(asked.cursor).run_requests
        (project.root / "sources/base/b.txt").unlink()
        (project.root / "sources/base/a.txt").unlink()
        (project.root / "sources/base").rmdir()
        assert "remedy: make it" in tick(asked.cursor).skip_message
