import numpy as np
import pytest

from genimg_core.metrics import baseline
from genimg_core.metrics.baseline import PcaGaussian
from tests.letters import draw_letters


def blobs(count: int, seed: int, classes: int = 3, side: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Images whose pixels are Gaussian about the mean of their class, far from 0 and 255, two of them correlated."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    levels = 100 + 20 * labels[:, None] + draws.normal(0, 10, (count, side * side))
    levels[:, 1] = levels[:, 0] + draws.normal(0, 2, count)
    return np.clip(levels, 0, 255).astype(np.uint8).reshape(count, side, side, 1), labels


def test_samples_have_the_means_of_the_classes_and_the_covariance_within_them():
    images, labels = blobs(3000, 0)
    asked = np.arange(6000) % 3
    drawn = PcaGaussian(images, labels, 3).sample(asked, np.random.default_rng(1)).reshape(6000, -1).astype(float)
    rows = images.reshape(3000, -1).astype(float)
    for k in range(3):
        assert drawn[asked == k].mean(axis=0) == pytest.approx(rows[labels == k].mean(axis=0), abs=1)
    within = [np.cov(x - np.stack([x[y == k].mean(axis=0) for k in range(3)])[y], rowvar=False)
              for x, y in ((rows, labels), (drawn, asked))]
    assert np.abs(within[1] - within[0]).max() < 0.1 * within[0].max()
    assert np.corrcoef(drawn[asked == 0][:, :2].T)[0, 1] > 0.9


def test_a_class_of_one_image_and_one_of_none():
    images, labels = blobs(200, 0, classes=2)
    images[0], labels[0] = 200, 2
    drawn = PcaGaussian(images, labels, 4).sample(np.repeat([2, 3], 300), np.random.default_rng(0))
    assert drawn[:300].mean() == pytest.approx(200, abs=2)
    assert drawn[300:].mean() == pytest.approx(images.mean(), abs=2)
    assert drawn[:300].std(axis=0).mean() == pytest.approx(10, rel=0.2)


def test_classes_of_one_image_each_share_one_gaussian():
    images, _ = blobs(40, 0, classes=1)
    drawn = PcaGaussian(images, np.arange(40), 40).sample(np.zeros(500, int), np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(images.mean(), abs=2)
    assert drawn.std(axis=0).mean() == pytest.approx(images.std(axis=0, ddof=1).mean(), rel=0.1)


def test_one_image_gives_that_image():
    image = draw_letters("A", 1, 0, size=16)[0]
    drawn = PcaGaussian(image, np.zeros(1, int), 1).sample(np.zeros(3, int), np.random.default_rng(0))
    assert (drawn == image).all()


def test_limits_of_memory_leave_the_spread(monkeypatch):
    images, labels = blobs(3000, 0)
    monkeypatch.setattr(baseline, "MOST_IMAGES", 500)
    drawn = PcaGaussian(images, labels, 3).sample(np.arange(3000) % 3, np.random.default_rng(1))
    assert drawn[::3].std(axis=0).mean() == pytest.approx(10, rel=0.1)


def test_the_draws_decide():
    images, labels = draw_letters("AG", 60, 0, size=16, channels=3)
    one, two, three = (PcaGaussian(images, labels, 2).sample(labels, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (one.dtype, one.shape) == (np.uint8, images.shape)
    assert (one == two).all() and (one != three).any()
