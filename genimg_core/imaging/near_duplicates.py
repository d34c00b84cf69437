"""Near-duplicates: perceptual hashes find the candidates, pixels confirm them.

A hash alone rejects good images (skin tones, letters of similar type faces share hashes), so it only decides which
pairs are worth comparing. The join is exact: it finds every pair within the radius.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PIECES = 4
PIECE_BITS = 16
MAX_RADIUS = 2 * PIECES - 1
_BLOCK_PAIRS = 2**22
_COMPARED_AT_ONCE = 8192


def candidate_pairs(hashes: np.ndarray, radius: int) -> np.ndarray:
    """Every pair of hashes that differ in at most `radius` bits.

    By the pigeonhole principle one of the four 16-bit pieces of such a pair differs in at most radius // 4 bits: the
    pairs are found by joining equal pieces (and, from radius 4, pieces with one bit flipped).

    Args:
        hashes: uint64 (N,).
        radius: 0..7.

    Returns:
        int64 (M, 2): indices i < j, sorted, each pair once.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"radius {radius} is not in 0..{MAX_RADIUS}")
    distinct, group = np.unique(hashes, return_inverse=True)
    found = [np.empty((0, 2), np.int64)]
    for piece in range(PIECES):
        keys = (distinct >> np.uint64(PIECE_BITS * piece)).astype(np.uint16)
        flips = [0] if radius < PIECES else [0, *(1 << bit for bit in range(PIECE_BITS))]
        for flip in flips:
            for left, right in _joined(keys, keys ^ np.uint16(flip)):
                close = (left < right) & (np.bitwise_count(distinct[left] ^ distinct[right]) <= radius)
                found.append(np.stack([left[close], right[close]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return _members(pairs, group, len(distinct))


def _joined(left_keys: np.ndarray, right_keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of all (left, right) index pairs with equal keys."""
    order = np.argsort(right_keys, kind="stable")
    ordered = right_keys[order]
    first, last = np.searchsorted(ordered, left_keys, "left"), np.searchsorted(ordered, left_keys, "right")
    counts = last - first
    ends = np.cumsum(counts)
    start = 0
    while start < len(left_keys):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK_PAIRS, "right")))
        left = np.repeat(np.arange(start, stop), counts[start:stop])
        within = np.arange(len(left)) - np.repeat(ends[start:stop] - counts[start:stop] - done, counts[start:stop])
        yield left, order[first[left] + within]
        start = stop


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
    found = np.sort(np.stack([left, right], axis=1), axis=1)
    return np.unique(found[found[:, 0] < found[:, 1]], axis=0)


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
