"""Class balance and rejection rates as PNGs, for Dagster's pages (the report page draws its own)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genimg_core.reports.bars import REJECTED, Bar, draw_bars
from genimg_core.reports.pictures import SHEET_LEVEL, even_strides, save_png
from genimg_core.stages.contract import Picture

MOST_CLASSES = 40
"""Of a plot of the balance; of more, some are shown, from the smallest to the largest."""
LONGEST_REASON = 24


def draw_balance(path: Path, counts: dict[str, dict[str, int]]) -> Picture:
    """Images per class and split.

    Args:
        path: of the PNG.
        counts: split -> class -> images, of train, validation and test.
    """
    splits = ("train", "validation", "test")
    names = sorted(counts["train"], key=lambda name: (sum(counts[split][name] for split in splits), name))
    shown = [names[place] for place in even_strides(len(names), MOST_CLASSES)]
    if len(shown) == len(names):
        shown = sorted(names)
    bars = [Bar(name, tuple(counts[split][name] for split in splits),
                " / ".join(f"{counts[split][name]:,}" for split in splits)) for name in shown]
    save_png(draw_bars(bars, splits), path, level=SHEET_LEVEL)
    which = f"{len(shown)} of the {len(names):,} classes, the smallest first" if len(shown) < len(names) else "class"
    return Picture(path.name, f"Images per {which}: {', '.join(splits)}")


def draw_rejections(path: Path, told: dict[str, Any]) -> Picture:
    """Share of rejected images by class, and by folder where that tells more.

    Args:
        path: of the PNG.
        told: of quality/balance.py's `rejections`.
    """
    alike = told["folders_are_classes"] or len(told["by_folder"]) < 2
    groups = told["by_class"] + ([] if alike else told["by_folder"])
    bars = [Bar(told_name(rate, place < len(told["by_class"])), (rate["rejected"] / rate["collected"],), _figures(rate))
            for place, rate in enumerate(groups)]
    save_png(draw_bars(bars, ("rejected",), longest=1.0, colours=(REJECTED,)), path, level=SHEET_LEVEL)
    return Picture(path.name, "Share of rejected images, by class"
                   + ("" if alike else " and by folder of the source"))


def told_name(rate: dict[str, Any], of_class: bool) -> str:
    """A group's name for people."""
    if rate["kind"] == "others":
        return f"all other {'classes' if of_class else 'folders'}"
    if of_class:
        return "(no label)" if rate["kind"] == "unlabelled" else rate["name"]
    return f"{rate['name']}/" if rate["name"] else "(top folder)"


def _figures(rate: dict[str, Any]) -> str:
    first = next(iter(rate["reasons"]), "")
    share = f"{100 * rate['rejected'] / rate['collected']:.1f} % of {rate['collected']:,}"
    return f"{share} {first.replace('_', ' ')[:LONGEST_REASON]}".rstrip()
