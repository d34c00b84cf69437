"""Gates as asset checks: figures beside the verdict, and shown even where the stage fails."""

from __future__ import annotations

import base64
import io
import json

import dagster as dg
import pytest
from PIL import Image

from assets.checks import check_results, declared_checks
from assets.names import asset_key
from assets.previews import MOST_BYTES, MOST_EVENTS, data_uri, events_markdown, picture_markdown
from genimg_core.stages.runner import STAGES
from tests.bridge.conftest import Door

GATED = "report"
"""A stage that announces a check."""


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def test_a_check_shows_what_was_observed_and_the_threshold(door: Door):
    announced = [check.name for check in declared_checks(GATED)]
    seen = checks_of(door.materialize(GATED))
    assert list(seen) == announced and announced
    first = seen[announced[0]]
    assert first.passed and first.metadata["observed"].value == 0.01 and first.metadata["threshold"].value == 0.05


def test_a_failed_gate_shows_its_figures_before_it_fails(door: Door):
    project = door.project
    door.tick()
    before = (project.root / "data/report/content").read_text()
    project.order(report={"exit": 3})
    project.set_param("finetune.greek.seen_images", 64)
    result = door.materialize(GATED, check=False)
    assert not result.success
    seen = checks_of(result)
    assert [check.name for check in declared_checks(GATED)] == list(seen)
    assert not any(check.passed for check in seen.values())
    assert all(check.metadata["observed"].value == 0.5 for check in seen.values())
    failure = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert "gate of report does not hold" in failure.user_failure_data.description
    assert "observed 0.5, threshold 0.05" in failure.user_failure_data.description
    assert "picture: grid" in failure.user_failure_data.metadata
    assert (project.root / "data/report/content").read_text() == before, "the earlier page stands"
    assert door.stale() >= {GATED}


def test_another_failure_tells_why_and_needs_no_checks(door: Door):
    door.project.order(clean__base={"exit": 2})
    door.project.set_param("datasets.base.clean", {"min_images_kept": 11})
    result = door.materialize("clean@base", check=False)
    failure = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert "clean@base failed with exit code 2. Earlier outputs were restored." in failure.user_failure_data.description
    assert "remedy: do it another way" in failure.user_failure_data.metadata["output"].value


def test_a_source_that_is_gone_fails_with_the_remedy(door: Door):
    import shutil

    shutil.rmtree(door.project.root / "sources/base")
    result = door.materialize("collect@base", check=False)
    failure = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert "remedy: make it" in failure.user_failure_data.description


def test_a_check_that_nobody_announced_is_metadata(door: Door):
    door.materialize("clean@base")
    metadata = door.latest("clean@base").metadata
    assert metadata["undeclared_checks"].value[0]["name"] == "nobody_announced_this"


def test_an_announced_check_that_is_not_reported_fails():
    results, undeclared = check_results(GATED, {"checks": []})
    assert undeclared == [] and results
    assert all(not result.passed and result.description == "not reported" for result in results)


@pytest.mark.parametrize("stage", STAGES)
def test_announced_checks_are_well_formed_and_have_names_of_their_own(stage: str):
    announced = declared_checks(stage)
    assert len({check.name for check in announced}) == len(announced)
    for check in announced:
        assert check.name.replace("_", "").isalnum() and check.name == check.name.lower()
        assert isinstance(check.blocking, bool) and check.description


def test_metadata_has_numbers_pictures_and_places(door: Door):
    door.materialize("generate@latin")
    event = door.latest("generate@latin")
    assert isinstance(event.metadata["figure"], (dg.IntMetadataValue, dg.FloatMetadataValue))
    assert event.metadata["picture: grid"].value.startswith("![What (it) drew](data:image/png;base64,")
    assert event.metadata["path"].value.endswith("data/samples/latin")
    assert event.metadata["hash"].value == event.tags["dagster/data_version"]
    assert event.metadata["facts"].value["kept"] == 2
    assert event.asset_key == asset_key("generate@latin")


def test_decisions_of_a_training_are_a_table_of_the_latest():
    event = {"cause": "collapse", "detail": "variety 0.3 | of 0.8", "action": "go_back", "back_to": 3000,
             "before": {"learning_rate": 0.004, "r1": 0.0}, "after": {"learning_rate": 0.002, "r1": 0.0}}
    table = events_markdown([event | {"seen_images": 1000 * n} for n in range(MOST_EVENTS + 2)]).splitlines()
    assert table[0] == "2 earlier ones stand in events.jsonl." and len(table) == MOST_EVENTS + 4
    told = "| 2,000 | collapse: variety 0.3 \\| of 0.8 | go back | learning rate 0.004 | learning rate 0.002 |"
    assert table[4] == told
    assert events_markdown([event | {"seen_images": 5}]).splitlines()[0].startswith("| images seen |")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_previews_are_small_whatever_the_picture(mode: str):
    noise = Image.effect_noise((1500, 700), 90).convert(mode if mode != "I;16" else "I").convert(mode)
    uri = data_uri(noise)
    assert len(uri) <= MOST_BYTES
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as small:
        assert abs(small.width / small.height - 1500 / 700) < 0.05


def test_a_picture_that_cannot_be_read_is_a_line(tmp_path):
    (tmp_path / "grid.png").write_bytes(b"no picture")
    assert picture_markdown(tmp_path / "grid.png", "the grid") == "the grid: grid.png cannot be read"
    assert "cannot be read" in picture_markdown(tmp_path / "absent.png", "it")


def test_a_report_that_no_gate_left_is_no_crash(door: Door):
    door.tick()
    assert json.loads((door.project.root / "data/reports/clean-base/report.json").read_text())
    (door.project.root / "data/reports/clean-base/report.json").unlink()
    assert door.actions(door.materialize("clean@base")) == {"base/clean_images": "cached"}, "dvc brings it back"
