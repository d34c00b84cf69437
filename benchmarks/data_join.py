"""The near-duplicate join: processor seconds for a million hashes, and whether it finds what comparing all pairs does.

    python -m benchmarks.data_join [--hashes 1000000] [--exact 20000] [--seed N] [--name data_join]

Two sets: uniform (nothing is alike but by chance) and clustered: the clusters in which the hashes of Noto's emoji lie
(GENIMG_REAL_DATA; of the sets at hand the one with the most near-duplicates), each with its own differences, set down
at random places again and again. A place is drawn bit by bit with the real hashes' share of ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from benchmarks.command import claim, print_table
from benchmarks.machine import write_results
from benchmarks.workshop import real_data
from genimg_core.errors import GenimgError
from genimg_core.imaging.near_duplicates import MAX_RADIUS, candidate_pairs

MOST_SECONDS = 5.0
RADIUS = 5
"""The default of `clean.phash_radius`."""


def uniform(count: int, seed: int) -> np.ndarray:
    """Random hashes, uint64 (count,)."""
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


def clustered(real: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Hashes that lie together as `real` ones do.

    Args:
        real: uint64 (N,).
        count: how many to make.
        seed: of the draws.

    Returns:
        uint64 (count,), in no order.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    draws = np.random.default_rng(seed)
    left, right = candidate_pairs(real, RADIUS).T
    links = coo_array((np.ones(len(left), bool), (left, right)), shape=(len(real), len(real)))
    _, cluster = connected_components(links, directed=False)
    order, sizes = np.argsort(cluster, kind="stable"), np.bincount(cluster)
    starts = np.cumsum(sizes) - sizes
    taken = draws.integers(0, len(sizes), count)
    taken = taken[:np.searchsorted(np.cumsum(sizes[taken]), count) + 1]
    within = np.arange(sizes[taken].sum()) - np.repeat(np.cumsum(sizes[taken]) - sizes[taken], sizes[taken])
    members = real[order[np.repeat(starts[taken], sizes[taken]) + within]]
    ones = np.unpackbits(real[:, None].view(np.uint8), axis=1).mean(axis=0)
    places = np.packbits(draws.random((len(taken), 64)) < ones, axis=1).view(np.uint64)[:, 0]
    moved = members ^ np.repeat(real[order[starts[taken]]] ^ places, sizes[taken])
    return draws.permutation(moved[:count])


def real_hashes() -> np.ndarray:
    """Of Noto's emoji, as the profile stage computes them: uint64 (3583,).

    Raises:
        SetupError: the real images are not there.
    """
    from genimg_core.imaging.decode import DecodeLimits
    from genimg_core.imaging.fit import ImageForm
    from genimg_core.imaging.phash import from_hex
    from genimg_core.imaging.profile import profile_image

    form = ImageForm(32, 3, "pad", "#ffffff")
    files = sorted((real_data() / "pretrain-noto128" / "images").iterdir())
    return from_hex([profile_image(path.read_bytes(), form, DecodeLimits()).figures["phash"] for path in files])


def brute_force(hashes: np.ndarray, radius: int) -> np.ndarray:
    """Every pair within the radius by comparing all: int64 (M, 2), sorted."""
    found = [np.empty((0, 2), np.int64)]
    for place, one in enumerate(hashes):
        near = np.flatnonzero(np.bitwise_count(hashes[place + 1:] ^ one) <= radius)
        found.append(np.stack([np.full(len(near), place), near + place + 1], axis=1))
    return np.concatenate(found)


def wrong_pairs(hashes: np.ndarray) -> tuple[int, int]:
    """Pairs that the join misses or invents, over all radii, and how many pairs there are."""
    every = brute_force(hashes, MAX_RADIUS)
    differ = np.bitwise_count(hashes[every[:, 0]] ^ hashes[every[:, 1]])
    wrong = total = 0
    for radius in range(MAX_RADIUS + 1):
        expected = {tuple(pair) for pair in every[differ <= radius].tolist()}
        joined = [tuple(pair) for pair in candidate_pairs(hashes, radius).tolist()]
        wrong += len(expected ^ set(joined)) + len(joined) - len(set(joined))
        total += len(expected)
    return wrong, total


def measured(count: int, exact: int, seed: int) -> list[dict[str, Any]]:
    """Rows for the results file."""
    real = real_hashes()
    made = {"uniform": uniform, "clustered": lambda number, by: clustered(real, number, by)}
    rows = []
    for kind, make in made.items():
        hashes = make(count, seed)
        started, began = time.perf_counter(), time.process_time()
        pairs = candidate_pairs(hashes, RADIUS)
        spent, passed = time.process_time() - began, time.perf_counter() - started
        rows.append(claim(
            f"joining {count:,} {kind} hashes at radius {RADIUS}", spent, MOST_SECONDS, "lower", "s",
            f"processor seconds of one core ({passed:.1f} s by the clock); {len(pairs):,} pairs, "
            f"{len(np.unique(pairs)) / count:.1%} of the hashes in one", digits=2))
    for kind, make in made.items():
        wrong, total = wrong_pairs(make(exact, seed + 1))
        rows.append(claim(
            f"{exact:,} {kind} hashes: pairs missed or invented at any radius", wrong, 0, "lower", "pairs",
            f"comparing all pairs: {total:,} within radius 0 to {MAX_RADIUS}, summed over the radii", digits=0))
    return [{key: value for key, value in row.items() if key != "cells"} for row in rows]


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_join", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--exact", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="data_join")
    given = parser.parse_args(argv)
    try:
        rows = measured(given.hashes, given.exact, given.seed)
    except GenimgError as error:
        print(f"data_join: {error}", file=sys.stderr)
        return error.exit_code
    print_table(given.name, rows)
    write_results(given.name, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
