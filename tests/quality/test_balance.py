"""Rates by group: nothing lost, and a warning only where there is cause."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.quality.balance import clearly_higher, folders_of, rejection_rates, shares_in_test, untested_classes

NAMES = st.sampled_from(["a", "b", "c", "", None, *(f"class {i}" for i in range(9))])
ROWS = st.lists(st.tuples(NAMES, st.sampled_from([None, None, "flat", "too_dark"])), max_size=80)


@settings(deadline=None)
@given(rows=ROWS, most=st.integers(1, 12))
def test_every_image_is_in_one_row(rows, most):
    rates = rejection_rates([name for name, _ in rows], [why for _, why in rows], most)
    assert sum(rate.collected for rate in rates) == len(rows)
    assert sum(rate.rejected for rate in rates) == sum(why is not None for _, why in rows)
    assert all(rate.rejected == sum(rate.reasons.values()) <= rate.collected for rate in rates)
    assert len(rates) <= most + 1
    named = [rate.share for rate in rates if rate.kind != "others"]
    assert named == sorted(named, reverse=True)


def test_a_class_that_the_rules_hit_harder_is_marked():
    names = ["dark"] * 100 + ["light"] * 400
    reasons = ["too_dark"] * 40 + [None] * 60 + ["flat"] * 20 + [None] * 380
    rates = {rate.name: rate for rate in rejection_rates(names, reasons)}
    assert rates["dark"].higher and not rates["light"].higher
    assert rates["dark"].reasons == {"too_dark": 40}


def test_exact_copies_and_images_without_a_label_are_no_bias():
    names = ["a"] * 100 + ["b"] * 400 + [None] * 50
    reasons = ["exact_duplicate"] * 60 + [None] * 40 + [None] * 400 + ["flat"] * 50
    rates = rejection_rates(names, reasons)
    assert not any(rate.higher for rate in rates) and sum(rate.rejected for rate in rates) == 110


@pytest.mark.parametrize(("hits", "count", "other", "others", "higher"), [
    (3, 3, 5, 500, True), (1, 3, 5, 500, False), (1, 1, 0, 500, False), (9, 9, 0, 0, False),
    (5_500, 100_000, 5_000, 100_000, False),  # beyond chance, and no matter
])
def test_chance_and_trifles_are_not_bias(hits, count, other, others, higher):
    assert clearly_higher(hits, count, other, others) is higher


def test_equal_groups_hardly_ever_alarm():
    draws = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        names = [f"c{i % 20}" for i in range(1000)]
        reasons = ["flat" if hit else None for hit in draws.random(1000) < 0.1]
        alarms += sum(rate.higher for rate in rejection_rates(names, reasons))
    assert alarms <= 2, "of 4,000 groups"


def test_folders_go_as_deep_as_a_reader_can_follow():
    paths = [f"top/{i % 3}/{i}/x.png" for i in range(90)]
    assert set(folders_of(paths, most=30)) == {"top/0", "top/1", "top/2"}
    assert folders_of(["x.png", "a/b/y.png"], most=30) == ["", "a/b"]
    assert len(set(folders_of([f"{i}/x.png" for i in range(90)], most=30))) == 90
    assert len(rejection_rates([f"{i}" for i in range(90)], [None] * 90)) == 31


def test_untested_classes_and_shares():
    counts = {"train": (8, 5, 0), "validation": (0, 1, 0), "test": (2, 0, 0)}
    assert untested_classes(counts, ("a", "b", "c")) == ["b", "c"]
    assert shares_in_test(counts) == {"least": 0.0, "whole": 2 / 16, "greatest": 0.2}
