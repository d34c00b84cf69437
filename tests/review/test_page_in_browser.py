"""The review page in a real headless Chromium: clicked, downloaded, imported; nothing in a name runs or is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from genimg_core.cli import main
from genimg_core.decisions.book import read_decisions
from genimg_core.decisions.files import DecidedLabel, Verdict
from tests.bridge.browser import CHROMIUM, OPTIONS
from tests.review.project import EVIL, EVIL_LABEL, FORMULA, image_id

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS, "--disable-quic"])
        yield opened
        opened.close()


@pytest.fixture
def exported(place: Path) -> Path:
    assert main(["review", "export", "--out", "out", "--label", "lily"]) == 0
    return place / "out/review.html"


def open_page(browser: Browser, file: Path, width: int = 390, **options) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    page.goto(file.as_uri())
    return page


def card(page: Page, path: str):
    return page.locator(f'.card[data-id="{image_id(path)}"]').first


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen_fetches_nothing_and_runs_no_name(browser: Browser, exported: Path, width: int):
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(exported.as_uri())
    page.evaluate("for (const i of document.images) i.loading = 'eager'")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith("data:")] == [exported.as_uri()]
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0
    assert page.title() == "Review of base" and said == []
    assert card(page, EVIL).locator(".path").inner_text() == EVIL
    assert card(page, FORMULA).locator(".path").inner_text() == FORMULA
    assert page.get_by_text(f"came as {EVIL_LABEL} and as rose").count() == 1
    assert page.evaluate("Math.min(...[...document.querySelectorAll('.card button')].map(b => b.offsetHeight))") >= 40
    page.close()


def test_click_download_import(browser: Browser, exported: Path, place: Path, capsys):
    page = open_page(browser, exported, accept_downloads=True)
    download = page.locator("#json")
    assert download.is_disabled()
    card(page, EVIL).get_by_role("button", name="Keep").click()
    card(page, EVIL).get_by_label("Why").fill('a "colour" chart, wanted')
    card(page, "good/05.png").get_by_role("button", name="Reject").click()
    card(page, "big.jpg").get_by_role("button", name="It is rose").click()
    card(page, "good/06.png").locator("select").select_option(EVIL_LABEL)
    card(page, FORMULA).get_by_role("button", name="Keep").click()
    page.locator("#undo").click()
    assert card(page, "cut.png").get_by_role("button", name="Keep").is_disabled()
    assert page.locator("#count").inner_text() == "1 kept, 1 rejected, 2 labelled"
    page.reload()
    assert page.locator("#count").inner_text() == "1 kept, 1 rejected, 2 labelled", "a reload loses nothing"
    with page.expect_download() as begun:
        download.click()
    assert begun.value.suggested_filename == "decisions-base.json"
    begun.value.save_as("answers.json")
    with page.expect_download() as begun:
        page.locator("#csv").click()
    begun.value.save_as("answers.csv")
    page.close()
    capsys.readouterr()
    wanted = ({image_id(EVIL): Verdict("keep", 'a "colour" chart, wanted'), image_id("good/05.png"): Verdict("reject")},
              {image_id("big.jpg"): DecidedLabel("rose"), image_id("good/06.png"): DecidedLabel(EVIL_LABEL)})
    assert main(["review", "import", "answers.json"]) == 0
    assert "base: 1 kept, 1 rejected, 2 labelled" in capsys.readouterr().out
    found = read_decisions("base")
    assert (found.verdicts, found.labels) == wanted
    assert main(["review", "import", "answers.csv"]) == 0
    assert "4 as they were decided before" in capsys.readouterr().out
    found = read_decisions("base")
    assert (found.verdicts, found.labels) == wanted
    assert json.loads(Path("answers.json").read_text(encoding="utf8"))["dataset"] == "base"


def test_what_is_decided_stands_on_the_page_and_can_be_taken_back(browser: Browser, place: Path):
    assert main(["reject", image_id("good/03.png")[:12], "--why", "=danger()"]) == 0
    assert main(["restore", EVIL]) == 0
    assert main(["review", "export", "--out", "out", "--all"]) == 0
    page = open_page(browser, place / "out/review.html", accept_downloads=True)
    keep = card(page, EVIL).get_by_role("button", name="Keep")
    assert keep.get_attribute("aria-pressed") == "true"
    keep.click()
    assert keep.get_attribute("aria-pressed") == "false"
    assert page.locator("#count").inner_text() == "1 rejected, 1 taken back"
    card(page, FORMULA).get_by_role("button", name="Reject").click()
    card(page, FORMULA).get_by_label("Why").fill("=danger()")
    with page.expect_download() as begun:
        page.locator("#csv").click()
    begun.value.save_as("answers.csv")
    page.close()
    assert f"\n{image_id(FORMULA)},reject,,'=danger()\n" in Path("answers.csv").read_text(encoding="utf8")
    assert main(["review", "import", "answers.csv"]) == 0
    danger = Verdict("reject", "=danger()")
    assert read_decisions("base").verdicts == {image_id(FORMULA): danger, image_id("good/03.png"): danger}


def test_it_is_dark_where_the_reader_wants_it_dark(browser: Browser, exported: Path):
    grounds = {}
    for scheme in ("light", "dark"):
        page = open_page(browser, exported, color_scheme=scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 26)"}


def test_a_script_that_slipped_in_would_not_run(browser: Browser, exported: Path):
    text = exported.read_text(encoding="utf8")
    spoiled = exported.with_name("spoiled.html")
    spoiled.write_text(text.replace("</main>", "<script>document.title = 'run'</script><img src=x onerror=\"document."
                                    "title = 'run'\"></main>"), encoding="utf8")
    page = open_page(browser, spoiled)
    page.wait_for_timeout(300)
    assert page.title() == "Review of base"
    page.close()
