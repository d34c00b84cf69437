"""The rule that decides trials: each of its three steps, and what it does with failures and seeds."""

import pytest

from genimg_core.trials.rule import Measured, Standing, decide, over_seeds, share_of


def score(value, half):
    return Measured(value, value - half, value + half)


def standing(label, kid, coverage=(0.5, 0.05), operations=100):
    return Standing(label, score(*kid) if kid else None, score(*coverage) if kid else None, operations)


def test_the_lowest_kid_wins_where_its_interval_stands_apart():
    found = decide([standing("a", (0.5, 0.1)), standing("b", (0.1, 0.1), coverage=(0.1, 0.01), operations=9999)])
    assert found.index == 1 and "meets no other's" in found.reason


def test_the_highest_coverage_wins_where_kid_cannot_tell():
    found = decide([standing("a", (0.10, 0.05), (0.4, 0.02)), standing("b", (0.14, 0.05), (0.6, 0.02)),
                    standing("far", (0.9, 0.05), (0.9, 0.02))])
    assert found.index == 1 and "highest coverage" in found.reason and found.reason.startswith("2 candidates")


def test_the_cheapest_wins_where_neither_can_tell():
    found = decide([standing("a", (0.10, 0.05), operations=300), standing("b", (0.14, 0.05), operations=200),
                    standing("c", (0.12, 0.05), operations=200)])
    assert found.index == 1 and "cheapest" in found.reason


def test_intervals_that_touch_meet():
    assert score(0.1, 0.1).meets(score(0.3, 0.1)) and not score(0.1, 0.1).meets(score(0.31, 0.1))


def test_a_failure_cannot_win():
    assert decide([standing("a", None), standing("b", (0.9, 0.1))]).index == 1
    assert decide([standing("a", None), standing("b", None)]) is None


def test_one_seed_keeps_its_interval():
    found = over_seeds([Measured(0.2, 0.1, 0.4)], 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.1, 0.4))


def test_seeds_that_disagree_widen_the_interval():
    """Two values 0.2 apart: variance 0.02, so 1.96 * sqrt(0.02 / 2) = 0.196 beside the images' 0.1."""
    found = over_seeds([score(0.2, 0.1), score(0.4, 0.1)], 0.95)
    assert found.value == pytest.approx(0.3)
    assert found.high - found.value == pytest.approx((0.1**2 + (1.959964 * 0.1) ** 2) ** 0.5, rel=1e-5)
    same = over_seeds([score(0.3, 0.1), score(0.3, 0.1)], 0.95)
    assert same.high - same.value == pytest.approx(0.1)


def test_a_share_of_few_images_is_not_certain():
    """Wilson's interval of 10 of 10: 1 / (1 + 3.8415 / 10) = 0.7225 to 1."""
    found = share_of(Measured(1.0, 1.0, 1.0), 10, 0.95)
    assert found.low == pytest.approx(0.7225, abs=1e-4) and found.high == 1
    wide = Measured(0.5, 0.0, 0.9)
    assert share_of(wide, 1000, 0.95) == wide
