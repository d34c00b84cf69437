import numpy as np
import pytest
import scipy.linalg
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.frechet import HalfMoments, frechet_distance, frechet_halves


def draw(seed: int, n: int = 400, d: int = 16) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return np.maximum(draws.normal(size=(n, d)) @ draws.normal(size=(d, d)) + draws.normal(size=d), 0)


def by_definition(one: np.ndarray, two: np.ndarray) -> float:
    root = scipy.linalg.sqrtm(np.cov(one, rowvar=False) @ np.cov(two, rowvar=False)).real
    shift = one.mean(axis=0) - two.mean(axis=0)
    return shift @ shift + np.trace(np.cov(one, rowvar=False) + np.cov(two, rowvar=False) - 2 * root)


def test_equals_the_definition_by_scipys_matrix_root():
    one, two = draw(1), draw(2, n=300)
    assert frechet_distance(one, two) == pytest.approx(by_definition(one, two), rel=1e-9)


def test_equals_torch_fidelity():
    one, two = draw(3), draw(4)
    statistics = [fid_features_to_statistics(torch.from_numpy(x)) for x in (one, two)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance(one, two) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-9)


def test_closed_form_in_one_dimension():
    one = np.array([[-1.0], [1.0]])  # mean 0, variance 2
    two = np.array([[2.0], [8.0]])   # mean 5, variance 18
    assert frechet_distance(one, two) == pytest.approx(25 + (np.sqrt(18) - np.sqrt(2)) ** 2)


def test_zero_for_equal_sets_and_the_squared_shift_for_a_moved_one():
    one = draw(5)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, one + 0.5) == pytest.approx(16 * 0.25)


def test_bears_constant_and_dependent_features_and_fewer_images_than_features():
    one, two = draw(6), draw(7)
    constant = np.zeros((400, 3))
    plain = frechet_distance(one, two)
    assert frechet_distance(np.hstack([one, constant]), np.hstack([two, constant])) == pytest.approx(plain, rel=1e-9)
    assert frechet_distance(np.hstack([one, one]), np.hstack([two, two])) == pytest.approx(2 * plain, rel=1e-9)
    few, other = draw(8, n=5, d=64), draw(9, n=6, d=64)
    assert frechet_distance(few, few[::-1]) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(few, other) > 1


def test_refuses_what_it_cannot_measure():
    with pytest.raises(ValueError, match="N > 1"):
        frechet_distance(draw(1)[:1], draw(2))
    with pytest.raises(ValueError, match="one d"):
        frechet_distance(draw(1), draw(2)[:, :5])


@pytest.mark.parametrize("d", [16, 150])  # fewer features than images in a half, and more
def test_halves_are_the_distances_of_the_parts(d):
    one, two = (np.hstack([draw(seed, n, d), np.zeros((n, 1))]) for seed, n in ((10, 400), (11, 200)))
    parts = [half_samples(np.zeros(len(x), int), 3, np.random.default_rng(0)) for x in (one, two)]
    found = frechet_halves(HalfMoments(one, parts[0]), HalfMoments(two, parts[1]))
    for value, of_one, of_two in zip(found, *parts, strict=True):
        assert value == pytest.approx(frechet_distance(one[of_one], two[of_two]), rel=1e-7)
