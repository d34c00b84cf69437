"""All scores of a set of samples in one feature space, each with its real-vs-real floor at equal n and an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from genimg_core.metrics.bootstrap import half_samples, interval
from genimg_core.metrics.frechet import HalfMoments, frechet_distance, frechet_halves
from genimg_core.metrics.kernel import kernel_distance, kernel_halves
from genimg_core.metrics.manifold import generated_neighbourhoods, manifold_scores, real_neighbourhoods
from genimg_core.progress import progress

NOTES = {
    "kid": "lower is better; about 0, like its floor, where generated images cannot be told from real ones by it",
    "fd": "lower is better; falls as n grows, so read it only beside the floor, which has the same n",
    "precision": "higher is better; share of generated images near real ones; low where images look wrong",
    "recall": "higher is better; share of real images near generated ones; low where variety is missing",
    "density": "higher is better, to about 1; how many real neighbourhoods hold a generated image, by those expected",
    "coverage": "higher is better; share of real images with a generated one near by; low where a part is missing",
}
"""What each score means, for scores.json and the report; the order of the scores."""
RANGES = {"kid": (-np.inf, np.inf), "fd": (0, np.inf), "precision": (0, 1), "recall": (0, 1), "density": (0, np.inf),
          "coverage": (0, 1)}
"""The least and the greatest value that each can have."""


@dataclass(frozen=True)
class Score:
    """One score of generated against held-out real images."""

    value: float
    floor: float
    """The score of n other real images: what a perfect generator would reach at this n."""
    low: float
    high: float
    """The interval: see metrics/bootstrap.py."""


class Scorer:
    """Scores several generators against the same real images: what depends on these alone is computed once.

    Args:
        real: float64 (n, d), features of held-out images.
        floor: float64 (n, d), features of other real images.
        real_labels: int (n,), classes.
        k: of the neighbourhoods of precision, recall, density and coverage.
        resamples: half-samples behind each interval.
        probability: of each interval.
        draws: the generator of the halves.

    Raises:
        ValueError: no more than k + 1 distinct real images.
    """

    # One thread: hundreds of small factorisations gain nothing by more, and beside another busy process they take a
    # hundred times as long; and the bits no longer depend on how many threads there are.
    @threadpool_limits.wrap(limits=1, user_api="blas")
    def __init__(self, real: np.ndarray, floor: np.ndarray, *, real_labels: np.ndarray, k: int, resamples: int,
                 probability: float, draws: np.random.Generator) -> None:
        self._real, self._k, self._probability, self._draws = real, k, probability, draws
        self._halves = half_samples(real_labels, resamples, draws)
        self._moments = HalfMoments(real, self._halves)
        self._neighbourhoods = real_neighbourhoods(real, _with_everything(self._halves), k)
        others = generated_neighbourhoods(floor, np.ones((1, len(floor)), bool), k)
        around = manifold_scores(self._neighbourhoods.whole, others)
        self._floors = {"kid": kernel_distance(real, floor), "fd": frechet_distance(real, floor),
                        **{name: float(values[0]) for name, values in vars(around).items()}}

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def score(self, generated: np.ndarray, labels: np.ndarray) -> dict[str, Score]:
        """The scores of NOTES, in that order.

        Args:
            generated: float64 (n, d), n over k.
            labels: int (n,), the classes that were asked for.
        """
        halves = half_samples(labels, len(self._halves), self._draws)
        values, spreads = {}, {}
        with progress("scoring", 3, unit="scores") as advance:
            values["kid"] = kernel_distance(self._real, generated)
            spreads["kid"] = kernel_halves(self._real, generated, self._halves, halves)
            advance()
            values["fd"] = frechet_distance(self._real, generated)
            spreads["fd"] = frechet_halves(self._moments, HalfMoments(generated, halves))
            advance()
            drawn = generated_neighbourhoods(generated, _with_everything(halves), self._k)
            for name, scores in vars(manifold_scores(self._neighbourhoods, drawn)).items():
                values[name], spreads[name] = float(scores[0]), scores[1:]
            advance()
        return {name: Score(values[name], self._floors[name],
                            *interval(values[name], spreads[name], self._probability, *RANGES[name]))
                for name in NOTES}


def score_features(real: np.ndarray, generated: np.ndarray, floor: np.ndarray, *, real_labels: np.ndarray,
                   generated_labels: np.ndarray, k: int, resamples: int, probability: float,
                   draws: np.random.Generator) -> dict[str, Score]:
    """All scores of one generator; arguments and errors as of Scorer and its `score`."""
    scorer = Scorer(real, floor, real_labels=real_labels, k=k, resamples=resamples, probability=probability,
                    draws=draws)
    return scorer.score(generated, generated_labels)


def _with_everything(halves: np.ndarray) -> np.ndarray:
    return np.vstack([np.ones((1, halves.shape[1]), bool), halves])
