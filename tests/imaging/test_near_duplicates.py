"""Candidates exactly, confirmation by pixels, clusters that do not chain."""

import numpy as np
import pytest

from genimg_core.imaging.near_duplicates import candidate_pairs, keep_best, thumbnail_distances


@pytest.mark.parametrize("radius", range(8))
def test_the_join_finds_every_pair_and_no_other(radius):
    rng = np.random.default_rng(radius)
    seeds = rng.integers(0, 2**64, 60, np.uint64)
    hashes = [int(h) for h in seeds]
    for h in seeds[:40]:
        for flips in range(1, 9):
            bits = rng.choice(64, flips, replace=False)
            hashes.append(int(h) ^ sum(1 << int(bit) for bit in bits))
    hashes += hashes[:10]
    array = np.array(hashes, np.uint64)
    distance = np.bitwise_count(array[:, None] ^ array[None, :])
    expected = np.argwhere(np.triu(distance <= radius, 1))
    assert np.array_equal(candidate_pairs(array, radius), expected)


def test_no_hashes_no_pairs():
    assert candidate_pairs(np.array([], np.uint64), 5).shape == (0, 2)


def test_distance_is_the_rmse_and_prunes_only_what_is_farther():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (32, 32, 4), np.uint8)
    first[..., 3] = 255
    thumbnails = np.stack([first, np.clip(first.astype(int) + 3, 0, 255), rng.integers(0, 256, (32, 32, 4))]).astype(
        np.uint8
    )
    thumbnails[2, ..., 3] = 255
    pairs = np.array([[0, 1], [0, 2]])
    got = thumbnail_distances(thumbnails, pairs, 1e9)
    for (i, j), value in zip(pairs, got, strict=True):
        difference = thumbnails[i].astype(float) - thumbnails[j]
        assert value == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-5)
    close = thumbnail_distances(thumbnails, pairs, 5.0)
    assert close[0] == got[0]
    assert close[1] > 5


def test_alpha_counts_and_hidden_colour_does_not():
    clear = np.zeros((3, 32, 32, 4), np.uint8)
    clear[1, ..., :3] = 200
    clear[2, 8:24, 8:24, 3] = 255
    assert thumbnail_distances(clear, np.array([[0, 1], [0, 2]]), 1e9).tolist() == [0.0, pytest.approx(127.5)]


def test_clusters_do_not_chain():
    # 0 - 1 - 2 - 3: neighbours are alike, the others are not
    assert keep_best(np.array([[0, 1], [1, 2], [2, 3]]), np.arange(4)) == {1: 0, 3: 2}
    assert keep_best(np.array([[0, 1], [1, 2]]), np.array([1, 0, 2])) == {0: 1, 2: 1}
    assert keep_best(np.empty((0, 2), np.int64), np.arange(4)) == {}


@pytest.mark.parametrize("radius", range(1, 8))
@pytest.mark.parametrize("count", [2000, 40_000])
def test_the_join_is_exact_whatever_it_sorts_by(radius, count):
    """Among many hashes it asks for more equal pieces than among few; a thousand planted pairs tell if it is right."""
    rng = np.random.default_rng(count + radius)
    hashes = rng.integers(0, 2**64, count, np.uint64)
    # All in a part of the space, so that pieces agree by chance as well.
    hashes &= np.uint64(0xFFFF_F0F0_FFFF_00FF)
    for place in range(0, 1000, 2):
        flips = rng.choice(64, int(rng.integers(0, 10)), replace=False)
        hashes[place + 1] = hashes[place] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    found = candidate_pairs(hashes, radius)
    assert (np.bitwise_count(hashes[found[:, 0]] ^ hashes[found[:, 1]]) <= radius).all()
    assert len(np.unique(found, axis=0)) == len(found)
    expected = [np.stack([np.full(len(near), i), near + i + 1], axis=1) for i in range(min(count, 2000))
                for near in [np.flatnonzero(np.bitwise_count(hashes[i + 1:] ^ hashes[i]) <= radius)]]
    assert np.array_equal(found[found[:, 0] < 2000], np.concatenate(expected))


def test_hashes_of_one_parity_are_joined_as_exactly():
    rng = np.random.default_rng(5)
    base = rng.integers(0, 2**64, 500, np.uint64)
    base[np.bitwise_count(base) % 2 == 1] ^= np.uint64(1)
    near = base.copy()
    for place in range(len(near)):
        flips = rng.choice(64, 2 * int(rng.integers(0, 4)), replace=False)
        near[place] ^= np.uint64(sum(1 << int(bit) for bit in flips))
    hashes = np.concatenate([base, near])
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    for radius in range(8):
        assert np.array_equal(candidate_pairs(hashes, radius), np.argwhere(np.triu(distance <= radius, 1)))
