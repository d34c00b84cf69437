"""Copies among the usable images: which one is kept, and what its copies add to what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from genimg_core.imaging.near_duplicates import candidate_pairs, keep_best, thumbnail_distances
from genimg_core.imaging.phash import from_hex

SPLIT_STRENGTH = {"train": 1, "validation": 2, "test": 3}
"""A cluster is as far from training as its farthest member: nothing is trained on that will be judged."""
SAME_SHAPE = 0.1
"""Two images whose proportions differ by more than this (as a logarithm) are no copies of each other."""
LEAST_CONTRAST = 1.0
"""Flatter images all have the same few hashes; they are compared by equal pixels only."""


@dataclass(frozen=True)
class Duplicates:
    """Of each of the N rows."""

    kept: np.ndarray
    """int64 (N,): the row of the kept copy; its own where it has none."""
    exact: np.ndarray
    """bool (N,): a copy with the same pixels as the kept one."""
    distance: np.ndarray
    """float64 (N,): to the kept copy, 0..255; 0 where it is its own or exact."""


def find_duplicates(table: pd.DataFrame, usable: np.ndarray, thumbnails: np.ndarray, *, radius: int,
                    max_rmse: float | None) -> Duplicates:
    """Find copies among the usable rows; the largest is kept, then the sharpest, then the first path.

    Args:
        table: the profile table, (N,) rows, sorted by path, its index 0..N-1.
        usable: bool (N,), the rows to look at.
        thumbnails: uint8 (K, 32, 32, 4), by the table's `row`.
        radius: of the hashes, in bits, up to which pixels are compared.
        max_rmse: of the thumbnails up to which two images are one; None looks for equal pixels only.
    """
    count = len(table)
    kept, distance = np.arange(count), np.zeros(count)
    exact = np.zeros(count, bool)
    rows = np.flatnonzero(usable)
    area = table["width"].to_numpy(np.int64)[rows] * table["height"].to_numpy(np.int64)[rows]
    rows = rows[np.lexsort((-table["sharpness"].to_numpy(float)[rows], -area))]  # stable: the first path stays first
    group, _ = pd.factorize(table["pixels_id"].iloc[rows], use_na_sentinel=False)
    _, first = np.unique(group, return_index=True)
    kept[rows] = rows[first[group]]
    exact[rows] = kept[rows] != rows
    if max_rmse is not None and len(rows):
        # One row per distinct picture, the best first.
        near = _near_copies(table, rows[np.sort(first)], thumbnails, radius, max_rmse)
        for row in rows.tolist():
            if int(kept[row]) in near:
                kept[row], distance[row] = near[int(kept[row])]
                exact[row] = False
    return Duplicates(kept, exact, distance)


def _near_copies(table: pd.DataFrame, pictures: np.ndarray, thumbnails: np.ndarray, radius: int,
                 max_rmse: float) -> dict[int, tuple[int, float]]:
    """Row that goes -> the row that is kept for it, and their difference; `pictures` are rows, the best first."""
    pictures = pictures[table["contrast"].to_numpy(float)[pictures] >= LEAST_CONTRAST]
    pairs = candidate_pairs(from_hex(list(table["phash"].to_numpy(object)[pictures])), radius)
    pairs = pairs[_of_one_shape(table.iloc[pictures], pairs)]
    distances = thumbnail_distances(thumbnails, table["row"].to_numpy(np.int64)[pictures][pairs], max_rmse)
    near = distances <= max_rmse
    gone = keep_best(pairs[near], np.arange(len(pictures)))
    measured = {tuple(pair): value for pair, value in zip(pairs[near].tolist(), distances[near].tolist(), strict=True)}
    return {int(pictures[one]): (int(pictures[other]), measured[other, one]) for one, other in gone.items()}


def _of_one_shape(table: pd.DataFrame, pairs: np.ndarray) -> np.ndarray:
    """Whether the proportions agree, as they must where thumbnails are stretched: bool (M,); pairs index the table."""
    sides = np.sort(table[["width", "height"]].to_numpy(np.float64), axis=1)
    proportion = np.log(sides[:, 1] / np.maximum(sides[:, 0], 1))
    return np.abs(proportion[pairs[:, 0]] - proportion[pairs[:, 1]]) <= SAME_SHAPE


@dataclass(frozen=True)
class Conflict:
    """What the copies of one kept image disagree about."""

    row: int
    labels: tuple[str, ...]
    """Two or more, or none."""
    splits: tuple[str, ...]


def join_knowledge(table: pd.DataFrame, kept: np.ndarray) -> tuple[pd.DataFrame, list[Conflict]]:
    """`label`, `split` and `cluster` of each row, with what its copies know.

    A kept image without a label takes the one that its copies agree on. Its split is the one farthest from training
    among its copies'. The cluster is the smallest image_id of the copies.

    Args:
        table: image_id, label and split, (N,) rows, its index 0..N-1.
        kept: int64 (N,), the row of each row's kept copy.

    Returns:
        The three columns, and the disagreements.
    """
    known = table[["label", "split"]].astype(object).copy()
    known["cluster"] = table["image_id"].astype(object)
    conflicts: list[Conflict] = []
    copied = np.flatnonzero(np.bincount(kept, minlength=len(table)) > 1)
    members: dict[int, list[int]] = {int(root): [] for root in copied}
    for row, root in enumerate(kept.tolist()):
        if root in members:
            members[root].append(row)
    for root, rows in members.items():
        labels = tuple(sorted(set(table["label"].iloc[rows].dropna())))
        splits = tuple(sorted(set(table["split"].iloc[rows].dropna())))
        known.loc[rows, "cluster"] = min(table["image_id"].iloc[rows])
        if splits:
            known.loc[root, "split"] = max(splits, key=SPLIT_STRENGTH.__getitem__)
        if len(labels) == 1:
            known.loc[root, "label"] = labels[0]
        if len(labels) > 1 or len(splits) > 1:
            conflicts.append(Conflict(root, labels if len(labels) > 1 else (), splits if len(splits) > 1 else ()))
    return known, conflicts
