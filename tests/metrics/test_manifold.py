import numpy as np
import pytest
import torch
from torch_fidelity.metric_prc import prc_features_to_metric

from genimg_core.metrics import manifold
from genimg_core.metrics.bootstrap import half_samples
from genimg_core.metrics.manifold import (
    ManifoldScores,
    generated_neighbourhoods,
    manifold_scores,
    real_neighbourhoods,
)


def draw(seed: int, n: int = 300, d: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def scores(real: np.ndarray, generated: np.ndarray, k: int = 5) -> dict[str, float]:
    found = manifold_scores(real_neighbourhoods(real, np.ones((1, len(real)), bool), k),
                            generated_neighbourhoods(generated, np.ones((1, len(generated)), bool), k))
    return {name: float(values[0]) for name, values in vars(found).items()}


def by_definition(real: np.ndarray, generated: np.ndarray, k: int) -> dict[str, float]:
    def radius(rows: np.ndarray, i: int) -> float:
        return sorted(np.linalg.norm(np.delete(rows, i, axis=0) - rows[i], axis=1))[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    radii = [radius(generated, j) for j in range(len(generated))]
    inside = np.array([[np.linalg.norm(y - x) <= r for y in generated] for x, r in zip(real, real_radii, strict=True)])
    reached = np.array([[np.linalg.norm(x - y) <= r for y, r in zip(generated, radii, strict=True)] for x in real])
    return {"precision": inside.any(axis=0).mean(), "recall": reached.any(axis=1).mean(),
            "density": inside.sum() / (k * len(generated)), "coverage": inside.any(axis=1).mean()}


@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_the_definition(k):
    real, generated = draw(1, n=90), draw(2, n=60) * 1.3
    assert scores(real, generated, k) == pytest.approx(by_definition(real, generated, k), abs=1e-12)


def test_blocks_change_nothing(monkeypatch):
    real, generated = draw(1), 1.2 * draw(2)
    whole = scores(real, generated)
    monkeypatch.setattr(manifold, "BLOCK", 7)
    assert scores(real, generated) == whole


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_equal_torch_fidelity(k):
    real, generated = draw(3, n=400), 0.8 * draw(4, n=350)
    theirs = prc_features_to_metric(torch.from_numpy(generated), torch.from_numpy(real), prc_neighborhood=k,
                                    prc_batch_size=100, save_cpu_ram=False, verbose=False)
    found = scores(real, generated, k)
    assert 0.3 < found["recall"] < found["precision"] < 1
    for name in ("precision", "recall"):
        assert found[name] == pytest.approx(theirs[name], abs=1e-6)


def test_coverage_of_equal_distributions_reaches_the_closed_form():
    """Naeem et al. 2020, for any distribution: 1 - (N-1)…(N-k) / (2N-1)…(2N-k) for N = M; density 1."""
    n, k = 60, 5
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    found = [scores(draw(2 * i, n=n, d=3), draw(2 * i + 1, n=n, d=3), k) for i in range(150)]
    for name, right in (("coverage", expected), ("density", n / (n - 1))):
        values = [one[name] for one in found]
        assert np.mean(values) == pytest.approx(right, abs=4 * np.std(values) / np.sqrt(len(values)))


def test_copies_of_the_real_images_score_full_however_far_from_the_origin():
    """The fp32 matrix product gives copies a distance of up to 0.43; here the radii are smaller than that."""
    real = 1000 + 1e-4 * draw(3)
    found = scores(real, real.copy())
    assert found["precision"] == found["recall"] == found["coverage"] == 1.0


def test_sets_of_duplicates_do_not_score_zero_against_themselves():
    """With a strict `<`, or with the copies left in, every radius is 0 and holds nothing."""
    real = draw(4, n=50)
    doubled = np.repeat(real, 8, axis=0)
    found = scores(doubled, doubled)
    assert found["precision"] == found["recall"] == found["coverage"] == 1.0
    near = scores(doubled, real + 1e-6)
    assert near["precision"] == near["coverage"] == 1.0


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="over 6 distinct real images, not 6"):
        scores(np.repeat(draw(5, n=6), 10, axis=0), draw(6), 5)
    with pytest.raises(ValueError, match="over 5 images, not 5"):
        scores(draw(5), draw(6, n=5), 5)
    seven = draw(5, n=7)
    assert scores(seven, seven, 5)["coverage"] == 1.0


def test_a_collapsed_generator_with_outliers_raises_the_alarm():
    """Precision and recall stay high there (facts: .975 and .985); coverage does not."""
    real = draw(7, n=400, d=2)
    collapsed = np.concatenate([real[:1] * 0.1 + 0.01 * draw(8, n=390, d=2), 6 * draw(9, n=10, d=2)])
    found = scores(real, collapsed)
    assert scores(real, draw(10, n=400, d=2))["coverage"] > 0.9
    assert found["coverage"] < 0.35
    assert found["precision"] > 0.9 and found["recall"] > 0.9


def test_an_outlier_among_the_real_images_raises_precision_and_hardly_density():
    """What density is for (Naeem et al. 2020, figure 1)."""
    real, generated = draw(11, n=400, d=2), 4 + draw(12, n=400, d=2)
    spoilt = np.concatenate([real[:-1], [[6.0, 6.0]]])
    before, after = scores(real, generated), scores(spoilt, generated)
    assert after["precision"] > before["precision"] + 0.4
    assert after["density"] < before["density"] + 0.25


def test_parts_have_the_scores_of_the_parts():
    real, generated = draw(11), 1.2 * draw(12, n=200)
    parts = [half_samples(np.zeros(len(x), int), 5, np.random.default_rng(0)) for x in (real, generated)]
    found: ManifoldScores = manifold_scores(real_neighbourhoods(real, parts[0], 5),
                                            generated_neighbourhoods(generated, parts[1], 5))
    for b, (r, g) in enumerate(zip(*parts, strict=True)):
        assert {name: values[b] for name, values in vars(found).items()} == scores(real[r], generated[g])


def test_many_neighbours_have_the_right_radius_in_every_half():
    real = draw(13, n=500)
    halves = half_samples(np.zeros(500, int), 20, np.random.default_rng(0))
    found = generated_neighbourhoods(real, halves, 50)
    for radii, half in zip(found.radii, halves, strict=True):
        alone = generated_neighbourhoods(real[half], np.ones((1, half.sum()), bool), 50)
        assert (radii[half] == alone.radii[0]).all() and (radii[~half] == -1).all()
