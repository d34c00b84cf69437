"""What becomes of labels that are likely wrong: a table of them, and the clean table without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import TrainingError
from genimg_core.labels.settings import Action
from genimg_core.store.manifest import write_table

if TYPE_CHECKING:
    import pandas as pd

    from genimg_core.labels.check import Doubts, LabelCheck

MOST_CHANGED = 0.5
"""Where a larger part of the labels is doubtful none is changed: the classifiers are the likelier fault."""


def write_doubtful(table: pd.DataFrame, doubts: Doubts, path: Path) -> None:
    """Write doubtful.parquet, in the order of the doubts (see manifest.DOUBTFUL_COLUMNS).

    Args:
        table: the clean table that the doubts' places are of.
        doubts: may be none.
        path: the file.
    """
    write_table(table.iloc[doubts.places][["image_id", "path"]].assign(
        given=doubts.given, suggested=doubts.suggested, confidence=doubts.confidence,
        given_confidence=doubts.given_confidence), path)


def without_doubtful(table: pd.DataFrame, check: LabelCheck, action: Action, min_confidence: float,
                     name: str) -> tuple[pd.DataFrame, Doubts | None]:
    """The table with its doubtful labels taken away, or replaced by the suggested ones.

    Args:
        table: the clean table.
        check: what was found in it.
        action: `unlabel`, or `relabel`, which takes away those whose suggestion is below `min_confidence`.
        min_confidence: of a suggested label.
        name: of the data set, for errors.

    Returns:
        The table, and the doubts whose suggestions it now holds.

    Raises:
        TrainingError: more than half of the judged labels are doubtful.
    """
    doubts = check.doubts
    if len(doubts.places) > MOST_CHANGED * check.judged:
        raise TrainingError(
            f"{len(doubts.places):,} of the {check.judged:,} labels of data set '{name}' are doubtful: too many to "
            f"{action} by a classifier",
            f"set datasets.{name}.label.label_errors: report and look at them, or raise check_seen_images")
    words = table["label"].to_numpy(dtype=object).copy()
    words[doubts.places] = None
    if action == "unlabel":
        return table.assign(label=words), None
    chosen = doubts.where(doubts.confidence >= min_confidence)
    words[chosen.places] = chosen.suggested
    return table.assign(label=words), chosen
