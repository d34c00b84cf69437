"""The rule by which trials are decided. No pictures and no files here: scores in, a choice and its reason out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

RULE = ("The lowest KID wins. Candidates whose KID interval meets its interval cannot be told from it: of these the "
        "highest coverage wins. Of those whose coverage interval meets that one's, the cheapest wins (operations an "
        "image in training). A candidate with a training that failed cannot win.")


@dataclass(frozen=True)
class Measured:
    """A score with its interval."""

    value: float
    low: float
    high: float

    def meets(self, other: Measured) -> bool:
        """Whether the intervals have a point in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Standing:
    """A candidate after all its trials."""

    label: str
    kid: Measured | None
    """None where a trial of it failed."""
    coverage: Measured | None
    operations: int
    """An image in training costs so many."""


@dataclass(frozen=True)
class Decision:
    """Which one, and why."""

    index: int
    reason: str


def over_seeds(scores: Sequence[Measured], probability: float) -> Measured:
    """One score of several trainings: their mean; its interval holds the images drawn and the seeds.

    The first part is the root mean square of the trainings' own half-widths (not divided by their number: all are held
    against the same real images), the second the normal interval of a mean. They add as variances do. With two or three
    seeds the second is itself uncertain.

    Args:
        scores: one per training, at least one.
        probability: nominal, of the intervals.
    """
    value = fmean(score.value for score in scores)
    between = 0.0
    if len(scores) > 1:
        z = NormalDist().inv_cdf((1 + probability) / 2)
        between = z**2 * variance(score.value for score in scores) / len(scores)
    below = fmean((score.value - score.low) ** 2 for score in scores)
    above = fmean((score.high - score.value) ** 2 for score in scores)
    return Measured(value, value - math.sqrt(below + between), value + math.sqrt(above + between))


def share_of(score: Measured, count: int, probability: float) -> Measured:
    """A share of `count` images, its interval at least as wide as Wilson's (1927).

    Where few images are compared, half-samples of a share near 0 or 1 all agree, and would make it look certain.
    """
    z2 = NormalDist().inv_cdf((1 + probability) / 2) ** 2
    middle = (score.value + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (score.value * (1 - score.value) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return Measured(score.value, min(score.low, max(0.0, middle - half)), max(score.high, min(1.0, middle + half)))


def decide(standings: Sequence[Standing]) -> Decision | None:
    """Apply RULE; the earlier of two equals wins. None where every candidate failed."""
    sound = [index for index, standing in enumerate(standings) if standing.kid is not None]
    if not sound:
        return None
    if len(standings) == 1:
        return Decision(0, "it was the only candidate")
    first = min(sound, key=lambda index: standings[index].kid.value)
    near = [index for index in sound if standings[index].kid.meets(standings[first].kid)]
    if len(near) == 1:
        return Decision(first, "its KID is the lowest, and its interval meets no other's" if len(sound) > 1 else
                        "every other candidate failed")
    best = max(near, key=lambda index: standings[index].coverage.value)
    even = [index for index in near if standings[index].coverage.meets(standings[best].coverage)]
    together = f"{len(near)} candidates cannot be told apart by KID"
    if len(even) == 1:
        return Decision(best, f"{together}; of these it has the highest coverage")
    cheapest = min(even, key=lambda index: standings[index].operations)
    told = "nor by coverage" if len(even) == len(near) else f"{len(even)} of them not by coverage either"
    return Decision(cheapest, f"{together}, {told}; of these it is the cheapest to train")
