import numpy as np
import pytest

from genimg_core.metrics.bootstrap import half_samples, interval
from genimg_core.metrics.frechet import HalfMoments, frechet_distance, frechet_halves
from genimg_core.metrics.kernel import kernel_distance, kernel_halves
from genimg_core.metrics.manifold import generated_neighbourhoods, manifold_scores, real_neighbourhoods


def test_each_half_is_half_without_repeats_and_every_image_is_as_likely():
    halves = half_samples(np.zeros(21, int), 4000, np.random.default_rng(0))
    assert (halves.sum(axis=1) == 10).all()
    assert np.abs(halves.mean(axis=0) - 10 / 21).max() < 0.04
    assert np.abs(np.corrcoef(halves.T) - np.eye(21)).max() < 0.12
    assert not (halves[0] == halves[1]).all()


def test_each_half_has_half_of_each_class():
    labels = np.array([0] * 10 + [1] * 4 + [2, 3, 4] * 2 + [5])
    halves = half_samples(labels, 500, np.random.default_rng(0))
    assert (halves.sum(axis=1) == 10).all()
    for k in range(5):
        assert abs(halves[:, labels == k].sum(axis=1) - (labels == k).sum() / 2).max() <= 1
    assert 0.3 < halves[:, -1].mean() < 0.6


def test_the_seed_decides():
    labels = np.arange(30) % 4
    one, two = (half_samples(labels, 5, np.random.default_rng(3)) for _ in range(2))
    assert (one == two).all()


def test_the_interval_stands_around_the_score_and_within_its_range():
    halves = np.random.default_rng(0).normal(7, 1, 100_000)  # their level is another: only their spread counts
    low, high = interval(2.0, halves, 0.95)
    assert (low, high) == pytest.approx((2 - 1.96, 2 + 1.96), abs=0.03)
    assert interval(0.99, halves, 0.95, 0, 1) == (0.0, 1.0)


def features(seed: int, labels: np.ndarray, shift: float) -> np.ndarray:
    """Three classes far apart, in equal shares where the labels say so."""
    return np.random.default_rng(seed).normal(shift, 1, size=(len(labels), 6)) + 3 * np.eye(6)[labels]


def moments(real: np.ndarray, generated: np.ndarray, r: np.ndarray, g: np.ndarray) -> np.ndarray:
    return frechet_halves(HalfMoments(real, r), HalfMoments(generated, g))


def manifold(name: str):
    """One of the four scores of neighbourhoods, of whole sets and of their halves."""
    def halves(real: np.ndarray, generated: np.ndarray, r: np.ndarray, g: np.ndarray) -> np.ndarray:
        around = real_neighbourhoods(real, r, 5), generated_neighbourhoods(generated, g, 5)
        return getattr(manifold_scores(*around), name)

    def whole(real: np.ndarray, generated: np.ndarray) -> float:
        return float(halves(real, generated, np.ones((1, len(real)), bool), np.ones((1, len(generated)), bool))[0])
    return whole, halves


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize(("score", "halves"), [(kernel_distance, kernel_halves), (frechet_distance, moments),
                                               *map(manifold, ("precision", "recall", "density", "coverage"))])
def test_the_spread_of_the_halves_is_the_spread_of_repeated_draws(score, halves, classes):
    """The claim of the module, score by score: draw the data anew 200 times, and compare with halves of one draw."""
    labels = np.arange(120) % classes
    anew = np.std([score(features(2 * i, labels, 0), features(2 * i + 1, labels, 0.6)) for i in range(200)])
    draws = np.random.default_rng(0)
    told = [np.std(halves(features(5000 + 2 * i, labels, 0), features(5001 + 2 * i, labels, 0.6),
                          half_samples(labels, 100, draws), half_samples(labels, 100, draws))) for i in range(12)]
    assert np.mean(told) == pytest.approx(anew, rel=0.3)
