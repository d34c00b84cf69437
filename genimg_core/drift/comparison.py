"""Two versions of a data set, compared: changed images, shifted figures, class shares, rejections."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genimg_core.drift.changes import Change, count_changes, find_changes
from genimg_core.drift.shifts import ShareShift, Shift, share_shift, shift_of
from genimg_core.drift.versions import DatasetVersion

if TYPE_CHECKING:
    import pandas as pd

COMPARED = ("luminance", "contrast", "sharpness", "width", "height", "aspect", "bytes", "alpha_share")
"""Figures; `aspect` is width by height. Of kept images, as models learn from those."""
LISTED = 100
"""Changes of a kind in drift.json; changes.csv has all."""


@dataclass(frozen=True)
class Comparison:
    """What drift is made of."""

    dataset: str
    was: DatasetVersion
    now: DatasetVersion
    changes: tuple[Change, ...]
    shifts: tuple[Shift, ...]
    not_compared: tuple[str, ...]
    """Figures that one of the versions lacks."""
    classes: ShareShift
    rejections: ShareShift
    """By reason; the kept images are the group `kept`."""

    @property
    def drifted(self) -> tuple[str, ...]:
        """What is no longer steady."""
        found = [shift.figure for shift in self.shifts if "shifted" in shift.verdict]
        shares = (("class shares", self.classes), ("rejections", self.rejections))
        return (*found, *(name for name, shift in shares if "shifted" in shift.verdict))

    def tree(self) -> dict[str, Any]:
        """For drift.json."""
        listed: dict[str, list[dict[str, Any]]] = {}
        for change in self.changes:
            found = listed.setdefault(change.kind, [])
            if len(found) < LISTED:
                found.append({key: value for key, value in asdict(change).items() if key not in ("kind", "row")})
        return {"dataset": self.dataset, "was": _told(self.was), "now": _told(self.now),
                "changes": count_changes(self.changes), "listed": listed, "drifted": list(self.drifted),
                "figures": [asdict(shift) for shift in self.shifts], "not_compared": list(self.not_compared),
                "classes": asdict(self.classes), "rejections": asdict(self.rejections)}


def compare(dataset: str, was: DatasetVersion, now: DatasetVersion) -> Comparison:
    """Compare two versions.

    Args:
        dataset: its name.
        was: the earlier one.
        now: the present one.
    """
    before, after = kept_figures(was.table), kept_figures(now.table)
    both = [name for name in COMPARED if name in before and name in after]
    number = len(both) + 2
    return Comparison(
        dataset, was, now, find_changes(was.table, now.table),
        tuple(shift_of(name, before[name], after[name], number) for name in both),
        tuple(name for name in COMPARED if name not in both),
        share_shift(_classes(was.table), _classes(now.table), number),
        share_shift(_fates(was.table), _fates(now.table), number))


def kept_figures(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Figure => float64 (N,) of the kept images; those of COMPARED that the table has."""
    kept = table[table["status"] == "kept"]
    found = {name: kept[name].to_numpy(np.float64) for name in COMPARED if name in kept}
    if {"width", "height"} <= set(found):
        found["aspect"] = found["width"] / np.maximum(found["height"], 1)
    return found


def _classes(table: pd.DataFrame) -> dict[str, int]:
    counts = table.loc[table["status"] == "kept", "label"].value_counts()
    return {str(name): int(count) for name, count in counts.sort_index().items()}


def _fates(table: pd.DataFrame) -> dict[str, int]:
    counts = table["reason"].where(table["status"] == "rejected", "kept").value_counts()
    return {str(name): int(count) for name, count in counts.sort_index().items()}


def _told(version: DatasetVersion) -> dict[str, Any]:
    kept = int((version.table["status"] == "kept").sum())
    return {"version": version.told, "revision": version.revision, "collected": len(version.table), "kept": kept}
