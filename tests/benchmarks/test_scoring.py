"""Intervals over seeds hold what they must, and the same real images make differences sharper."""

import numpy as np
import pytest
from scipy.stats import t

from benchmarks.scoring import Estimate, Reference, between_seeds, difference, over_seeds, score


def features(seed, count=120, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (count, 8))


LABELS = np.arange(120) % 4


@pytest.fixture(scope="module")
def reference():
    return Reference(features(0), LABELS, features(1))


def test_kid_alone_takes_any_number_of_images_and_says_how_many(reference):
    told = score(reference, features(2, 80), np.arange(80) % 4, only_kid=True)
    assert set(told) == {"kid", "real_images", "generated_images"}
    assert (told["real_images"], told["generated_images"]) == (120, 80)
    assert told["kid"]["low"] < told["kid"]["value"] < told["kid"]["high"]
    assert len(told["kid"]["halves"].split()) == 200


def test_all_scores(reference):
    told = score(reference, features(2), LABELS)
    assert {"kid", "fd", "coverage"} <= set(told)
    assert told["coverage"]["value"] > score(reference, features(2, shift=2.0), LABELS)["coverage"]["value"]


def test_one_seed_keeps_its_interval(reference):
    one = score(reference, features(2), LABELS, only_kid=True)
    kid = one["kid"]
    assert np.allclose(list(vars(over_seeds([one])).values()), [kid["value"], kid["low"], kid["high"]], atol=1e-5)


def test_seeds_that_differ_widen_the_interval(reference):
    scores = [score(reference, features(seed, shift=shift), LABELS, only_kid=True)
              for seed, shift in ((2, 0.0), (3, 0.5), (4, 1.0))]
    values = np.array([one["kid"]["value"] for one in scores])
    student = t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    estimate = over_seeds(scores)
    assert estimate.value == pytest.approx(values.mean())
    assert between_seeds(values) == pytest.approx(student)
    assert estimate.high - estimate.value >= student and estimate.value - estimate.low >= student


def test_a_difference_is_sharper_than_the_two_intervals(reference):
    worse = [score(reference, features(seed, shift=0.5), LABELS, only_kid=True) for seed in (2, 3)]
    better = [score(reference, features(seed, shift=0.4), LABELS, only_kid=True) for seed in (2, 3)]
    gap, one, other = difference(worse, better), over_seeds(worse), over_seeds(better)
    assert gap.value == pytest.approx(one.value - other.value) and gap.value > 0
    assert gap.high - gap.low < one.high - one.low + other.high - other.low
    assert difference(better, worse).value == pytest.approx(-gap.value)


def test_apart():
    low, high = Estimate(0.1, 0.05, 0.15), Estimate(0.3, 0.2, 0.4)
    assert low.apart_below(high) and not high.apart_below(low)
    assert not low.apart_below(Estimate(0.2, 0.15, 0.3))
