"""What the page and Dagster show of balance and rejections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genimg_core.quality.balance import rejection_rates
from genimg_core.reports.bars import BAR_PX, COLOURS, MARGIN_PX, NAME_PX, Bar, draw_bars
from genimg_core.reports.bias import balance, rates
from genimg_core.reports.bias_plots import draw_balance, draw_rejections
from tests.reports.stage_reports import HOSTILE
from tests.stages.test_report import make_page, reports

__all__ = ["reports"]


def normalized(classes: int, untested: int = 0) -> dict[str, Any]:
    counts = {split: {f"c{i:03d}": i * factor for i in range(1, classes + 1)}
              for split, factor in (("train", 8), ("validation", 1), ("test", 1))}
    return {"class_counts": counts, "untested_classes": [f"c{i:03d}" for i in range(untested)]}


def test_bars_are_as_long_as_their_figures() -> None:
    rows = balance(normalized(4))["rows"]
    assert [(row["train"], row["held_out"], row["test"]) for row in rows] == [(8, 2, 1), (16, 4, 2), (24, 6, 3),
                                                                           (32, 8, 4)]
    assert rows[-1]["train_share"] + rows[-1]["held_out_share"] == 1 and rows[0]["train_share"] == 0.2


def test_of_very_many_classes_the_ends_are_shown() -> None:
    told = balance(normalized(100, untested=11))
    assert len(told["rows"]) == 60 and told["left_out"] == 40
    assert told["rows"][0]["name"] == "c001" and told["rows"][-1]["name"] == "c100"
    assert told["untested"].endswith("c007 and 3 more")


def tree(names: list[str | None], reasons: list[str | None], **more: Any) -> dict[str, Any]:
    from dataclasses import asdict

    groups = [asdict(rate) for rate in rejection_rates(names, reasons, most=3)]
    return {"by_class": groups, "by_folder": [], "folders_are_classes": True} | more


def test_nothing_rejected_or_one_group_needs_no_table() -> None:
    assert rates({"rejections": tree(["a", "b"], [None, None])}) == []
    assert rates({"rejections": tree(["a", "a"], ["flat", None])}) == []


def test_groups_without_a_name_get_words() -> None:
    names = [None] * 10 + ["a"] * 10 + ["b"] * 10 + ["c"] * 10 + ["d"] * 10
    table, = rates({"rejections": tree(names, ["flat"] * 10 + [None] * 40)})
    assert [row["name"] for row in table["rows"]] == ["(no label)", "a", "b", "all other classes"]
    assert table["higher"] == [] and table["rows"][0]["share"] == 1


def test_the_page_shows_them_and_runs_no_name(tmp_path: Path, reports: Any) -> None:
    page, _ = make_page(tmp_path)
    assert "Images of each class" in page and "Judged by no score:" in page
    assert "clearly more than of the rest is thrown out of &lt;script&gt;" in page
    assert "By folder" in page and "(top folder)" in page and HOSTILE not in page
    assert "most often for" in page and "truncated (7)" in page


def test_pictures_are_the_same_bytes_and_take_any_name(tmp_path: Path) -> None:
    hostile = "$x^2$\n\x1b[2J" + "漢" * 300
    counts = {split: {hostile: 3, "b": 0} for split in ("train", "validation", "test")}
    told = tree([hostile] * 30 + [None], ["flat"] * 20 + [None] * 11, folders_are_classes=False)
    told["by_folder"] = told["by_class"]
    for name in ("one.png", "two.png"):
        draw_balance(tmp_path / f"balance-{name}", counts)
        draw_rejections(tmp_path / f"rejected-{name}", told)
    assert (tmp_path / "balance-one.png").read_bytes() == (tmp_path / "balance-two.png").read_bytes()
    with Image.open(tmp_path / "rejected-one.png") as picture:
        assert picture.width < 1000 and picture.height > 60


def test_a_bar_of_half_the_length_ends_in_the_middle() -> None:
    picture = np.asarray(draw_bars([Bar("a", (1.0, 1.0), ""), Bar("b", (1.0, 0.0), "")], ("x", "y")))
    left = NAME_PX + MARGIN_PX
    blue = (picture == COLOURS[0]).all(axis=2)[30:, left:left + BAR_PX]
    light = (picture == COLOURS[1]).all(axis=2)[30:, left:left + BAR_PX]
    assert blue.any(axis=0).sum() == BAR_PX // 2 == light.any(axis=0).sum()
    assert light.any(axis=1).sum() < blue.any(axis=1).sum()


def test_many_classes_make_no_endless_picture(tmp_path: Path) -> None:
    picture = draw_balance(tmp_path / "b.png", normalized(500)["class_counts"])
    assert "40 of the 500 classes" in picture.title
    with Image.open(tmp_path / "b.png") as drawn:
        assert drawn.height < 1000
