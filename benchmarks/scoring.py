"""The one scorer of these benchmarks: KID, FD and coverage against given real images, with intervals, and over seeds.

It uses genimg_core.metrics as they are. Of its own it adds what comparing systems needs: the same real half-samples for
every system, so that intervals over seeds can be formed (`over_seeds`) and what is common to two systems cancels in
their difference.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RESAMPLES = 200
PROBABILITY = 0.95
NEIGHBOURS = 5
"""k of coverage and its like."""


@dataclass(frozen=True)
class Reference:
    """Features of real images that nothing scored against them was trained on, and of others for the floor."""

    features: np.ndarray
    """float64 (N, d)"""
    labels: np.ndarray
    """int (N,)"""
    floor: np.ndarray
    """float64 (K, d), of other real images."""


def score(reference: Reference, features: np.ndarray, labels: np.ndarray, only_kid: bool = False) -> dict[str, Any]:
    """Scores of generated images.

    Args:
        reference: what they are held against.
        features: float64 (M, d); M is N unless `only_kid`.
        labels: int (M,), the classes that were asked for.
        only_kid: and none of the scores that need equal numbers.

    Returns:
        Score -> value, floor, low, high; and `halves` of KID: that of each half-sample, in one line of text, so that a
        cell's file stays readable. Half-sample b has the same real images whatever is scored.
    """
    from threadpoolctl import threadpool_limits

    from genimg_core.metrics.bootstrap import half_samples, interval
    from genimg_core.metrics.kernel import kernel_distance, kernel_halves
    from genimg_core.metrics.scores import score_features
    from genimg_core.seeds import generator

    real_halves = half_samples(reference.labels, RESAMPLES, generator(0, "benchmarks/halves/real"))
    drawn_halves = half_samples(labels, RESAMPLES, generator(0, "benchmarks/halves/generated"))
    with threadpool_limits(limits=1, user_api="blas"):  # as genimg_core.metrics.scores says why
        value = kernel_distance(reference.features, features)
        floor = kernel_distance(reference.features, reference.floor)
        halves = kernel_halves(reference.features, features, real_halves, drawn_halves)
    low, high = interval(value, halves, PROBABILITY)
    told: dict[str, Any] = {"kid": {"value": value, "floor": floor, "low": low, "high": high,
                                    "halves": " ".join(f"{half:.6g}" for half in halves)}}
    if not only_kid:
        others = score_features(reference.features, features, reference.floor, real_labels=reference.labels,
                                generated_labels=labels, k=NEIGHBOURS, resamples=RESAMPLES, probability=PROBABILITY,
                                draws=generator(0, "benchmarks/halves/others"))
        told |= {name: asdict(one) for name, one in others.items() if name != "kid"}
    return told | {"real_images": len(reference.labels), "generated_images": len(labels)}


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def apart_below(self, other: Estimate) -> bool:
        """Whether this interval ends before the other begins."""
        return self.high < other.low

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


def over_seeds(scores: list[dict[str, Any]]) -> Estimate:
    """The mean KID over seeds, with an interval for both: which images were drawn, and which seed trained.

    The half-samples of each seed have the same real images, so the mean of their scores, half by half, has the spread
    that real and generated images leave in the mean; its percentile interval is moved to the mean of the values. The
    spread between seeds adds Student's interval for the mean, of which the sampling of generated images is a part once
    more: so the interval is too wide rather than too narrow. The two add as variances. One seed has no second part.

    Args:
        scores: of `score`, one a seed.
    """
    values = np.array([one["kid"]["value"] for one in scores])
    return _estimate(values, np.array([_halves(one) for one in scores]))


def _halves(one: dict[str, Any]) -> np.ndarray:
    return np.array(one["kid"]["halves"].split(), np.float64)


def _estimate(values: np.ndarray, halves: np.ndarray) -> Estimate:
    """Of (n,) values, one a seed, and (n, RESAMPLES) half-sample scores."""
    from genimg_core.metrics.bootstrap import interval

    mean = float(values.mean())
    low, high = interval(mean, halves.mean(axis=0), PROBABILITY)
    between = between_seeds(values)
    return Estimate(mean, mean - math.hypot(mean - low, between), mean + math.hypot(high - mean, between))


def between_seeds(values: np.ndarray) -> float:
    """Half the width of Student's interval for the mean of (n,) values; 0 for one value."""
    from scipy.stats import t

    count = len(values)
    if count < 2:
        return 0.0
    return float(t.ppf((1 + PROBABILITY) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))


def difference(higher: list[dict[str, Any]], lower: list[dict[str, Any]]) -> Estimate:
    """By how much the mean KID over seeds of `higher` exceeds that of `lower`; what is due to the real images cancels.

    Args:
        higher: of `score`, one a seed; scored against the same real images as `lower`, seed by seed.
        lower: the same seeds.
    """
    pairs = list(zip(higher, lower, strict=True))
    return _estimate(np.array([one["kid"]["value"] - other["kid"]["value"] for one, other in pairs]),
                     np.array([_halves(one) - _halves(other) for one, other in pairs]))
