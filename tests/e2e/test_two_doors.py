"""Both doors of the real project: same hashes, same staleness, whichever was used. With real tools and real stages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import assets
from assets.names import asset_key
from orchestration.definitions import build
from orchestration.ui import dagster_ui, free_port
from tests.bridge.browser import open_pages
from tests.bridge.conftest import Door, open_door
from tests.bridge.test_browser import Server
from tests.bridge.test_repro import wait_for
from tests.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class TwoDoors(Project):
    """A project as the bridge's helpers want it."""

    @property
    def workspace(self) -> assets.Workspace:
        return assets.Workspace(self.root)

    def definitions(self):
        return build(self.workspace)

    def stale_by_dvc(self) -> set[str]:
        """The stages that `dvc status` lists."""
        return set(json.loads(self.dvc("status", "--json").stdout))

    def executed(self) -> int:
        """How often a stage's command has run to its end, in all."""
        notes = self.root / ".genimg" / "timings.jsonl"
        return len(notes.read_text().splitlines()) if notes.exists() else 0

    def hashes(self) -> dict[str, str]:
        """Output path -> hash, of every stage in dvc.lock."""
        return {out["path"]: out["md5"] for stage in self.lock().values() for out in stage["outs"]}


@pytest.fixture
def project(own_project) -> TwoDoors:
    return TwoDoors(own_project.root)


@pytest.fixture
def door(project) -> Iterator[Door]:
    yield from open_door(project)


@pytest.fixture
def server(project, monkeypatch) -> Iterator[Server]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dagster_ui(project.root, free_port(0)) as address:
        yield Server(project, address)


def test_after_genimg_run_dagster_executes_nothing(door):
    before = door.project.executed()
    actions = door.actions(door.materialize())
    assert set(actions.values()) == {"skipped"} and len(actions) == len(door.project.lock())
    assert door.project.executed() == before
    assert door.stale() == door.project.stale_by_dvc() == set()


def test_dagster_makes_the_same_bytes_and_then_dvc_executes_nothing(finished_project, fresh_project):
    """Also: two clean runs with the same params give the same hashes."""
    project = TwoDoors(fresh_project.root)
    for door in open_door(project):
        actions = door.actions(door.materialize())
        assert set(actions.values()) == {"ran"}
        assert project.hashes() == TwoDoors(finished_project.root).hashes()
        ran = project.executed()
        assert "up to date" in project.dvc("repro").stdout
        assert project.executed() == ran == len(actions)
        assert door.stale() == set()


def test_a_running_ui_calls_stale_what_dvc_calls_stale(server):
    project = server.project
    wait_for(lambda: server.stale() == set(), 120)
    ran = project.executed()
    params = project.params()
    for section, change in (("clean", {"min_images_kept": 11}), ("normalize", {"validation_share": 0.2})):
        edited = json.loads(json.dumps(params))
        edited["datasets"]["base"][section] = change
        project.write_params(edited)
        expected = {asset_key(stage).to_user_string() for stage in project.stale_by_dvc()}
        assert f"base/{section}_images".replace("normalize_", "normalized_") in expected
        wait_for(lambda expected=expected: server.stale() == expected, 60)
    project.write_params(params)
    wait_for(lambda: server.stale() == set(), 60)
    assert "up to date" in project.dvc("repro").stdout
    assert project.executed() == ran


def test_changed_back_everything_is_restored(door):
    project = door.project
    params, hashes = project.params(), project.hashes()
    edited = json.loads(json.dumps(params))
    edited["generate"]["latin"]["images"] = 48
    project.write_params(edited)
    door.tick()
    stale = door.stale()
    assert stale == project.stale_by_dvc() == {"generate@latin", "report"}
    door.materialize("generate@latin", "evaluate@latin", "report")
    assert project.hashes() != hashes
    ran = project.executed()
    project.write_params(params)
    actions = door.actions(door.materialize("pretrain@latin", "generate@latin", "evaluate@latin", "report"))
    assert actions == {"latin/pretrained_model": "skipped", "latin/samples": "cached", "latin/evaluation": "cached",
                       "report": "cached"}
    assert project.hashes() == hashes and project.executed() == ran and door.stale() == set()


def test_what_a_person_sees_in_the_browser(server, tmp_path):
    project = server.project
    pictures = Path(os.environ.get("GENIMG_SCREENSHOTS", tmp_path / "pictures"))
    with open_pages(server.address, pictures) as pages:
        pages.group("base")
        for label in ("source", "raw_images", "image_profile", "clean_images", "normalized_images"):
            pages.node(label).wait_for()
        pages.shot("real-1-graph")
        pages.lineage()
        pages.materialize_all()
        pages.wait_for_run("Success")
        pages.shot("real-2-success")
        pages.asset("latin/samples")
        pages.show("picture: samples")
        picture = pages.page.locator("img[src^='data:image/']").first
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 100, "more than one tile is really drawn"
        pages.shot("real-3-samples")
        params = project.params()
        params["datasets"]["base"]["validate"] = {"max_unreadable_share": 0.001}
        project.write_params(params)
        server.launch("base/validated_images")
        pages.wait_for_run("Failure")
        pages.check("base/validated_images", "few_unreadable")
        pages.page.get_by_text("0.001", exact=True).first.wait_for()
        pages.shot("real-4-failed-gate")
        pages.asset("base/clean_images")
        pages.show("picture: rejected")
        pages.page.locator("img[src^='data:image/']").first.wait_for()
        pages.shot("real-5-clean")
