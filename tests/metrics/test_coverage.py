import numpy as np
import pytest

from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.coverage import CoverageTables, coverage


def draw(seed: int, n: int = 300, d: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def by_definition(real: np.ndarray, generated: np.ndarray, k: int) -> float:
    covered = 0
    for i, x in enumerate(real):
        others = sorted(np.linalg.norm(np.delete(real, i, axis=0) - x, axis=1))
        covered += np.linalg.norm(generated - x, axis=1).min() <= others[k - 1]
    return covered / len(real)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_the_definition(k):
    real, generated = draw(1, n=150), draw(2, n=90) * 1.3
    assert coverage(real, generated, k) == by_definition(real, generated, k)


def test_equal_distributions_reach_the_closed_form():
    """Naeem et al. 2020, for any distribution: 1 - (N-1)…(N-k) / (2N-1)…(2N-k) for N = M."""
    n, k = 60, 5
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    values = [coverage(draw(2 * i, n=n, d=3), draw(2 * i + 1, n=n, d=3), k) for i in range(150)]
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / np.sqrt(len(values)))


def test_copies_of_the_real_images_cover_them_all_however_far_from_the_origin():
    """The fp32 matrix product gives copies a distance of up to 0.43; here the radii are smaller than that."""
    real = 1000 + 1e-4 * draw(3)
    assert coverage(real, real.copy()) == 1.0


def test_duplicates_among_the_real_images_count_once():
    real = draw(4, n=50)
    doubled = np.repeat(real, 8, axis=0)
    near = real + 1e-6
    assert coverage(doubled, near) == coverage(real, near) == 1.0


def test_too_few_distinct_real_images_are_refused():
    with pytest.raises(ValueError, match="over 6 distinct real images, not 6"):
        coverage(np.repeat(draw(5, n=6), 10, axis=0), draw(6), 5)
    assert coverage(draw(5, n=7), draw(5, n=7), 5) == 1.0


def test_a_collapsed_generator_with_outliers_raises_the_alarm():
    """Precision and recall stay high there (facts: .975 and .985); coverage does not."""
    real = draw(7, n=400, d=2)
    collapsed = np.concatenate([real[:1] * 0.1 + 0.01 * draw(8, n=390, d=2), 6 * draw(9, n=10, d=2)])
    assert coverage(real, draw(10, n=400, d=2)) > 0.9
    assert coverage(real, collapsed) < 0.35


def test_parts_have_the_coverage_of_the_parts():
    real, generated = draw(11), 1.2 * draw(12, n=200)
    tables = CoverageTables(real, generated, 5)
    parts = [half_samples(np.zeros(len(x), int), 5, np.random.default_rng(0)) for x in (real, generated)]
    for r, g in zip(*parts, strict=True):
        assert tables.coverage(r, g) == coverage(real[r], generated[g], 5)
