"""KID, FD and coverage of one set of samples: each with its real-vs-real floor at equal n and an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from genimg_core.metrics.bootstrap import half_samples, interval
from genimg_core.metrics.coverage import CoverageTables
from genimg_core.metrics.frechet import frechet_distance, frechet_halves
from genimg_core.metrics.kernel import kernel_distance, kernel_halves
from genimg_core.progress import progress

NOTES = {
    "kid": "lower is better; about 0, like its floor, where generated images cannot be told from real ones by it",
    "fd": "lower is better; falls as n grows, so read it only beside the floor, which has the same n",
    "coverage": "higher is better; share of real images with a generated one near by; low where a part is missing",
}
"""What each score means, for scores.json and the report."""


@dataclass(frozen=True)
class Score:
    """One score of generated against held-out real images."""

    value: float
    floor: float
    """The score of n other real images: what a perfect generator would reach at this n."""
    low: float
    high: float
    """The interval: see metrics/bootstrap.py."""


# One thread: hundreds of small factorisations gain nothing by more, and beside another busy process they take a
# hundred times as long; and the bits no longer depend on how many threads there are.
@threadpool_limits.wrap(limits=1, user_api="blas")
def score_features(real: np.ndarray, generated: np.ndarray, floor: np.ndarray, *, real_labels: np.ndarray,
                   generated_labels: np.ndarray, k: int, resamples: int, probability: float,
                   draws: np.random.Generator) -> dict[str, Score]:
    """All scores of one extractor.

    Args:
        real: float64 (n, d), features of held-out images.
        generated: float64 (n, d).
        floor: float64 (n, d), features of other real images.
        real_labels: int (n,), classes.
        generated_labels: int (n,), the classes that were asked for.
        k: of coverage.
        resamples: half-samples behind each interval.
        probability: of each interval.
        draws: the generator of the halves.

    Returns:
        `kid`, `fd` and `coverage`.

    Raises:
        ValueError: no more than k + 1 distinct real images.
    """
    real_halves = half_samples(real_labels, resamples, draws)
    generated_halves = half_samples(generated_labels, resamples, draws)
    with progress("scoring", 3, unit="scores") as advance:
        tables = CoverageTables(real, generated, k)
        everything = np.ones(len(real), bool), np.ones(len(generated), bool)
        covered = tables.coverage(*everything)
        halves = np.array([tables.coverage(r, g) for r, g in zip(real_halves, generated_halves, strict=True)])
        coverage = Score(covered, CoverageTables(real, floor, k).coverage(everything[0], np.ones(len(floor), bool)),
                         *interval(covered, halves, probability, 0, 1))
        advance()
        distance = kernel_distance(real, generated)
        halves = kernel_halves(real, generated, real_halves, generated_halves)
        kid = Score(distance, kernel_distance(real, floor), *interval(distance, halves, probability))
        advance()
        distance = frechet_distance(real, generated)
        halves = frechet_halves(real, generated, real_halves, generated_halves)
        fd = Score(distance, frechet_distance(real, floor), *interval(distance, halves, probability, 0))
        advance()
    return {"kid": kid, "fd": fd, "coverage": coverage}
