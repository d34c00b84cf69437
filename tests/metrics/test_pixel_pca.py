import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from genimg_core.metrics import pixel_pca
from genimg_core.metrics.pixel_pca import COMPONENTS, fit_pixel_pca
from genimg_core.metrics.pixels import pixel_vectors
from genimg_core.models.classifier.infer import features
from tests.letters import draw_letters


@pytest.mark.parametrize(("count", "kept"), [(400, COMPONENTS), (40, 39)])  # more images than pixels, and fewer
def test_equals_scikit_learn_but_for_one_factor(count, kept):
    images = np.unique(draw_letters("AGKTX", 2 * count, 0, size=16)[0], axis=0)
    images = images[np.random.default_rng(0).permutation(len(images))[:count]]
    found = features(fit_pixel_pca(images), images)
    theirs = PCA(kept, svd_solver="full").fit_transform(images.reshape(count, -1).astype(float))
    assert found.shape == (count, kept)
    factor = np.linalg.norm(found) / np.linalg.norm(theirs)
    assert np.abs(found) == pytest.approx(factor * np.abs(theirs), abs=1e-5)
    assert np.mean(found**2) == pytest.approx(1, rel=1e-5)


def test_distances_are_those_of_pixels_within_the_components():
    images = draw_letters("AGKT", 60, 0, size=16)[0]
    found = features(fit_pixel_pca(images), images)  # 59 components span 60 images
    pixels = images.reshape(60, -1).astype(float)
    distances = [np.linalg.norm(rows[:, None] - rows[None], axis=2) for rows in (found, pixels)]
    ratio = distances[0][distances[1] > 0] / distances[1][distances[1] > 0]
    assert ratio == pytest.approx(ratio[0], rel=1e-5)


def test_flat_and_single_images_do_no_harm():
    for images in (np.full((30, 16, 16, 3), 9, np.uint8), draw_letters("A", 1, 0, size=16)[0]):
        found = features(fit_pixel_pca(images), images)
        assert found.shape == (len(images), 1) and (found == 0).all()


def test_large_sets_are_thinned_and_equal_fits_are_equal(monkeypatch):
    images = draw_letters("AGKT", 200, 0, size=16)[0]
    one, two = (fit_pixel_pca(images) for _ in range(2))
    assert torch.equal(one.axes, two.axes) and torch.equal(one.mean, two.mean)
    monkeypatch.setattr(pixel_pca, "MOST_IMAGES", 50)
    assert torch.equal(fit_pixel_pca(images).axes, fit_pixel_pca(images[::4]).axes)


def test_large_images_are_averaged_first():
    small = draw_letters("AG", 20, 0, size=32, channels=3)[0]
    large = np.repeat(np.repeat(small, 2, axis=1), 2, axis=2)
    assert pixel_vectors(large) == pytest.approx(pixel_vectors(small))
    assert pixel_vectors(small).shape == (20, 3 * 32 * 32)
    assert features(fit_pixel_pca(large), large) == pytest.approx(features(fit_pixel_pca(small), small), abs=1e-6)
    assert pixel_vectors(small[:0]).shape == (0, 3 * 32 * 32)
