import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from genimg_core.metrics import kernel
from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.kernel import kernel_distance, kernel_halves


def draw(seed: int, n: int = 300, d: int = 12, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, size=(n, d))


def by_definition(one: np.ndarray, two: np.ndarray) -> float:
    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (x @ y / len(x) + 1) ** 3

    def within(rows: np.ndarray) -> float:
        return np.mean([k(rows[i], rows[j]) for i in range(len(rows)) for j in range(len(rows)) if i != j])

    return within(one) + within(two) - 2 * np.mean([k(x, y) for x in one for y in two])


def test_equals_the_definition_with_different_numbers():
    one, two = draw(1, n=17), draw(2, n=11, shift=0.3)
    assert kernel_distance(one, two) == pytest.approx(by_definition(one, two), rel=1e-10)


def test_equals_torch_fidelity_over_the_whole_set():
    one, two = draw(3), draw(4, shift=0.2)
    theirs = kid_features_to_metric(torch.from_numpy(one), torch.from_numpy(two), kid_subsets=1, kid_subset_size=300,
                                    kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
                                    kid_kernel_poly_coef0=1, rng_seed=0, verbose=False)
    assert kernel_distance(one, two) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)


def test_is_unbiased_at_any_n():
    values = [kernel_distance(draw(10 + 2 * i, n=8), draw(11 + 2 * i, n=8)) for i in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert np.mean(np.array(values) < 0) > 0.3


def test_blocks_change_nothing(monkeypatch):
    one, two = draw(5), draw(6, shift=0.1)
    whole = kernel_distance(one, two)
    monkeypatch.setattr(kernel, "BLOCK", 7)
    assert kernel_distance(one, two) == pytest.approx(whole, rel=1e-12)


def test_halves_are_the_distances_of_the_parts():
    one, two = draw(7), draw(8, n=200, shift=0.2)
    parts = [half_samples(np.zeros(len(x), int), 4, np.random.default_rng(0)) for x in (one, two)]
    for value, of_one, of_two in zip(kernel_halves(one, two, *parts), *parts, strict=True):
        assert value == pytest.approx(kernel_distance(one[of_one], two[of_two]), rel=1e-9)
