"""Two doors, one house: what one has done, the other knows."""

from __future__ import annotations

import threading
import time

import dagster as dg
import pytest

from assets.checks import declared_checks
from assets.names import DECISIONS, asset_key, decisions_key, settings_key, source_key
from tests.bridge.conftest import Door, StandIn, open_door


@pytest.mark.slow
def test_after_dvc_repro_dagster_executes_nothing(door: Door):
    project = door.project
    lock = (project.root / "dvc.lock").read_bytes()
    result = door.materialize()
    assert set(door.actions(result).values()) == {"skipped"} and len(door.actions(result)) == len(project.lock())
    assert project.executed() == [] and (project.root / "dvc.lock").read_bytes() == lock
    assert door.stale() == project.stale_by_dvc() == set()
    assert door.tick() == [], "nothing was left for the sensor to tell"


@pytest.mark.slow
def test_after_dagster_dvc_repro_executes_nothing(fresh: StandIn):
    for door in open_door(fresh):
        assert door.stale() == fresh.stale_by_dvc() == set(fresh.workspace.project.plan())
        result = door.materialize()
        assert set(door.actions(result).values()) == {"ran"}
        assert sorted(fresh.executed()) == sorted(fresh.workspace.project.plan())
        assert door.stale() == set()
        assert "up to date" in fresh.dvc("repro") and fresh.executed() == []
        assert door.tick() == []


def test_outside_runs_are_told_with_everything_they_read(door: Door):
    project = door.project
    told = door.tick()
    stages = list(project.workspace.project.plan())
    assert {key for key in told} == {*map(asset_key, stages), *map(settings_key, stages), source_key("base"),
                                     *(decisions_key("base", which) for which in DECISIONS)}
    assert told.index(asset_key("clean@base")) < told.index(asset_key("label@base")), "in the order of the pipeline"
    event = door.latest("clean@base")
    assert event.tags["dvc/action"] == "outside" and event.metadata["figure"].value > 0
    announced = {dg.AssetCheckKey(asset_key(stage), check.name) for stage in stages for check in declared_checks(stage)}
    seen = door.instance.event_log_storage.get_latest_asset_check_execution_by_key(list(announced))
    assert set(seen) == announced and all(record.status.value == "SUCCEEDED" for record in seen.values())
    assert door.stale() == set() and door.tick() == []


@pytest.mark.slow
def test_a_stage_between_two_outside_runs_needs_no_sensor(door: Door):
    """Runs outside are told of before an asset runs, so that its inputs are the ones on disk."""
    project = door.project
    door.tick()
    project.set_param("datasets.base.profile", {"max_pixels": 5_000_000})
    project.dvc("repro", "-s", "profile@base")
    project.dvc("repro", "-s", "validate@base")
    result = door.materialize("clean@base")
    assert door.actions(result) == {"base/clean_images": "ran"}
    assert door.stale() == project.stale_by_dvc()
    assert "clean@base" not in door.stale()
    hung_on = project.workspace.project.made_from("clean@base")
    assert hung_on == {"collect@base", "profile@base", "validate@base", "clean@base"}
    assert not {*map(asset_key, hung_on), *map(settings_key, hung_on)} & set(door.tick()), "all of that was told"
    assert door.tick() == [] and door.stale() == project.stale_by_dvc()


@pytest.mark.slow
def test_an_older_dvc_lock_is_told_as_an_outside_run(door: Door):
    """As after `git checkout` and `dvc checkout`."""
    project = door.project
    params, lock = ((project.root / name).read_text() for name in ("params.yaml", "dvc.lock"))
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    door.materialize("clean@base", "label@base")
    newer = door.latest("clean@base").tags["dagster/data_version"]
    (project.root / "params.yaml").write_text(params)
    (project.root / "dvc.lock").write_text(lock)
    project.dvc("checkout")
    door.tick()
    assert door.latest("clean@base").tags["dagster/data_version"] != newer
    assert door.stale() == project.stale_by_dvc() == set()


def test_the_sensor_leaves_a_running_stage_to_its_own_run(door: Door):
    project = door.project
    door.tick()
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    with project.workspace.project.turn("clean@base"):
        project.dvc("repro", "-s", "clean@base")
        told = door.tick()
        assert asset_key("clean@base") not in told
    assert asset_key("clean@base") in door.tick()


@pytest.mark.slow
def test_the_sensor_neither_waits_for_nor_hinders_a_running_stage(door: Door):
    project = door.project
    door.tick()
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    project.order(clean__base={"sleep": 6})
    outside = threading.Thread(target=project.dvc, args=("repro", "-s", "clean@base"))
    outside.start()
    time.sleep(3)
    project.set_param("finetune.greek.seen_images", 64)
    started = time.monotonic()
    assert settings_key("finetune@greek") in door.tick()
    assert time.monotonic() - started < 3 and outside.is_alive()
    outside.join()
    assert asset_key("clean@base") in door.tick()
    assert door.stale() == project.stale_by_dvc()


def test_removed_stages_that_dvc_lock_still_holds_are_left_alone(project: StandIn):
    project.set_param("finetune", {})
    project.set_param("generate", {"latin": {"dataset": "base"}})
    assert "finetune@greek" in project.lock()
    for door in open_door(project):
        assert asset_key("finetune@greek") not in door.tick()
        assert door.stale() == project.stale_by_dvc() == {"report"}
