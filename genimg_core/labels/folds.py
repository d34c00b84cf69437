"""Images dealt out to folds, so that each can be judged by a classifier that has not seen it, nor a copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genimg_core.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

LEAST_IMAGES = 5
"""A class with fewer images to learn from is not judged."""


def deal(table: pd.DataFrame, teaching: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deal the labelled images out to folds, class by class and near-copies together.

    Args:
        table: the clean table: label, status, cluster.
        teaching: bool (N,), the labelled rows that classifiers may learn from; the other labelled ones are only judged.
        count: how many folds.
        seed: of the run.

    Returns:
        int64 (N,): the fold, -1 for rows that are rejected, without a label, or of a class with fewer than LEAST_IMAGES
        images to learn from, or with none outside of one fold.
    """
    labels, clusters = table["label"].to_numpy(dtype=object), table["cluster"].to_numpy(dtype=object)
    rows = np.flatnonzero(((table["status"] == "kept") & table["label"].notna()).to_numpy())
    order = generator(seed, "label/folds").permutation(rows)
    order = order[np.argsort(~teaching[order], kind="stable")]  # so that every fold gets some to learn from
    fold_of: dict[str, int] = {}
    dealt: dict[str, int] = {}
    for row in order:
        if clusters[row] not in fold_of:
            turn = dealt.get(labels[row], 0)
            dealt[labels[row]] = turn + 1
            fold_of[clusters[row]] = turn % count
    folds = np.full(len(table), -1, np.int64)
    folds[rows] = [fold_of[clusters[row]] for row in rows]
    names, codes = np.unique(labels[rows].astype(str), return_inverse=True)
    learnt = np.zeros((len(names), count), np.int64)
    np.add.at(learnt, (codes[teaching[rows]], folds[rows][teaching[rows]]), 1)
    judged = (learnt.sum(axis=1) >= LEAST_IMAGES) & ((learnt > 0).sum(axis=1) >= 2)
    folds[rows[~judged[codes]]] = -1
    return folds
