"""Each spoilt generator must move the right score the right way: real letters stand for a good one."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from genimg_core.metrics.scores import NOTES, Score, score_features
from genimg_core.models.classifier.examples import LabelledImages
from genimg_core.models.classifier.fit import fit, scale_features
from genimg_core.models.classifier.infer import features
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.training.devices import computing
from tests.letters import draw_letters

LETTERS, N = "AGKRT", 250


@pytest.fixture(scope="module")
def network():
    images, labels = draw_letters(LETTERS, 600, 1, size=16)
    with computing("cpu", 1):
        network = fit(LabelledImages(images, labels), len(LETTERS), ClassifierSettings(seen_images=6000), 0, "test")
        scale_features(network, LabelledImages(images, labels))
        return network


@pytest.fixture(scope="module")
def real():
    return draw_letters(LETTERS, N, 2, size=16)[0]


@pytest.fixture(scope="module")
def score(network, real):
    floor = draw_letters(LETTERS, N, 3, size=16)[0]

    def measure(generated: np.ndarray) -> dict[str, Score]:
        labels = np.arange(N) % len(LETTERS)
        with computing("cpu", 1):
            return score_features(*(features(network, images) for images in (real, generated, floor)),
                                  real_labels=labels, generated_labels=labels, k=5, resamples=60, probability=0.95,
                                  draws=np.random.default_rng(0))
    return measure


@pytest.fixture(scope="module")
def good():
    return draw_letters(LETTERS, N, 4, size=16)[0]


@pytest.fixture(scope="module")
def scores_of_good(score, good):
    return score(good)


def noisy(images: np.ndarray) -> np.ndarray:
    return np.clip(images + np.random.default_rng(0).normal(0, 40, images.shape), 0, 255).astype(np.uint8)


def blurred(images: np.ndarray) -> np.ndarray:
    soft = [Image.fromarray(image[..., 0]).filter(ImageFilter.GaussianBlur(1.2)) for image in images]
    return np.stack(soft)[..., None]


def test_a_perfect_generator_reaches_the_floor(scores_of_good):
    for name in NOTES:
        found = scores_of_good[name]
        assert found.low <= found.value <= found.high
        assert found.low <= found.floor <= found.high


@pytest.mark.parametrize("spoil", [noisy, blurred])
def test_noise_and_blur_raise_kid_and_fd_and_lower_coverage(score, good, scores_of_good, spoil):
    spoilt = score(spoil(good))
    assert spoilt["kid"].low > max(scores_of_good["kid"].high, spoilt["kid"].floor)
    assert spoilt["fd"].low > max(scores_of_good["fd"].high, spoilt["fd"].floor)
    assert spoilt["coverage"].high < min(scores_of_good["coverage"].low, spoilt["coverage"].floor)


def test_more_noise_is_worse(score, good):
    little, much = score(noisy(good)), score(noisy(noisy(good)))
    assert (much["kid"].value, much["fd"].value) > (little["kid"].value, little["fd"].value)


def test_a_dropped_class_lowers_coverage_by_about_its_share(score):
    spoilt = score(draw_letters(LETTERS[:-1], N, 4, size=16)[0])
    assert spoilt["kid"].low > spoilt["kid"].floor
    assert spoilt["fd"].low > spoilt["fd"].floor
    assert spoilt["coverage"].floor - 0.3 < spoilt["coverage"].value < spoilt["coverage"].floor - 0.12


def test_collapse_with_outliers_is_told_by_coverage(score, good):
    """A few images over and over, and ten good ones among them."""
    collapsed = score(np.concatenate([np.repeat(good[:len(LETTERS)], (N - 10) // len(LETTERS), axis=0), good[-10:]]))
    assert collapsed["coverage"].high < 0.6 * collapsed["coverage"].floor


def test_the_same_draws_give_the_same_scores(score, good, scores_of_good):
    assert score(good) == scores_of_good
