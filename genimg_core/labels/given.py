"""The labels that came with the images: which of them a labeller learns from, and which it is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from genimg_core.seeds import generator

if TYPE_CHECKING:
    import pandas as pd


class LabelledPart(NamedTuple):
    """Kept rows with a given label, shared out; positions in the table, int64, ascending."""

    train: np.ndarray
    held_out: np.ndarray


def labelled_part(table: pd.DataFrame, held_out_share: float, seed: int) -> LabelledPart:
    """Share the labelled rows out between teaching the labeller and testing it.

    Rows that the source assigns to its test split teach nothing: a label predicted for a training image should not rest
    on an image held out of training. Only where the other rows show fewer than two classes and these show more are they
    used. Within each class a seeded `held_out_share` is held out, never all of it; a class of one image only teaches,
    and so does an image whose near-copy teaches: else the labeller would be tested on what it has seen.

    Args:
        table: the clean table.
        held_out_share: in [0, 0.5].
        seed: of the run.
    """
    labelled = ((table["status"] == "kept") & table["label"].notna()).to_numpy()
    labels = table["label"].to_numpy(dtype=object)
    usable = labelled & (table["split"] != "test").to_numpy()
    if len(set(labels[usable])) < 2 <= len(set(labels[labelled])):
        usable = labelled.copy()
    order = generator(seed, "label/held_out").permutation(np.flatnonzero(usable))
    drawn: list[int] = []
    for name in sorted(set(labels[usable])):
        own = order[labels[order] == name]
        drawn += own[:min(len(own) - 1, round(len(own) * held_out_share))].tolist()
    held_out = np.array(sorted(drawn), np.int64)
    clusters = table["cluster"].to_numpy(dtype=object).astype(str)
    teaching = usable.copy()
    teaching[held_out] = False
    held_out = held_out[~np.isin(clusters[held_out], clusters[teaching])]
    usable[held_out] = False
    return LabelledPart(np.flatnonzero(usable), held_out)
