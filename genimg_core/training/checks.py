"""The checks of every training stage. Light to import: Dagster reads the names from here."""

from __future__ import annotations

import math

from genimg_core.stages.contract import Check

CHECKS = (("loss_is_finite", "The loss stayed a number to the end", True),
          ("budget_spent", "As many images were seen as the budget says", True))
"""(name, description, blocking)"""


def training_checks(losses: list[float], seen_images: int, budget: int,
                    stopped: bool = False) -> tuple[Check, ...]:
    """The checks of a finished run.

    Args:
        losses: the log's.
        seen_images: at the end.
        budget: the params' `seen_images`.
        stopped: whether a controller ended the run before.
    """
    finite = bool(losses) and all(math.isfinite(loss) for loss in losses)
    (first, second) = CHECKS
    return (Check(first[0], finite, losses[-1] if finite else None, "finite", first[1], first[2]),
            Check(second[0], stopped or seen_images >= budget, seen_images, budget,
                  second[1] + (", unless the run was stopped as it no longer gained" if stopped else ""), second[2]))
