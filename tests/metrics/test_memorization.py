import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genimg_core.metrics import memorization as module
from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.memorization import (
    NOISE_STD,
    Memorization,
    Nearest,
    copy_threshold,
    copycat,
    memorization,
    nearest_of_train,
)
from genimg_core.metrics.pixels import pixel_vectors
from tests.letters import draw_letters

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

@pytest.fixture(scope="module")
def train():
    return draw_letters(LETTERS, 200, 1)[0]


@pytest.fixture(scope="module")
def held_out():
    return draw_letters(LETTERS, 300, 2)[0]


@pytest.fixture(scope="module")
def judge(train, held_out):
    real = nearest_of_train(pixel_vectors(held_out), train, pixel_vectors)

    def study(images: np.ndarray) -> Memorization:
        halves = [half_samples(np.zeros(len(x), int), 50, np.random.default_rng(0)) for x in (images, held_out)]
        return memorization(nearest_of_train(pixel_vectors(images), train, pixel_vectors), real, *halves, 0.95)
    return study


def test_equals_the_definition(train, held_out, monkeypatch):
    found = nearest_of_train(pixel_vectors(held_out), train, pixel_vectors)
    rows = [images.reshape(len(images), -1).astype(float) for images in (held_out, train)]
    distances = np.sort(cdist(*rows), axis=1)
    assert found.distance == pytest.approx(distances[:, 0] / 32)  # the root of 1,024 pixels
    assert found.ratio == pytest.approx(distances[:, 0] / distances[:, 1:51].mean(axis=1))
    assert (found.index == cdist(*rows).argmin(axis=1)).mean() > 0.99  # but for ties
    monkeypatch.setattr(module, "CHUNK", 13)
    monkeypatch.setattr(module, "BLOCK", 17)
    in_pieces = nearest_of_train(pixel_vectors(held_out), train, pixel_vectors)
    assert in_pieces.ratio == pytest.approx(found.ratio) and (in_pieces.index == found.index).mean() > 0.99


def test_copies_have_no_distance_however_far_from_the_origin():
    """fp32 would give them up to 0.43."""
    rows = 1000 + np.random.default_rng(0).normal(size=(60, 1, 1, 128))
    found = nearest_of_train(rows.reshape(60, 128), rows, lambda images: images.reshape(-1, 128).astype(float))
    assert found.distance.max() < 1e-4 and found.ratio.max() < 1e-4


def test_few_and_equal_training_images(train):
    few = nearest_of_train(pixel_vectors(train), train[:3], pixel_vectors)
    assert (few.ratio <= 1).all() and (few.ratio[:3] == 0).all()
    flat = np.full((5, 32, 32, 1), 7, np.uint8)
    assert (nearest_of_train(pixel_vectors(flat), flat, pixel_vectors).ratio == 1).all()


def test_the_threshold_is_undercut_by_one_in_a_hundred_real_images():
    draws = np.random.default_rng(0)
    for count in (99, 250):
        below = [draws.random(1000) < copy_threshold(draws.random(count)) for _ in range(2000)]
        assert np.mean(below) == pytest.approx(0.01, rel=0.1)
    assert copy_threshold(np.linspace(0.2, 1, 40)) == 0.2


def test_a_copier_is_found_and_says_by_how_much(train, judge):
    copies = judge(copycat(train, 300, np.random.default_rng(0)))
    assert copies.copied_share.value == 1 and copies.distance_ratio.value < 0.1
    assert copies.copied_share.low > 0.95 and copies.distance_ratio.high < 0.15


def test_half_a_copier_is_half_found(train, judge):
    mixed = np.concatenate([copycat(train, 150, np.random.default_rng(0)), draw_letters(LETTERS, 150, 5)[0]])
    assert judge(mixed).copied_share.value == pytest.approx(0.5, abs=0.06)


def test_a_good_generator_is_no_copier(judge):
    good = judge(draw_letters(LETTERS, 300, 5)[0])
    assert good.copied_share.value < 0.06
    assert good.distance_ratio.low <= 1 <= good.distance_ratio.high


def blurred(images: np.ndarray) -> np.ndarray:
    padded = np.pad(images.astype(float), ((0, 0), (2, 2), (2, 2), (0, 0)), "edge")
    side = images.shape[1]
    return (sum(padded[:, i:i + side, j:j + side] for i in range(5) for j in range(5)) / 25).astype(np.uint8)


def test_a_blurry_generator_is_nearer_to_everything_and_yet_no_copier(judge, train):
    blurry = judge(blurred(draw_letters(LETTERS, 300, 5)[0]))
    average = judge(np.repeat(train.mean(axis=0)[None].astype(np.uint8), 300, axis=0))
    assert blurry.distance_ratio.value < 0.95
    for found in (blurry, average):
        assert found.copied_share.value == 0


def test_noise_is_no_copy(judge):
    noise = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 1)).astype(np.uint8)
    found = judge(noise)
    assert found.copied_share.value == 0 and found.distance_ratio.low > 1


def test_the_copycat_takes_all_images_before_any_twice(train):
    copies = copycat(train, 450, np.random.default_rng(0))
    nearest = nearest_of_train(pixel_vectors(copies), train, pixel_vectors).index
    uses = np.bincount(nearest, minlength=200)
    assert copies.dtype == np.uint8 and len(copies) == 450
    assert (uses >= 2).mean() > 0.98 and uses.max() <= 4  # two letters may be the same
    inner = (train[nearest] > 20) & (train[nearest] < 235)
    assert (copies.astype(float) - train[nearest])[inner].std() == pytest.approx(NOISE_STD, rel=0.1)


def test_expectation_says_how_few_images_limit_it():
    ratios = [Nearest(np.zeros(n, int), np.ones(n), np.linspace(0.1, 1, n)) for n in (50, 20, 200)]
    halves = [half_samples(np.zeros(len(one.ratio), int), 20, np.random.default_rng(0)) for one in ratios]
    assert memorization(ratios[0], ratios[1], *halves[:2], 0.95).expected_share == pytest.approx(1 / 21)
    assert memorization(ratios[0], ratios[2], halves[0], halves[2], 0.95).expected_share == 0.01
