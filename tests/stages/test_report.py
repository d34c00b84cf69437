"""The page and the cards from a folder of stage reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genimg_core.errors import CorruptFileError
from genimg_core.stages.contract import StageReport
from genimg_core.stages.report import report
from tests.reports.stage_reports import HOSTILE, Reports, evaluation


def make_page(folder: Path, datasets: tuple[str, ...] = ("base",), pretrain: dict[str, Any] | None = None,
              finetune: dict[str, Any] | None = None, generate: tuple[str, ...] = ()) -> tuple[str, StageReport]:
    """Run the stage; the page's text and the stage's report."""
    page = folder / "report"
    page.mkdir()
    told = report(reports=folder / "reports", page=page, report=page, image={"size": 12},
                  datasets={name: {"source": {"kind": "folder"}} for name in datasets}, pretrain=pretrain or {},
                  finetune=finetune or {}, generate={name: {} for name in generate}, evaluate={})
    return (page / "index.html").read_text(encoding="utf8"), told


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    found = Reports(tmp_path / "reports")
    found.write_dataset("base", {"truncated": 7, HOSTILE: 2})
    return found


def test_the_best_model_comes_first_and_is_held_against_the_control(tmp_path: Path, reports: Reports) -> None:
    reports.write_model("pretrain", "control", "base", evaluation(kid=0.2))
    reports.write_model("pretrain", "good", "base", evaluation(kid=0.02))
    page, told = make_page(tmp_path, pretrain={"control": {"dataset": "base"}, "good": {"dataset": "base"}},
                           generate=("control", "good"))
    assert page.index("base: good") < page.index("Against control (trained from scratch): KID 0.0200 to 0.2000")
    assert "The intervals do not meet" in page
    assert "A generator, learnt from 800 images" in page
    assert told.metrics["models"] == 2 and not told.failed


def test_the_page_fetches_nothing_runs_nothing_and_escapes_names(tmp_path: Path, reports: Reports) -> None:
    reports.write_model("pretrain", "good", "base", evaluation())
    page, told = make_page(tmp_path, pretrain={"good": {"dataset": "base"}}, generate=("good",))
    assert HOSTILE not in page and "&lt;script&gt;" in page
    assert told.checks[0].passed
    assert HOSTILE not in (tmp_path / "report/cards/good.md").read_text(encoding="utf8")


def test_a_foreign_address_fails_the_check(tmp_path: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    from genimg_core.reports import html

    monkeypatch.setattr(html, "render", lambda **_: '<img src="http://elsewhere/a.png">')
    _, told = make_page(tmp_path)
    assert [check.name for check in told.failed] == ["page_is_self_contained"]


def test_models_without_samples_and_data_without_models_have_a_page(tmp_path: Path, reports: Reports) -> None:
    reports.write_model("pretrain", "quiet", "base", None)
    page, _ = make_page(tmp_path, pretrain={"quiet": {"dataset": "base"}})
    assert "No model was drawn from" in page and "quiet" in page
    assert json.loads((tmp_path / "report/cards/quiet.json").read_text())["evaluation"] is None


def test_data_alone_has_a_page(tmp_path: Path, reports: Reports) -> None:
    page, _ = make_page(tmp_path)
    assert "clean data, and no model yet" in page and "truncated" in page


def test_figures_that_could_not_be_measured_are_named(tmp_path: Path, reports: Reports) -> None:
    reports.write_model("pretrain", "good", "base", evaluation(
        memorization={"why": "only 3 images are held out"}, class_agreement=None, real_split="train", images=30))
    page, _ = make_page(tmp_path, pretrain={"good": {"dataset": "base"}}, generate=("good",))
    assert "only 3 images are held out" in page
    assert "judged by images that it was trained on" in page


def test_a_warning_is_shown_with_its_stage(tmp_path: Path, reports: Reports) -> None:
    tree = json.loads((reports.folder / "validate-base/report.json").read_text())
    tree["checks"][0] |= {"passed": False, "blocking": False, "description": "enough of it"}
    (reports.folder / "validate-base/report.json").write_text(json.dumps(tree))
    page, told = make_page(tmp_path)
    assert told.metrics["warnings"] == 1 and "validate@base: enough of it" in page


def test_a_fine_tuned_model_names_its_parent(tmp_path: Path, reports: Reports) -> None:
    reports.write_dataset("target", {})
    reports.write_model("pretrain", "first", "base", evaluation())
    reports.write_model("finetune", "second", "target", evaluation(), parent="first", parent_sha256="model-first")
    page, _ = make_page(tmp_path, ("base", "target"), {"first": {"dataset": "base"}},
                        {"second": {"dataset": "target", "from": "first"}}, ("first", "second"))
    assert "2 generators, learnt from 1,600 images" in page and "Nothing was thrown out" in page
    assert page.count("Kept, but odd") == page.count("3 wrong extension") == page.count('alt="warned.png"') == 1
    card = json.loads((tmp_path / "report/cards/second.json").read_text())
    assert card["parent"] == {"model": "first", "version": "model-first"}
    assert "Fine-tuned from first" in (tmp_path / "report/cards/second.md").read_text()


def test_the_same_reports_make_the_same_bytes(tmp_path: Path, reports: Reports) -> None:
    reports.write_model("pretrain", "good", "base", evaluation())
    arguments: dict[str, Any] = {"pretrain": {"good": {"dataset": "base"}}, "generate": ("good",)}
    first, _ = make_page(tmp_path, **arguments)
    (tmp_path / "report").rename(tmp_path / "before")
    assert make_page(tmp_path, **arguments)[0] == first


def test_a_missing_report_names_the_command_that_makes_it(tmp_path: Path, reports: Reports) -> None:
    (reports.folder / "clean-base/report.json").unlink()
    with pytest.raises(CorruptFileError, match="genimg run clean@base"):
        make_page(tmp_path)
