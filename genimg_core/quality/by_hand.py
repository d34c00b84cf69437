"""What people decided about images, over what the rules and the search for copies say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.decisions.files import FORGOTTEN, Verdict

if TYPE_CHECKING:
    import pandas as pd

REJECTED = "rejected_by_hand"
KEPT = "kept by hand"


@dataclass(frozen=True)
class ByHand:
    """Of each of the N rows."""

    kept: np.ndarray
    """bool (N,): kept whatever the rules say; all of them have pixels."""
    rejected: np.ndarray
    """bool (N,): rejected whatever the rules say."""
    detail: np.ndarray
    """object (N,): one line for the table; None where nobody decided."""

    @property
    def any(self) -> bool:
        """Whether anybody decided anything."""
        return bool(self.kept.any() or self.rejected.any())


def by_hand(table: pd.DataFrame, verdicts: Mapping[str, Verdict]) -> ByHand:
    """Bring the verdicts to the rows.

    A rejection also holds for files with exactly the same pixels, which nobody could tell apart, unless they have a
    verdict of their own: else such a copy would take the rejected image's place. A near-copy is another picture.
    A forgotten row stays forgotten, and what has no pixels cannot be kept.

    Args:
        table: the profile table, (N,) rows, its index 0..N-1.
        verdicts: image_id => verdict.
    """
    count = len(table)
    kept, rejected, detail = np.zeros(count, bool), np.zeros(count, bool), np.full(count, None, object)
    if not verdicts:
        return ByHand(kept, rejected, detail)
    image_ids = table["image_id"].to_numpy(object)
    pixels_ids = table["pixels_id"].to_numpy(object)
    readable = (table["row"] >= 0).to_numpy()
    forgotten = (table["reason"] == FORGOTTEN).to_numpy()
    own = [verdicts.get(image_id) if isinstance(image_id, str) else None for image_id in image_ids]
    twins: dict[str, int] = {}
    for row, verdict in enumerate(own):
        if verdict is None or forgotten[row]:
            continue
        if verdict.decision == "keep":
            kept[row] = readable[row]
            detail[row] = KEPT + (f": {verdict.why}" if verdict.why else "") if readable[row] else None
        else:
            rejected[row], detail[row] = True, verdict.why or None
            if readable[row]:
                twins.setdefault(pixels_ids[row], row)
    paths = table["path"].to_numpy(object)
    for row in np.flatnonzero(readable) if twins else ():
        if own[row] is None and (first := twins.get(pixels_ids[row])) is not None:
            rejected[row] = True
            detail[row] = f"the same pixels as {paths[first]}" + (f": {own[first].why}" if own[first].why else "")
    return ByHand(kept, rejected, detail)


def overrule(cleaned: pd.DataFrame, hand: ByHand, roots: np.ndarray) -> pd.DataFrame:
    """The clean table with the verdicts in force.

    A copy that is kept by hand keeps its cluster, and takes the split of the copy that the rules kept: two copies never
    lie on both sides of a split. It keeps a label of its own.

    Args:
        cleaned: clean.parquet's rows by the rules alone, (N,), its index 0..N-1.
        hand: the verdicts.
        roots: int64 (N,), the row of each row's kept copy.
    """
    if not hand.any:
        return cleaned
    cleaned = cleaned.astype({name: object for name in ("status", "reason", "detail", "duplicate_of", "split", "label",
                                                        "cluster")})
    for row in np.flatnonzero(hand.rejected):
        cleaned.loc[row, ["status", "reason", "detail"]] = ["rejected", REJECTED, hand.detail[row]]
    for row in np.flatnonzero(hand.kept):
        reason, root = cleaned.loc[row, "reason"], roots[row]
        told = hand.detail[row]
        if isinstance(reason, str):
            original = cleaned.loc[row, "duplicate_of"]
            told += f" (by the rules: {reason}{f' of {original}' if isinstance(original, str) else ''})"
        elif isinstance(cleaned.loc[row, "detail"], str):  # what its copies disagree about
            told += f"; {cleaned.loc[row, 'detail']}"
        label = cleaned.loc[row, "label"]
        cleaned.loc[row, ["status", "reason", "detail", "duplicate_of", "split", "label", "cluster"]] = [
            "kept", None, told, None, cleaned.loc[root, "split"],
            label if isinstance(label, str) else cleaned.loc[root, "label"], cleaned.loc[root, "cluster"]]
    return cleaned
