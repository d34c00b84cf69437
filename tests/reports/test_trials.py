"""Trials on the page and in the card: best first, the one that was taken marked, a failure with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import escape

from assets.previews import table_markdown
from genimg_core.reports.trials import trials_told
from genimg_core.trials.rule import RULE
from tests.reports.stage_reports import HOSTILE, Reports, evaluation
from tests.stages.test_report import make_page

SCORES = ("kid", "fd", "precision", "recall", "density", "coverage")


def row(label: str, kid: float | None, **changed: Any) -> dict[str, Any]:
    """As trials/comparison.py writes it."""
    scores = {score: None if kid is None else {"value": kid, "low": kid - 0.01, "high": kid + 0.01} for score in SCORES}
    return {"label": label, "trials": 1, "failed": [], "operations": 24_000_000, "restarts": 0, "won": False,
            "picture": "candidate_1.png", **scores, **changed}


def told(**changed: Any) -> dict[str, Any]:
    """The facts of a select stage."""
    rows = [row("gan, loss hinge", 0.4, restarts=2), row("vae", None, failed=[f"diverged {HOSTILE}"]),
            row("flow", 0.1, won=True)]
    return {"how": "trials", "chosen": "flow", "reason": "its KID is the lowest", "rule": RULE, "candidates": rows,
            "budget": {"images": 20000, "seeds": 1}, "floor": dict.fromkeys(SCORES, 0.01), "interval": 0.95,
            "judged_by": "of the validation split", "images": 300, "extractor": "cnn-base-00000001",
            "table": {"title": "Trials", "columns": ["candidate", "KID"],
                      "rows": [["flow", "0.1"], ["a|b\nc", HOSTILE]]}, **changed}


def test_the_best_stands_first_and_a_failure_last() -> None:
    found = trials_told({"stage": "select", "pictures": [{"file": "candidate_1.png", "uri": "data:x"}], **told()})
    assert [one["label"] for one in found["rows"]] == ["flow", "gan, loss hinge", "vae"] and found["what"] == "family"
    assert [placed.label for placed in found["plots"][0].rows] == ["other real images", "flow", "gan, loss hinge"]
    assert trials_told({"stage": "select", "how": "pinned"}) is None and trials_told(None) is None


def test_page_and_card_show_them(tmp_path: Path) -> None:
    reports = Reports(tmp_path / "reports")
    reports.write_dataset("base", {})
    reports.write_model("pretrain", "m", "base", evaluation())
    reports.write("select", "m", ("candidate_1.png",), **told())
    page, _ = make_page(tmp_path, pretrain={"m": {"dataset": "base", "family": "auto"}}, generate=("m",))
    assert "How its family was chosen: flow" in page and "its KID is the lowest" in page and escape(RULE) in page
    assert page.index("<b>flow</b>") < page.index("1 of 1 failed: diverged") and "put back 2 times" in page
    assert HOSTILE not in page
    card = (tmp_path / "report/cards/m.md").read_text(encoding="utf8")
    assert "## How its family was chosen" in card and "| flow | 0.1 |" in card and "| a\\|b c |" in card
    assert HOSTILE not in card and card.index("was chosen") < card.index("## How good it is")


def test_imported_parents_and_trained_weights_are_told(tmp_path: Path) -> None:
    reports = Reports(tmp_path / "reports")
    reports.write_dataset("base", {})
    transfer = {"recipe": "small", "start": "last", "frozen": ["network.head.weight"], "trained_weights": 234}
    reports.write_model("finetune", "m", "base", None, parent="borrowed", parent_sha256="b" * 64, transfer=transfer)
    reports.write("import", "borrowed", model="borrowed", family="flow", model_sha256="b" * 64, parent="theirs",
                  parent_sha256="c" * 64, source={"path": "imports/borrowed"})
    report = tmp_path / "reports/import-borrowed/report.json"
    report.write_text(report.read_text().replace('"metrics": {}', '"metrics": {"weights": 9, "classes": 2}'))
    page, _ = make_page(tmp_path, finetune={"m": {"dataset": "base", "from": "borrowed"}})
    assert "From elsewhere" in page and "theirs, version <code>cccccccccccc</code>" in page
    assert "Of 1,234 weights 234 were trained (recipe small), from the last weights of borrowed" in page
    card = (tmp_path / "report/cards/m.md").read_text(encoding="utf8")
    assert "- 234 of 1,234 weights were trained (recipe small), from the parent's last weights" in card


def test_a_table_for_dagster_keeps_its_cells() -> None:
    lines = table_markdown(told()["table"]).splitlines()
    hostile = HOSTILE.replace("<", "&lt;")
    assert lines[2:] == ["| candidate | KID |", "|---|---|", "| flow | 0.1 |", f"| a\\|b c | {hostile} |"]
