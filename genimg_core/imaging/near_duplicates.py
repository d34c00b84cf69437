"""Near-duplicates: perceptual hashes find the candidates, pixels confirm them.

A hash alone rejects good images (skin tones, letters of similar type faces share hashes), so it only decides which
pairs are worth comparing. The join is exact: it finds every pair within the radius.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np

BITS = 64
MAX_RADIUS = 7
_SORTED_AS_LONG_AS_PAIRS = 5
"""Sorting one hash takes as long as looking at this many pairs (measured at a million)."""
_COMPARED_AT_ONCE = 4096


def candidate_pairs(hashes: np.ndarray, radius: int) -> np.ndarray:
    """Every pair of hashes that differ in at most `radius` bits.

    By the pigeonhole principle: of radius + k pieces of such a pair, k at least are equal. So the hashes are sorted by
    each choice of k pieces, and neighbours with equal pieces are compared.

    Args:
        hashes: uint64 (N,).
        radius: 0..7.

    Returns:
        int64 (M, 2): indices i < j, sorted, each pair once.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"radius {radius} is not in 0..{MAX_RADIUS}")
    distinct, group = np.unique(hashes, return_inverse=True)
    if radius % 2 and len(set((np.bitwise_count(distinct) % 2).tolist())) == 1:
        radius -= 1  # hashes of one parity, as a median gives them, differ in an even number of bits
    found = [np.empty((0, 2), np.int64), *_close_pairs(distinct, radius)]
    return _members(np.concatenate(found), group, len(distinct))


