"""A look tells a collapsed generator from one that is not."""

import numpy as np
import pytest

from genimg_core.training.looks import IMAGES, Looks


def shades(labels, seed, spread=60):
    """Plain pictures, dark ones of class 0 and light ones of class 1, each of a shade of its own."""
    draws = np.random.default_rng(seed)
    shade = np.where(np.asarray(labels) == 0, 80, 170) + draws.integers(-spread, spread + 1, len(labels))
    noise = draws.integers(-10, 11, (len(labels), 16, 16, 1))
    return np.clip(shade[:, None, None, None] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def looks():
    labels = np.arange(400) % 2
    return Looks(shades(labels, 0), labels)


def test_other_real_images_look_well(looks):
    told = looks.look(shades(looks.labels, 1))
    assert len(looks.labels) == IMAGES and looks.possible
    assert told["variety"] == pytest.approx(1, abs=0.2) and told["coverage"] > 0.7


def test_a_picture_per_class_has_neither_variety_nor_coverage(looks):
    two = shades(np.array([0, 1]), 2)
    told = looks.look(two[looks.labels])
    assert told["variety"] == 0 and told["coverage"] < 0.2


def test_half_the_shades_have_half_of_both(looks):
    told = looks.look(shades(looks.labels, 3, spread=20))
    assert 0.2 < told["variety"] < 0.55 and told["coverage"] < 0.75


def test_variety_without_likeness_covers_nothing(looks):
    noise = np.random.default_rng(0).integers(0, 256, (IMAGES, 16, 16, 1)).astype(np.uint8)
    noise[:, ::2] = 0
    assert looks.look(noise)["coverage"] < 0.2


def test_too_few_different_images_are_not_looked_at():
    same = np.zeros((40, 8, 8, 1), np.uint8)
    assert not Looks(same, np.zeros(40, np.int64)).possible
    assert not Looks(same[:1], np.zeros(1, np.int64)).possible


def test_a_class_each():
    labels = np.arange(IMAGES)
    looks = Looks(shades(labels % 2, 0), labels)
    assert looks.look(shades(labels % 2, 1))["variety"] == pytest.approx(1, abs=0.2)
