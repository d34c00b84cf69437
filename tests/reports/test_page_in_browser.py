"""The report page in a real headless Chromium, as wide as a desk's screen and as narrow as a phone's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from genimg_core.stages.report import report
from tests.bridge.browser import CHROMIUM, OPTIONS
from tests.reports.stage_reports import HOSTILE, Reports, evaluation

pytestmark = [pytest.mark.slow]


EVENT = {"seen_images": 4000, "cause": "discriminator_won", "detail": "its loss is <0.01>",
         "action": "go_back", "back_to": 3000, "rate_scale": 0.5, "stabilised": 1,
         "before": {"learning_rate": 0.004, "r1": 1.0}, "after": {"learning_rate": 0.002, "r1": 3.0}}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two models, with names as long as people give."""
    folder = tmp_path_factory.mktemp("page")
    reports, page = Reports(folder / "reports"), folder / "report"
    page.mkdir()
    reports.write_dataset("base", {"near_duplicate": 30, "a_reason_of_very_many_words_without_a_single_blank": 2})
    names = ("good", "a_control_with_a_name_that_is_long_and_does_not_wrap_by_itself")
    for name in names:
        reports.write_model("pretrain", name, "base", evaluation(kid=0.02 if name == "good" else 0.2),
                            events=[] if name == "good" else [EVENT])
    report(reports=reports.folder, page=page, report=page, image={}, datasets={"base": {}}, finetune={}, evaluate={},
           pretrain={name: {"dataset": "base"} for name in names}, generate={name: {} for name in names})
    return page / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen_and_nothing_is_fetched(browser: Browser, page_file: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    broken = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).length")
    assert broken == 0 and page.locator("img").count() > 10
    page.close()


def test_a_tap_tells_whether_an_image_is_real(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(page_file.as_uri())
    tile = page.locator(".quiz label").first
    answer = tile.locator(".answer")
    assert not answer.is_visible()
    tile.click()
    assert answer.is_visible() and answer.inner_text() == "real"
    page.close()


def test_names_are_shown_and_never_run(browser: Browser, tmp_path: Path) -> None:
    """A class, a folder, a reason and a check of names that would run if they were markup."""
    evil = '<img src="x" onerror="document.title=1">'
    reports, page_file = Reports(tmp_path / "reports"), tmp_path / "report"
    page_file.mkdir()
    reports.write_dataset("base", {HOSTILE: 30, evil: 20})
    reports.write_model("pretrain", "good", "base", evaluation(notes={evil: evil}), events=[EVENT | {"detail": evil}])
    source = {"kind": "folder", "path": f"{HOSTILE}{evil}"}
    report(reports=reports.folder, page=page_file, report=page_file, image={}, datasets={"base": {"source": source}},
           finetune={}, evaluate={}, pretrain={"good": {"dataset": "base"}}, generate={"good": {}})
    page = browser.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(("data:", "file:"))
            else None)
    page.goto((page_file / "index.html").as_uri())
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.wait_for_timeout(200)
    assert page.title() != "1" and said == []
    assert page.locator("img[src=x]").count() == page.locator("script").count() == 0
    for name in (HOSTILE, evil):
        assert page.get_by_text(name).count() >= 2
    page.close()


def test_it_is_dark_where_the_reader_wants_it_dark(browser: Browser, page_file: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(page_file.as_uri())
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 26)"}


def test_in_print_the_folded_parts_are_open(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    folded = page.locator("details pre")
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_visible()
    page.close()


def test_a_run_that_was_put_back_says_why_and_what_changed(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    rows = page.locator("tr", has_text="discriminator won")
    assert rows.count() == 1
    told = rows.first.inner_text()
    assert "its loss is <0.01>" in told and "learning rate 0.004 to 0.002" in told and "r1 1 to 3" in told
    page.close()
