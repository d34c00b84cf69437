"""Intervals for scores, by half-samples.

The plain bootstrap draws with replacement, and the duplicates it draws spoil just these scores: they raise KID (an
unbiased estimator becomes a biased one), they add to FD the bias of a smaller sample, and they shrink the radii of
coverage. So each resample is half of the images, drawn *without* replacement. For an average, the variance over such
halves of what was seen is s^2 / n, the variance of the average itself (the m-out-of-n form with m = n / 2: Politis and
Romano 1994; as the delete-half jackknife: Shao and Wu 1989), and to first order every smooth score is an average. The
level of a score depends on n (FD falls, coverage rises with it), so the halves tell the spread only: the interval is
their percentile interval, moved so that their mean is the score at full n.

Samples are drawn class by class in fixed shares, and so are real images; halves drawn without regard to class would add
a spread that is not there. So each half takes one of each pair of images of a class.

Where generated and real images follow one distribution, the first-order term of KID and FD is zero; then the interval
is too wide, for KID by about the square root of 3. It does not hold what the extractor or a second training would add.
"""

from __future__ import annotations

import numpy as np


def half_samples(labels: np.ndarray, resamples: int, draws: np.random.Generator) -> np.ndarray:
    """Random halves of some images, half of each class.

    Args:
        labels: int (n,), the class of each image; n at least 2.
        resamples: how many halves.
        draws: the generator.

    Returns:
        bool (resamples, n); each row has n // 2 true entries.
    """
    chosen = np.zeros((resamples, len(labels)), bool)
    pairs = len(labels) // 2
    for row in chosen:
        # Classes in random order, images in random order within: neighbours are pairs, and an odd one out is any.
        order = np.lexsort((draws.random(len(labels)), draws.permutation(labels.max() + 1)[labels]))
        row[order[2 * np.arange(pairs) + draws.integers(0, 2, pairs)]] = True
    return chosen


def interval(value: float, halves: np.ndarray, probability: float, lowest: float = -np.inf,
             highest: float = np.inf) -> tuple[float, float]:
    """The percentile interval of the half-sample scores, moved so that their mean is the score.

    Args:
        value: the score of all images.
        halves: float (resamples,), the score of each half.
        probability: nominal, 0.95 for the 2.5th and the 97.5th percentile.
        lowest: the least value that the score can have.
        highest: the greatest.

    Returns:
        low and high.
    """
    tail = (1 - probability) / 2
    low, high = value + np.quantile(halves, [tail, 1 - tail]) - halves.mean()
    return float(np.clip(low, lowest, highest)), float(np.clip(high, lowest, highest))
