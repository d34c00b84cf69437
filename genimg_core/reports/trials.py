"""The trials of `family: auto` and `recipe: auto`, for the page: best first, as plots and as a table."""

from __future__ import annotations

from typing import Any

from genimg_core.reports.dotplot import DotPlot, Row, dot_plot

LONGEST_LABEL = 22
"""Characters in a plot; the table beside it has the whole."""
PLOTTED = (("kid", "KID: nearer to 0 is better"), ("coverage", "Coverage: higher is better"))


def trials_told(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the page shows of a report of select or recipe; None where nothing was tried.

    Args:
        report: as StageReports reads it, with its pictures' data URIs.
    """
    if report is None or report["how"] != "trials":
        return None
    pictures = {picture["file"]: picture["uri"] for picture in report["pictures"]}
    rows = [{**row, "uri": pictures.get(row.get("picture"))} for row in report["candidates"]]
    rows.sort(key=lambda row: (row["kid"] is None, bool(row["failed"]), row["kid"]["value"] if row["kid"] else 0))
    return {**report, "rows": rows, "plots": [_plot(score, title, rows, report["floor"]) for score, title in PLOTTED],
            "what": "family" if report["stage"] == "select" else "recipe"}


def _plot(score: str, title: str, rows: list[dict[str, Any]], floor: dict[str, float]) -> DotPlot:
    scored = [row for row in rows if row[score] is not None]
    drawn = [Row("other real images", floor[score], kind="floor")]
    drawn += [Row(_short(row["label"]), **row[score]) for row in scored]
    return dot_plot(title, drawn)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL - 1]}…"
