"""How far the figures of one set of images lie from those of another, with the size of the difference first.

A p-value tells whether a difference is chance; of 100,000 images every difference is none. So each figure has sizes:
the population stability index, the Kolmogorov-Smirnov distance and Cliff's delta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BINS = 10
SOME, MUCH = 0.1, 0.25
"""Of the population stability index: the customary bounds of credit scoring (Siddiqi 2006)."""
P_VALUE = 0.01
"""Of all figures together: divided by their number (Bonferroni)."""
FEWEST = 20
"""Fewer images on either side tell nothing."""
TIED = 0.05
"""A value that so many images share is a bin of its own (sizes often are)."""


@dataclass(frozen=True)
class Shift:
    """A figure in two versions."""

    figure: str
    was: int
    """Images."""
    now: int
    was_median: float | None
    now_median: float | None
    stability: float | None
    """Population stability index, at least 0; None where there are too few images."""
    by_chance: float | None
    """What it comes to on average between two samples of one population of these sizes."""
    distance: float | None
    """Kolmogorov-Smirnov: the greatest difference of the shares below a value, 0..1."""
    p_value: float | None
    """Of that distance (asymptotic). Images that are in both versions make it too great, if anything."""
    delta: float | None
    """Cliff's delta, -1..1: how much more often an image of now has the greater figure than one of then."""
    verdict: str
    """`steady`, `shifted`, `strongly shifted` or `too few images`."""


def shift_of(figure: str, was: np.ndarray, now: np.ndarray, figures: int) -> Shift:
    """Compare a figure.

    Args:
        figure: its name.
        was: (N,) of the earlier version; what is not finite is left out.
        now: (M,) of the present one.
        figures: how many are compared in all.
    """
    was, now = (np.sort(values[np.isfinite(values)].astype(np.float64)) for values in (was, now))
    medians = [float(np.median(values)) if len(values) else None for values in (was, now)]
    if min(len(was), len(now)) < FEWEST:
        return Shift(figure, len(was), len(now), *medians, None, None, None, None, None, "too few images")
    from scipy.stats import ks_2samp

    edges = bin_edges(was)
    counts = [np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1) for values in (was, now)]
    stability, by_chance = stability_index(*counts), chance_index(*counts)
    test = ks_2samp(was, now, method="asymp")
    return Shift(figure, len(was), len(now), *medians, stability, by_chance, float(test.statistic), float(test.pvalue),
                 cliffs_delta(was, now), verdict(stability - by_chance, float(test.pvalue), figures))


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Where the bins of the sorted (N,) values begin, the first one's aside: their deciles, and a bin of its own for a
    value that many share.
    """
    deciles = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    shared = np.searchsorted(values, deciles, "right") - np.searchsorted(values, deciles, "left")
    ends = np.nextafter(deciles[shared >= TIED * len(values)], np.inf)
    return np.unique(np.concatenate([deciles, ends]))


def stability_index(was: np.ndarray, now: np.ndarray) -> float:
    """Sum of (p - q) ln(p / q) over the bins that any image is in; half an image is added to each, so that an
    empty one is no infinity.

    Args:
        was: (K,) images in each bin.
        now: the same.
    """
    used = (was + now) > 0
    was, now = was[used], now[used]
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (was, now))
    return float(((p - q) * np.log(p / q)).sum())


def chance_index(was: np.ndarray, now: np.ndarray) -> float:
    """What the index comes to on average where nothing changed: (K - 1)(1/N + 1/M) (Yurdakul and Naranjo 2020), over
    the K bins that any image is in.
    """
    used = int(((was + now) > 0).sum())
    return max(0, used - 1) * (1 / was.sum() + 1 / now.sum())


def cliffs_delta(was: np.ndarray, now: np.ndarray) -> float:
    """P(now > was) - P(now < was) over all pairs (Cliff 1993).

    Args:
        was: (N,) sorted.
        now: (M,)
    """
    below, up_to = np.searchsorted(was, now, "left"), np.searchsorted(was, now, "right")
    return float((below.sum() - (len(was) - up_to).sum()) / (len(was) * len(now)))


def verdict(excess: float, p_value: float, figures: int) -> str:
    """In words: a difference counts if it is neither chance nor small.

    Args:
        excess: of the stability index over what chance makes of it.
        p_value: of the difference.
        figures: how many are compared in all.
    """
    if p_value >= P_VALUE / max(1, figures) or excess < SOME:
        return "steady"
    return "shifted" if excess < MUCH else "strongly shifted"


@dataclass(frozen=True)
class ShareShift:
    """Shares of groups (classes) in two versions."""

    was: dict[str, int]
    """Group => images."""
    now: dict[str, int]
    stability: float | None
    by_chance: float | None
    distance: float
    """Total variation, 0..1: the share of images that would have to change their group."""
    p_value: float | None
    """Of a chi-squared test."""
    verdict: str


def share_shift(was: dict[str, int], now: dict[str, int], figures: int) -> ShareShift:
    """Compare shares.

    Args:
        was: group => images of the earlier version.
        now: the same of the present one.
        figures: how many figures are compared in all.
    """
    names = sorted({*was, *now})
    before, after = (np.array([counts.get(name, 0) for name in names], np.int64) for counts in (was, now))
    shares = [counts / max(1, counts.sum()) for counts in (before, after)]
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if min(before.sum(), after.sum()) < FEWEST:
        return ShareShift(was, now, None, None, distance, None, "too few images")
    stability, by_chance = stability_index(before, after), chance_index(before, after)
    p_value = 1.0
    if len(names) > 1:
        from scipy.stats import chi2_contingency

        p_value = float(chi2_contingency(np.stack([before, after]), correction=False).pvalue)
    if not math.isfinite(p_value):
        p_value = 1.0
    return ShareShift(was, now, stability, by_chance, distance, p_value,
                      verdict(stability - by_chance, p_value, figures))
