"""The join's benchmark makes what it says, and would see a join that is wrong."""

import numpy as np

from benchmarks import data_join
from benchmarks.data_join import brute_force, clustered, uniform, wrong_pairs
from genimg_core.imaging.near_duplicates import candidate_pairs


def real(seed: int = 0) -> np.ndarray:
    """A third of the hashes alone, a third in pairs, a third in clusters of five."""
    draws = np.random.default_rng(seed)
    base = draws.integers(0, 2**64, 100, np.uint64)
    pairs, fives = base[40:60], base[60:68]
    near = [pairs ^ np.uint64(6), *(fives ^ np.uint64(3 << 2 * place) for place in range(4))]
    return np.concatenate([base[:68], *near])


def test_clusters_are_those_of_the_real_hashes():
    hashes = clustered(real(), 5000, 3)
    assert hashes.shape == (5000,) and hashes.dtype == np.uint64
    involved = len(np.unique(candidate_pairs(hashes, 5))) / 5000
    assert abs(involved - len(np.unique(candidate_pairs(real(), 5))) / len(real())) < 0.05
    assert np.array_equal(hashes, clustered(real(), 5000, 3))
    assert not np.array_equal(hashes, clustered(real(), 5000, 4))


def test_a_wrong_join_is_seen(monkeypatch):
    hashes = clustered(real(), 2000, 1)
    wrong, total = wrong_pairs(hashes)
    assert wrong == 0 and total > 2000
    assert wrong_pairs(uniform(500, 0)) == (0, 0)
    monkeypatch.setattr(data_join, "candidate_pairs", lambda given, radius: candidate_pairs(given, radius)[:-1])
    assert wrong_pairs(hashes)[0] >= 1
    assert len(brute_force(hashes, 5)) == len(candidate_pairs(hashes, 5))
