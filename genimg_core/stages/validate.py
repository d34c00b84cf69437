"""Validate: the gate in front of everything else. Is the raw data good enough to go on?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from genimg_core.decisions.files import FORGOTTEN
from genimg_core.params import Section, Share
from genimg_core.quality.expectations import checks_of, raw_suite
from genimg_core.stages.contract import Stage, StageReport, write_json

CHECKS = checks_of(raw_suite())
"""Name, description, blocking."""


class ValidateParams(Section):
    """What the raw data must hold."""

    min_images: Annotated[int, Field(ge=1)] = 10
    """Collected files."""
    max_unreadable_share: Share = 0.05
    """Part of the collected files that give no pixels."""
    max_side_px: Annotated[int, Field(ge=1)] = 65_536
    """No readable image is wider or higher."""


def validate(*, name: str, profile: Path, validated: Path, report: Path, settings: ValidateParams) -> StageReport:
    """Hold the profile table against the raw suite. What people want forgotten does not count as unreadable.

    Args:
        name: of the data set.
        profile: the profile stage's folder.
        validated: the file that says that the gate was passed.
        report: gets no pictures (the profile stage shows the images).
        settings: the bounds.
    """
    from genimg_core.quality.expectations import run_suite
    from genimg_core.store.manifest import PROFILE_COLUMNS, read_table

    table = read_table(profile / "profile.parquet", PROFILE_COLUMNS)
    collected, table = len(table), table[table["reason"] != FORGOTTEN].reset_index(drop=True)
    readable = table["row"] >= 0
    for side in ("width", "height"):  # a file that could not be decoded may still say its size
        table[f"readable_{side}"] = table[side].where(readable).astype("float64")
    suite = raw_suite(**settings.model_dump())
    checks = run_suite("raw", table, suite)
    write_json(validated, {"passed": all(check.passed for check in checks if check.blocking),
                           "expectations": [check.name for check in checks]})
    unreadable = int((~readable).sum())
    reasons = table.loc[~readable, "reason"].value_counts().sort_index()
    forgotten = {FORGOTTEN: collected - len(table)} if collected > len(table) else {}
    facts = {"collected": collected, **forgotten,
             "unreadable": {str(reason): int(count) for reason, count in reasons.items()}}
    metrics = {"images": len(table), "unreadable": unreadable, "unreadable_share": unreadable / max(1, len(table)),
               "expectations": len(checks), "expectations_met": sum(check.passed for check in checks)}
    return StageReport(facts, metrics, checks)


STAGE = Stage(name="validate", summary="gate: is the raw data good enough to go on?", inputs=("profile",),
              outputs=("validated",), run=validate,
              params={"settings": ("datasets.{name}.validate", ValidateParams)})
