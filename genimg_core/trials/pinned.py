"""The report where params.yaml says what to take. Light to import: a pinned choice costs no time."""

from __future__ import annotations

from genimg_core.stages.contract import Check, StageReport
from genimg_core.trials.checks import CHECKS


def pinned(chosen: str) -> StageReport:
    """Nothing was tried.

    Args:
        chosen: what params.yaml says, in a word.
    """
    (name, description, blocking), = CHECKS
    return StageReport(facts={"how": "pinned", "chosen": chosen}, metrics={"trials": 0},
                       checks=(Check(name, True, "nothing was tried", "none", description, blocking),))