def _close_pairs(distinct: np.ndarray, radius: int) -> Iterator[np.ndarray]:
    """Blocks of pairs of indices into distinct hashes, each pair once, in no order."""
    if radius == 0 or len(distinct) < 2:
        return
    equal = _pieces_to_sort_by(radius, len(distinct))
    bounds = [BITS * piece // (radius + equal) for piece in range(radius + equal + 1)]
    masks = [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(bounds)]
    for chosen in combinations(range(radius + equal), equal):
        # Where several choices find a pair, the first has it: no piece before the last chosen one is equal, too.
        others = [masks[piece] for piece in range(chosen[-1]) if piece not in chosen]
        keys = np.zeros(len(distinct), np.uint64)
        for piece in chosen:
            keys = keys << np.uint64(bounds[piece + 1] - bounds[piece])
            keys |= (distinct & masks[piece]) >> np.uint64(bounds[piece])
        for left, right in _with_equal_keys(keys, distinct, radius):
            differ = distinct[left] ^ distinct[right]
            first = np.ones(len(left), bool)
            for mask in others:
                first &= (differ & mask) != 0
            yield np.stack([left[first], right[first]], axis=1)


def _pieces_to_sort_by(radius: int, count: int) -> int:
    """How many equal pieces to ask for: few are few sortings, many are few pairs that agree by chance."""

    def cost(equal: int) -> float:
        by_chance = count * count / 2 / 2 ** (BITS * equal / (radius + equal))
        return math.comb(radius + equal, equal) * (count * _SORTED_AS_LONG_AS_PAIRS + by_chance)

    return min((1, 2, 3), key=cost)


def _with_equal_keys(keys: np.ndarray, hashes: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of indices with equal keys whose hashes differ in at most `radius` bits.

    Args:
        keys: uint64 (N,), small enough to stand before an index of N in 64 bits.
        hashes: uint64 (N,).
        radius: in bits.
    """
    shift = np.uint64(max(1, len(keys) - 1).bit_length())
    ordered = np.sort(keys << shift | np.arange(len(keys), dtype=np.uint64))
    order = (ordered & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.int64)
    ordered >>= shift
    near = hashes[order]
    # Equal keys stand together: what has no equal one `step` places on has none farther on.
    step, at = 1, np.flatnonzero(ordered[1:] == ordered[:-1])
    while len(at):
        close = at[np.bitwise_count(near[at] ^ near[at + step]) <= radius]
        if len(close):
            yield order[close], order[close + step]
        step += 1
        at = at[:np.searchsorted(at, len(keys) - step)]
        at = at[ordered[at + step] == ordered[at]]


def _members(pairs: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Pairs of distinct hashes => pairs of the images that bear them, and all pairs of images with one hash."""
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=groups)
    starts = np.cumsum(counts) - counts
    shared = np.flatnonzero(counts > 1)
    one, other = np.concatenate([np.stack([shared, shared], axis=1), pairs]).T
    sizes = counts[one] * counts[other]
    which = np.repeat(np.arange(len(one)), sizes)
    within = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    left = order[starts[one[which]] + within // counts[other[which]]]
    right = order[starts[other[which]] + within % counts[other[which]]]
    first, last = np.minimum(left, right), np.maximum(left, right)
    ordered = np.unique((first * len(group) + last)[first < last])
    return np.stack(np.divmod(ordered, len(group)), axis=1) if len(ordered) else np.empty((0, 2), np.int64)


def thumbnail_distances(thumbnails: np.ndarray, pairs: np.ndarray, limit: float) -> np.ndarray:
    """Root mean square difference of colour (weighted by alpha) and alpha, over the area that either image covers.

    Args:
        thumbnails: uint8 (K, 32, 32, 4) RGBA; may be memory-mapped.
        pairs: int64 (M, 2), indices into it.
        limit: what is farther apart need not be measured exactly.

    Returns:
        float64 (M,) in 0..255; infinity where a lower bound shows that it is over `limit`.
    """
    distances = np.full(len(pairs), np.inf)
    for start in range(0, len(pairs), _COMPARED_AT_ONCE):
        part = pairs[start:start + _COMPARED_AT_ONCE]
        used, places = np.unique(part, return_inverse=True)
        pictures = _premultiplied(thumbnails[used])
        blocks = pictures.reshape(len(used), 4, 8, 4, 8, 4).mean(axis=(2, 4))
        left, right = places.reshape(-1, 2).T
        # The mean of squares is at least the square of the mean: what differs too much in 4x4 blocks does so in pixels.
        area = _covered(pictures, left, right)
        bound = ((blocks[left] - blocks[right]) ** 2).sum(axis=(1, 2, 3), dtype=np.float64) * 64 / (4 * area)
        near = np.flatnonzero(bound <= limit**2)
        squares = ((pictures[left[near]] - pictures[right[near]]) ** 2).sum(axis=(1, 2, 3), dtype=np.float64)
        distances[start + near] = np.sqrt(squares / (4 * area[near]))
    return distances


def _premultiplied(thumbnails: np.ndarray) -> np.ndarray:
    """float32 (N, 32, 32, 4): hidden colour does not count."""
    pictures = thumbnails.astype(np.float32)
    pictures[..., :3] *= pictures[..., 3:] / 255
    return pictures


def _covered(pictures: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Pixels (weighted by alpha) that either image of each pair covers, at least one."""
    alpha = pictures[..., 3]
    return np.maximum(np.maximum(alpha[left], alpha[right]).sum(axis=(1, 2), dtype=np.float64) / 255, 1.0)


def keep_best(pairs: np.ndarray, rank: np.ndarray) -> dict[int, int]:
    """Which images go, and the copy that is kept for each: every one is a confirmed pair with its kept copy.

    The best image of all is kept, what is paired with it goes, and so on: clusters do not chain (a to b to c, when a
    and c differ).

    Args:
        pairs: int64 (M, 2), confirmed.
        rank: int64 (N,), 0 for the best; a permutation.

    Returns:
        Index that goes -> index that is kept.
    """
    neighbours: dict[int, list[int]] = {}
    for one, other in pairs.tolist():
        neighbours.setdefault(one, []).append(other)
        neighbours.setdefault(other, []).append(one)
    gone: dict[int, int] = {}
    for image in sorted(neighbours, key=lambda index: rank[index]):
        if image in gone:
            continue
        for other in neighbours[image]:
            if other not in gone and rank[other] > rank[image]:
                gone[other] = image
    return gone
