"""What the card says, and that a name in it is no markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from genimg_core.reports.model_card import _decisions, _plain
from genimg_core.stages.report import report
from tests.reports.stage_reports import HOSTILE, Reports, evaluation, write_rights

EVIL = ("[x](javascript:alert(1))", "![x](http://elsewhere/x.png)", "- a list", "1. a list", "# a head", "a | b",
        "<img src=x onerror=alert(1)>", "`code`", "<http://elsewhere>", "**bold** __bold__", "=cmd()", "&lt;b&gt;")


def test_markup_in_a_name_is_text():
    assert _plain("a|b") == "a\\|b"
    assert _plain("![x](y)<b>") == "\\!\\[x\\](y)\\<b\\>"
    assert _plain("line\nbreak\x1b[0m") == "line?break?\\[0m"


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Of a model, and of one that began from it, on data of many rights."""
    reports, page = Reports(tmp_path / "reports"), tmp_path / "page"
    page.mkdir()
    for name in ("base", "target"):
        reports.write_dataset(name, {HOSTILE: 3})
    write_rights(reports.folder, "base", [json.dumps({"licence": licence, "author": author})
                                          for licence in ("CC-BY-4.0", *EVIL) for author in EVIL] + [None, None])
    reports.write_model("pretrain", "latin", "base", evaluation())
    reports.write_model("finetune", "greek", "target", evaluation(), parent="latin", parent_sha256="model-latin")
    report(reports=reports.folder, page=page, report=page, image={}, datasets={"base": {}, "target": {}}, evaluate={},
           pretrain={"latin": {"dataset": "base"}}, finetune={"greek": {"dataset": "target", "from": "latin"}},
           generate={"latin": {}, "greek": {}})
    return page / "cards"


def tokens_of(text: str) -> list[Any]:
    found = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        found += [token, *(token.children or ())]
    return found


def test_rendered_nothing_in_a_name_is_markup(cards: Path):
    tokens = tokens_of((cards / "latin.md").read_text(encoding="utf8"))
    assert not [token for token in tokens if token.type in ("html_inline", "html_block", "image")]
    assert "code" not in {token.content for token in tokens if token.type == "code_inline"}
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == ["rights-base.csv"]
    assert sum(token.type == "bullet_list_open" for token in tokens) >= 3
    assert not [token for token in tokens if token.type == "ordered_list_open" or token.level > 8]
    items = [token.level for token in tokens if token.type == "list_item_open"]
    assert set(items) == {1}, "no list within a list"
    told = {token.content for token in tokens if token.type == "text"}
    for name in EVIL:
        assert any(name in text for text in told), name


def test_licences_are_counted_and_people_named(cards: Path):
    tree = json.loads((cards / "latin.json").read_text(encoding="utf8"))
    rights = tree["rights"]["base"]
    assert rights["licences"]["CC-BY-4.0"] == len(EVIL) and rights["without_licence"] == 2
    assert rights["images"] == len(EVIL) * (len(EVIL) + 1) + 2
    text = (cards / "latin.md").read_text(encoding="utf8")
    assert f"| CC-BY-4.0 | {len(EVIL)} |" in text and "| none is known | 2 |" in text
    assert f"[All {rights['attributions']:,} attributions](rights-base.csv)" in text
    assert len((cards / "rights-base.csv").read_text(encoding="utf8").splitlines()) == rights["attributions"] + 2


def test_a_model_answers_for_what_its_parent_learned_from(cards: Path):
    tree = json.loads((cards / "greek.json").read_text(encoding="utf8"))
    assert list(tree["rights"]) == ["base"]
    assert "## Rights in the training images of base" in (cards / "greek.md").read_text(encoding="utf8")
    assert not (cards / "rights-target.csv").exists()
def test_what_controllers_decided_is_a_line_for_each_thing_they_turned():
    def event(seen, action, before, after, cause="discriminator_too_sure"):
        return {"seen_images": seen, "cause": cause, "detail": "", "action": action, "before": before, "after": after}

    told = _decisions([
        event(5000, "augment", {"augmentation": 0.0}, {"augmentation": 0.05}),
        event(9000, "go_back", {"learning_rate": 0.004}, {"learning_rate": 0.002}, "collapse"),
        event(10_000, "augment", {"augmentation": 0.05}, {"augmentation": 0.1}),
        event(20_000, "keep_best", {"weights_at": 20_000}, {"weights_at": 15_000}, "best_is_earlier")])
    assert told == [
        "- Augmentation: 0 to 0.1 in 2 decision(s), the last at 10,000 images seen (discriminator too sure)",
        "- Weights at: 20,000 to 15,000 in 1 decision(s), the last at 20,000 images seen (best is earlier)"]
