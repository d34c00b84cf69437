"""Dagster's pages in a real headless Chromium. `Pages` serves any project: the stand-in, and the real one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1600, "height": 1000}
PATIENCE_MS = 60_000
STEP_S = 120
"""The longest that a step of a run may take."""
STEPS = "{ runsOrError(limit: 1) { ... on Runs { results { stepStats { endTime } } } } }"


class Pages:
    """What a person does with Dagster's UI, and sees.

    Args:
        page: of the browser.
        address: of the webserver.
        location: the name of the code location.
        pictures: where screenshots go.
    """

    def __init__(self, page: Page, address: str, pictures: Path, location: str = "genimg") -> None:
        self.page, self.address, self.location, self.pictures = page, address, location, pictures
        page.set_default_timeout(PATIENCE_MS)

    def group(self, name: str) -> None:
        """The lineage of one group."""
        self.page.goto(f"{self.address}/locations/{self.location}/asset-groups/{name}/lineage")

    def lineage(self) -> None:
        """Everything, the groups folded."""
        self.page.goto(f"{self.address}/asset-groups")

    def asset(self, key: str, view: str = "overview") -> None:
        """An asset's page: overview, events, checks or lineage."""
        self.page.goto(f"{self.address}/assets/{key}?view={view}")

    def check(self, key: str, name: str) -> None:
        """A check's page."""
        self.page.goto(f"{self.address}/assets/{key}?view=checks&checkDetail={name}")

    def node(self, label: str) -> Locator:
        """A node of the graph on screen."""
        return self.page.get_by_text(label, exact=True).first

    def show(self, label: str) -> None:
        """Open a Markdown value of the asset's metadata (Dagster folds what is longer than a thousand characters)."""
        fold = "[Show Markdown]"
        row = self.page.get_by_text(label, exact=True).first.locator(f"xpath=ancestor::*[contains(., '{fold}')][1]")
        row.get_by_text(fold).first.click()

    def materialize_all(self) -> None:
        """Press the button of the graph on screen, and wait until the launch is confirmed."""
        self.page.get_by_role("button", name="Materialize all").first.click()
        self.page.get_by_text("Launched run").first.wait_for()

    def wait_for_run(self, outcome: str = "Success") -> None:
        """The latest run on the page of runs ends so. A step has STEP_S, and no machine too little for all of them."""
        self.page.goto(f"{self.address}/runs")
        shown = self.page.get_by_text(outcome, exact=True).first
        ended, since = -1, time.monotonic()
        while not shown.is_visible():
            now = self.steps_ended()
            if now != ended:
                ended, since = now, time.monotonic()
            assert time.monotonic() - since < STEP_S, f"{ended} steps ended, and then none; no {outcome} on the page"
            self.page.wait_for_timeout(500)

    def steps_ended(self) -> int:
        """Of the latest run."""
        answer = self.page.request.post(f"{self.address}/graphql", data={"query": STEPS}).json()
        runs = answer["data"]["runsOrError"]["results"]
        return sum(step["endTime"] is not None for run in runs for step in run["stepStats"])

    def shot(self, name: str) -> Path:
        """A screenshot, when the page is at rest."""
        self.page.wait_for_timeout(1500)
        file = self.pictures / f"{name}.png"
        self.page.screenshot(path=file)
        return file


@contextmanager
def open_pages(address: str, pictures: Path, location: str = "genimg") -> Iterator[Pages]:
    """A browser of one's own."""
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        try:
            yield Pages(browser.new_page(viewport=SIZE), address, pictures, location)
        finally:
            browser.close()
