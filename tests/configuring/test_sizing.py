"""The form of images and the split of a data set."""

from __future__ import annotations

import numpy as np
import pytest

from genimg_core.configuring import sizing
from genimg_core.configuring.survey import Spread
from tests.configuring.surveys import PHOTOS, a_survey


def test_photographs_are_cropped_and_drawings_padded():
    assert sizing.choose_fit([a_survey(**PHOTOS)]).value == "crop"
    assert sizing.choose_fit([a_survey(**PHOTOS | {"aspect": Spread(1, 3, 9)})]).value == "pad"
    assert sizing.choose_fit([a_survey(**PHOTOS), a_survey("target", aspect=Spread(1, 1.4, 2))]).value == "pad"


@pytest.mark.parametrize(("grey", "channels"), [(1.0, 1), (0.996, 1), (0.9, 3), (0.0, 3)])
def test_one_channel_only_where_all_is_grey(grey, channels):
    assert sizing.choose_channels([a_survey(), a_survey("target", grey_share=grey)]).value == channels


def test_the_background_shows_white_drawings():
    assert sizing.choose_background([a_survey(alpha_share=1.0)]).value == "#ffffff"
    assert sizing.choose_background([a_survey(alpha_share=1.0, vanishing_share=0.3)]).value == "#808080"


@pytest.mark.parametrize(("classes", "flip"), [({"rose": 9, "tulip": 9}, True), ({"turn-left": 9, "stop": 9}, False)])
def test_only_photographs_without_sides_are_mirrored(classes, flip):
    assert sizing.choose_flip(a_survey(**PHOTOS, classes=classes))[0] is flip
    assert sizing.choose_flip(a_survey(classes=classes))[0] is False


@pytest.mark.parametrize(("median", "size"), [(500, 32), (32, 32), (31, 28), (28, 28), (17, 16), (5, 8)])
def test_no_more_pixels_than_there_are(median, size):
    assert sizing.small_size(median).value == size


@pytest.mark.parametrize(("usable", "share"), [(10, 0.3), (100, 0.3), (400, 0.2), (600, 0.15), (700, 0.1),
                                               (50_000, 0.1)])
def test_small_sets_hold_out_more(usable, share):
    assert sizing.choose_test_share(usable, given=False).value == share
    assert sizing.choose_test_share(usable, given=True).value == 0.1


def test_least_held_out_is_a_bound_that_draws_keep():
    draws = np.random.default_rng(0).binomial(159, 0.3, 10_000)
    least = sizing.least_held_out(159, 0.3)
    assert 0.95 < (draws >= least).mean() < 0.999
    assert sizing.least_held_out(3, 0.1) == 0


def test_budgets_are_rounded_down_to_two_digits():
    assert [sizing.below(value) for value in (178_345, 99.9, 100, 7.9, 0.3)] == [170_000, 99, 100, 7, 1]
