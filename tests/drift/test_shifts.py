"""Sizes against closed forms and scipy; chance and trifles are steady, shifts are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, mannwhitneyu

from genimg_core.drift.shifts import (
    bin_edges,
    chance_index,
    cliffs_delta,
    share_shift,
    shift_of,
    stability_index,
    verdict,
)


def draws(count: int, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_the_index_is_its_closed_form() -> None:
    p, q = np.array([0.3, 0.7]), np.array([0.5, 0.5])
    closed = float(((p - q) * np.log(p / q)).sum())
    assert stability_index(p * 1e7, q * 1e7) == pytest.approx(closed, rel=1e-4)
    assert stability_index(q * 100, q * 100) == 0
    assert np.isfinite(stability_index(np.array([10, 0]), np.array([0, 10])))


def test_the_index_of_two_samples_of_one_population_is_what_chance_makes_of_it() -> None:
    edges = bin_edges(np.sort(draws(100_000)))
    found = []
    for seed in range(200):
        counts = [np.bincount(np.searchsorted(edges, draws(size, seed=2 * seed + side), "right"), minlength=10)
                  for side, size in enumerate((400, 600))]
        found.append(stability_index(*counts))
    assert np.mean(found) == pytest.approx(chance_index(np.full(10, 40), np.full(10, 60)), rel=0.1)


def test_distance_and_delta_agree_with_scipy() -> None:
    was, now = draws(300), draws(200, 0.5, 1)
    shift = shift_of("x", was, now, 1)
    assert shift.distance == pytest.approx(ks_2samp(was, now).statistic)
    u = mannwhitneyu(now, was).statistic
    assert shift.delta == pytest.approx(2 * u / (300 * 200) - 1)


def test_delta_has_a_direction_and_ends() -> None:
    low, high = np.arange(30.0), np.arange(30.0) + 100
    assert cliffs_delta(low, high) == 1 and cliffs_delta(high, low) == -1 and cliffs_delta(low, low) == 0


@pytest.mark.parametrize(("moved", "said"), [(0.0, "steady"), (0.4, "shifted"), (1.5, "strongly shifted")])
def test_verdicts(moved: float, said: str) -> None:
    assert shift_of("x", draws(2000), draws(2000, moved, 1), 8).verdict == said


def test_chance_in_small_samples_is_steady() -> None:
    verdicts = [shift_of("x", draws(30, seed=2 * seed), draws(30, seed=2 * seed + 1), 8).verdict for seed in range(300)]
    assert verdicts.count("steady") >= 298


def test_a_trifle_in_very_many_images_is_steady() -> None:
    shift = shift_of("x", draws(100_000), draws(100_000, 0.05, 1), 8)
    assert shift.p_value < 1e-10 and shift.verdict == "steady"


def test_sizes_that_many_share_are_told_apart() -> None:
    """All 64 px before, a half of them 65 px now: deciles alone would put both into one bin."""
    shift = shift_of("width", np.full(500, 64.0), np.repeat([64.0, 65.0], 250), 8)
    assert shift.verdict == "strongly shifted" and shift.stability > 1
    assert shift_of("width", np.full(500, 64.0), np.full(400, 64.0), 8).verdict == "steady"


def test_gaps_are_left_out_and_few_images_tell_nothing() -> None:
    was = np.append(draws(19), [np.nan] * 50)
    shift = shift_of("x", was, draws(500), 8)
    assert (shift.was, shift.verdict, shift.stability) == (19, "too few images", None)
    assert shift_of("x", draws(0), draws(5), 8).was_median is None


def test_shares() -> None:
    even, tilted = {"a": 500, "b": 500}, {"a": 800, "b": 200}
    shift = share_shift(even, tilted, 8)
    assert shift.distance == pytest.approx(0.3) and shift.verdict == "strongly shifted"
    assert share_shift(even, {"a": 52, "b": 48}, 8).verdict == "steady"
    assert share_shift({"a": 500}, {"a": 300}, 8).verdict == "steady"
    assert share_shift({"a": 500}, {"a": 300, "new": 200}, 8).verdict == "strongly shifted"
    assert share_shift({"a": 5}, {"a": 300}, 8).verdict == "too few images"


def test_a_verdict_needs_both() -> None:
    assert verdict(0.3, 0.5, 1) == "steady" and verdict(0.05, 1e-9, 1) == "steady"
    assert verdict(0.2, 0.005, 1) == "shifted" and verdict(0.2, 0.005, 8) == "steady"
