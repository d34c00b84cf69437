"""Class balance and rejection rates as the page shows them: lengths of bars, and what they come to in a sentence."""

from __future__ import annotations

from typing import Any

from genimg_core.reports.bias_plots import told_name

MOST_CLASSES = 60
"""Of more classes the smallest and the largest are shown."""
MOST_NAMED = 8


def balance(normalized: dict[str, Any]) -> dict[str, Any]:
    """Rows of the balance, the scale of their bars, and the classes without a test image.

    Args:
        normalized: the normalize stage's report.

    Returns:
        rows (name, train, held_out, test, and both as shares of the longest bar), left_out, untested (a text).
    """
    counts = normalized["class_counts"]
    totals = {name: sum(counts[split][name] for split in counts) for name in counts["train"]}
    shown, left_out = sorted(totals), 0
    if len(shown) > MOST_CLASSES:
        by_size = sorted(totals, key=lambda name: (totals[name], name))
        shown, left_out = by_size[:MOST_CLASSES // 2] + by_size[-MOST_CLASSES // 2:], len(totals) - MOST_CLASSES
    longest = max(totals.values(), default=0) or 1
    rows = []
    for name in shown:
        train, test = counts["train"][name], counts["test"][name]
        held_out = totals[name] - train
        rows.append({"name": name, "train": train, "held_out": held_out, "test": test,
                     "train_share": train / longest, "held_out_share": held_out / longest})
    untested = normalized["untested_classes"]
    named = ", ".join(untested[:MOST_NAMED])
    more = len(untested) - MOST_NAMED
    return {"rows": rows, "left_out": left_out, "untested": f"{named} and {more:,} more" if more > 0 else named}


def rates(normalized: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables of rejections: by class, and by folder where that tells more.

    Args:
        normalized: the normalize stage's report.

    Returns:
        what (`class` or `folder`), rows (name, share, rejected, collected, reasons, higher), higher (names); none where
        nothing was rejected or there is only one group.
    """
    told = normalized["rejections"]
    tables = []
    for what, groups in (("class", told["by_class"]), ("folder", told["by_folder"])):
        if len(groups) < 2 or not any(rate["rejected"] for rate in groups):
            continue
        if what == "folder" and told["folders_are_classes"]:
            continue
        rows = [{**rate, "name": told_name(rate, what == "class"), "share": rate["rejected"] / rate["collected"]}
                for rate in groups]
        tables.append({"what": what, "rows": rows, "higher": [row["name"] for row in rows if row["higher"]]})
    return tables
