"""The running UI: what a person sees in a real browser, and what the daemon does by itself."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.checks import declared_checks
from orchestration.ui import dagster_ui, free_port
from tests.bridge.browser import open_pages
from tests.bridge.conftest import StandIn
from tests.bridge.test_repro import alive, stage_pid, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LOCATION = "python_file: {relative_path: %s, location_name: genimg}"
STALE = "{ assetNodes { assetKey { path } staleStatus } }"
RUNS = "{ runsOrError(limit: 1) { ... on Runs { results { runId status } } } }"
TERMINATE = """mutation ($run: String!) { terminateRun(runId: $run) { __typename } }"""
LAUNCH = """mutation ($keys: [AssetKeyInput!]!) { launchPipelineExecution(executionParams: {
  mode: "default", selector: {repositoryLocationName: "genimg", repositoryName: "__repository__",
                              pipelineName: "__ASSET_JOB", assetSelection: $keys, assetCheckSelection: null}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


class Server:
    """A running webserver and daemon, and the questions that its UI asks."""

    def __init__(self, project: StandIn, address: str) -> None:
        self.project, self.address = project, address

    def ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            tree = json.load(answer)
        assert "errors" not in tree, tree["errors"]
        return tree["data"]

    def stale(self) -> set[str]:
        """Keys that the UI marks."""
        nodes = self.ask(STALE)["assetNodes"]
        return {"/".join(node["assetKey"]["path"]) for node in nodes if node["staleStatus"] != "FRESH"}

    def launch(self, *keys: str) -> str:
        """Materialize; the run's id."""
        answer = self.ask(LAUNCH, keys=[{"path": key.split("/")} for key in keys])["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def latest_status(self) -> str:
        return self.ask(RUNS)["runsOrError"]["results"][0]["status"]


@pytest.fixture
def server(project: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dagster_ui(project.root, free_port(0), LOCATION % (project.root / "definitions.py")) as address:
        yield Server(project, address)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: GENIMG_SCREENSHOTS, to look at them."""
    return Path(os.environ.get("GENIMG_SCREENSHOTS", tmp_path / "pictures"))


def test_a_running_ui_follows_edits_and_outside_runs(server: Server):
    project = server.project
    wait_for(lambda: server.stale() == set(), 90)  # the first tick tells of the run by `dvc repro`
    project.set_param("datasets.base.normalize", {"validation_share": 0.2})
    wait_for(lambda: server.stale() == {"base/normalized_images", "report"}, 45)
    project.set_param("datasets.base.normalize", {})
    wait_for(lambda: server.stale() == set(), 45)
    (project.root / "code/clean.py").write_text("one = 2\n")
    wait_for(lambda: server.stale() == {"base/clean_images"}, 45)
    project.dvc("repro")
    wait_for(lambda: server.stale() == set(), 45)
    assert project.stale_by_dvc() == set()


def test_terminate_ends_the_stage(server: Server):
    project = server.project
    before = (project.root / "data/datasets/base/clean/content").read_text()
    (project.root / "clean@base.pid").unlink()
    project.order(clean__base={"sleep": 600, "deaf": True})
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    run = server.launch("base/clean_images")
    stage = stage_pid(project, "clean@base", limit_s=120)
    server.ask(TERMINATE, run=run)
    assert wait_for(lambda: not alive(stage), 30) < 15
    wait_for(lambda: server.latest_status() == "CANCELED", 60)
    assert (project.root / "data/datasets/base/clean/content").read_text() == before, "earlier outputs are restored"


def test_graph_materialize_all_pictures_and_a_failed_gate(server: Server, pictures: Path):
    project = server.project
    checks = [check.name for check in declared_checks("validate")] or ["nobody_announced_this"]
    with open_pages(server.address, pictures) as pages:
        pages.group("base")
        for label in ("source", "raw_images", "clean_images", "normalized_images", "clean_settings"):
            pages.node(label).wait_for()
        pages.shot("1-graph")
        pages.lineage()
        pages.node("settings").wait_for()
        pages.materialize_all()
        pages.shot("2-launched")
        pages.wait_for_run("Success")
        pages.shot("3-success")
        assert project.executed() == [], "everything had been run by dvc repro"
        pages.asset("latin/samples")
        picture = pages.page.locator("img[src^='data:image/']").first
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") == 64, "the picture is really drawn"
        pages.shot("4-samples")

        project.order(validate__base={"exit": 3})
        project.set_param("datasets.base.validate", {"min_images": 3})
        server.launch("base/validated_images")
        pages.wait_for_run("Failure")
        pages.check("base/validated_images", checks[0])
        pages.page.get_by_text("Failed", exact=True).first.wait_for()
        pages.page.get_by_text("observed", exact=True).first.wait_for()
        pages.page.get_by_text("0.5", exact=True).first.wait_for()
        pages.page.get_by_text("threshold", exact=True).first.wait_for()
        pages.page.get_by_text("0.05", exact=True).first.wait_for()
        pages.shot("5-failed-gate")
        wait_for(lambda: "base/validated_images" in server.stale(), 45)
        pages.group("base")
        pages.node("validated_images").wait_for()
        pages.shot("6-stale")


def test_both_servers_end_with_the_block(project: StandIn, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dagster_ui(project.root, free_port(0), LOCATION % (project.root / "definitions.py")):
        left = _processes_of(project)
        assert len(left) >= 2
    started = time.monotonic()
    wait_for(lambda: not _processes_of(project), 20)
    assert time.monotonic() - started < 20


def _processes_of(project: StandIn) -> list[int]:
    """Processes whose command names the project's folder."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if str(project.root).encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found
