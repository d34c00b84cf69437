"""Labels that people decided on: they win over what came with the image and over the machine, for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.decisions.files import DecidedLabel

if TYPE_CHECKING:
    import pandas as pd

DECIDED = "decided"
"""What `label_source` says of them."""


def with_decided_labels(table: pd.DataFrame, labels: Mapping[str, DecidedLabel]) -> tuple[pd.DataFrame, np.ndarray]:
    """The clean table with the decided labels on its kept rows.

    An image that nobody labelled takes the label decided for a copy of it that was rejected for its sake, if such
    decisions agree: it is the same picture.

    Args:
        table: clean.parquet, (N,) rows, its index 0..N-1.
        labels: image_id => label.

    Returns:
        The table, and bool (N,): where the label was decided.
    """
    decided = np.zeros(len(table), bool)
    if not labels:
        return table, decided
    kept = (table["status"] == "kept").to_numpy()
    own = [labels.get(image_id) if isinstance(image_id, str) else None for image_id in table["image_id"]]
    of_copies: dict[str, set[str]] = {}
    for entry, original in zip(own, table["duplicate_of"], strict=True):
        if entry is not None and isinstance(original, str):
            of_copies.setdefault(original, set()).add(entry.label)
    result = table["label"].to_numpy(object).copy()
    for row, path in enumerate(table["path"]):
        if not kept[row]:
            continue
        if own[row] is not None:
            result[row], decided[row] = own[row].label, True
        elif len(copies := of_copies.get(path, ())) == 1:
            result[row], decided[row] = next(iter(copies)), True
    return table.assign(label=result), decided
