"""By how much scores exceed what real images score against real ones, and ratios of such excesses, with intervals.

A cell's interval is that of the images (half-samples); over seeds Student's interval for the mean is added, as
variances add, so the whole is too wide rather than too narrow. A ratio's interval is worked out in logarithms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.scoring import PROBABILITY, Estimate, between_seeds


def excess(scores: list[dict[str, Any]], name: str) -> Estimate:
    """Mean over seeds of a score minus its floor.

    Args:
        scores: one a seed: score => value, floor, low, high.
        name: of the score.
    """
    return _mean(scores, name, minus_floor=True)


def mean_score(scores: list[dict[str, Any]], name: str) -> Estimate:
    """Mean over seeds of a score; arguments as of `excess`."""
    return _mean(scores, name, minus_floor=False)


def ratio(ours: Estimate, theirs: Estimate) -> Estimate | None:
    """Ours as a multiple of theirs; None where one of them is not above 0, so that a ratio says nothing."""
    if ours.value <= 0 or theirs.value <= 0:
        return None
    spread = math.hypot(_relative(ours), _relative(theirs))
    value = ours.value / theirs.value
    return Estimate(value, value * math.exp(-spread), value * math.exp(spread))


def ratio_over_seeds(values: list[float]) -> Estimate:
    """Geometric mean of ratios, one a seed, with Student's interval in logarithms; one seed has no width."""
    logs = np.log(np.array(values))
    spread = between_seeds(logs)
    middle = float(logs.mean())
    return Estimate(math.exp(middle), math.exp(middle - spread), math.exp(middle + spread))


def _mean(scores: list[dict[str, Any]], name: str, minus_floor: bool) -> Estimate:
    values = np.array([one[name]["value"] - (one[name]["floor"] if minus_floor else 0) for one in scores])
    widths = np.array([(one[name]["high"] - one[name]["low"]) / 2 for one in scores])
    half = math.hypot(between_seeds(values), float(np.sqrt((widths**2).sum())) / len(values))
    middle = float(values.mean())
    return Estimate(middle, middle - half, middle + half)


def _relative(one: Estimate) -> float:
    return (one.high - one.low) / 2 / one.value


__all__ = ["PROBABILITY", "Estimate", "excess", "mean_score", "ratio", "ratio_over_seeds"]
