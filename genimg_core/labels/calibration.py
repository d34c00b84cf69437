"""Confidence that means what it says: temperature scaling on held-out images, and how far it was off before and after.

The model of a given label: with probability 1 - e it is drawn from softmax(logits / T), with probability e it is wrong,
any class. T is the temperature of Guo et al. (2017); e, the share of wrong labels, is fitted with it, for else a few
wrong labels, of which a good classifier is rightly sure, would make it out to be too sure everywhere.

N images, C classes; logits are float64 (N, C), classes int64 (N,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BINS = 15
"""Of confidence, of equal width (Guo et al. 2017)."""
LEAST_HELD_OUT = 50
"""With fewer images nothing is calibrated: chance would decide more than the classifier."""
MOST_FITTED = 10_000
"""Two figures need no more."""
CROSS_FITS = 5
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 20.0
MOST_ERRORS = 0.3
"""Above it labels could not be told from a classifier that has learnt nothing."""
MOST_STEPS, STEP, ENOUGH = 200, 1.5, 1e-7
"""Of the fit: how many, the largest factor that one changes the temperature by, and the change at which it ends."""


class Scaling(NamedTuple):
    """How logits become probabilities."""

    temperature: float
    """Logits are divided by it: above 1 the classifier was too sure, below 1 not sure enough."""
    error_share: float
    """Of the given labels, estimated: wrong for no reason that shows in the image."""

    def of_class(self, logits: np.ndarray) -> np.ndarray:
        """Probability of each class, float64 (N, C)."""
        return softmax(logits, self.temperature)

    def of_label(self, logits: np.ndarray) -> np.ndarray:
        """Probability that a given label would be each class, float64 (N, C)."""
        return (1 - self.error_share) * self.of_class(logits) + self.error_share / logits.shape[1]

    def right(self, logits: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Probability that the given labels are right and no accident, float64 (N,)."""
        own = (1 - self.error_share) * self.of_class(logits)[np.arange(len(given)), given]
        return own / (own + self.error_share / logits.shape[1])


AS_IT_IS = Scaling(1.0, 0.01)
"""For a classifier that too few images were held out from."""


@dataclass(frozen=True)
class Bin:
    """The images of one bin of confidence; bins without any are left out."""

    count: int
    confidence: float
    """Mean, in [0, 1]."""
    accuracy: float
    """Share whose given label is the likeliest class."""


@dataclass(frozen=True)
class Calibration:
    """The scaling, and what it did to images that took no part in choosing it."""

    temperature: float
    """See Scaling."""
    error_share: float
    examples: int
    """Held-out images that it was fitted to."""
    ece_before: float
    """Expected calibration error in [0, 1]: mean distance of confidence and accuracy, bins weighted by images."""
    ece_after: float
    """The same with scalings fitted without the images that they are applied to (by folds)."""
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]

    @property
    def scaling(self) -> Scaling:
        """Both figures."""
        return Scaling(self.temperature, self.error_share)


def calibrate(logits: np.ndarray, given: np.ndarray, folds: np.ndarray) -> Calibration | None:
    """Fit the scaling to images that the classifier was not trained on, and measure what it does.

    Args:
        logits: of at least two classes.
        given: their given labels.
        folds: int (N,), at least two different ones; each fold is judged at a scaling fitted to the others.

    Returns:
        None with fewer images than LEAST_HELD_OUT.
    """
    if len(given) < LEAST_HELD_OUT:
        return None
    right = logits.argmax(axis=1) == given
    crossed = np.empty(len(given))
    for fold in np.unique(folds):
        own = folds == fold
        crossed[own] = fit_scaling(logits[~own], given[~own]).of_label(logits[own]).max(axis=1)
    before, after = reliability(softmax(logits).max(axis=1), right), reliability(crossed, right)
    return Calibration(*fit_scaling(logits, given), len(given), calibration_error(before), calibration_error(after),
                       before, after)


def fit_scaling(logits: np.ndarray, given: np.ndarray) -> Scaling:
    """The likeliest temperature and share of wrong labels, by expectation and maximization (one Newton step each).

    Both lean on the rule of succession, so that N labels without a fault do not prove certainty: a share of
    1 / (N + 2) more than counted is wrong, and the true class's target is (N + 1) / (N + 2) (Platt 1999).

    Args:
        logits: of at least two classes; at most MOST_FITTED images are used, evenly spread.
        given: their given labels.
    """
    used = np.arange(min(len(given), MOST_FITTED)) * len(given) // min(len(given), MOST_FITTED)
    centred = logits[used] - logits[used].max(axis=1, keepdims=True)
    (images, classes), of_given = centred.shape, centred[np.arange(len(used)), given[used]]
    slack = 1 / (images + 2)
    target = (1 - slack) * of_given + slack * (centred.sum(axis=1) - of_given) / (classes - 1)
    sharpness, errors = 1.0, slack  # 1 / temperature: the cross-entropy is convex in it
    for _ in range(MOST_STEPS):
        scores = softmax(centred, 1 / sharpness)
        mean = (scores * centred).sum(axis=1)
        spread = (scores * centred**2).sum(axis=1) - mean**2
        own = (1 - errors) * scores[np.arange(images), given[used]]
        right = own / (own + errors / classes)
        step = sharpness - np.mean(right * (mean - target)) / max(np.mean(right * spread), 1e-12)
        sharper = float(np.clip(np.clip(step, sharpness / STEP, sharpness * STEP), 1 / MOST_TEMPERATURE,
                                1 / LEAST_TEMPERATURE))
        more = min(MOST_ERRORS, float((np.sum(1 - right) + 1) * slack))
        change = abs(np.log(sharper / sharpness)) + abs(more - errors)
        sharpness, errors = sharper, more
        if change < ENOUGH:
            break
    return Scaling(1 / sharpness, errors)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities float64 (N, C); rows sum to 1."""
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return weights / weights.sum(axis=1, keepdims=True)


def reliability(confidence: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Confidence against accuracy, by bins of confidence.

    Args:
        confidence: float64 (N,), in [0, 1].
        right: bool (N,), whether the likeliest class is the true one.
    """
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(Bin(int(own.sum()), float(confidence[own].mean()), float(right[own].mean()))
                 for own in (place == number for number in range(BINS)) if own.any())


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017, equation 3), in [0, 1]."""
    images = sum(one.count for one in bins)
    return sum(one.count / images * abs(one.confidence - one.accuracy) for one in bins)
