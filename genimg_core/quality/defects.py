"""What makes an image unusable: one predicate per rule over the profile table, and the order in which they speak.

To add a rule: its limit in `DefectLimits`, its predicate, its line in RULES, a test with a planted defect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from genimg_core.params import Section

if TYPE_CHECKING:
    import pandas as pd


class DefectLimits(Section):
    """How bad an image may be."""

    min_side_px: Annotated[int, Field(ge=1)] = 8
    """The shorter side, as stored."""
    max_aspect: Annotated[float, Field(ge=1)] = 8.0
    """Longer side over shorter side."""
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 2.0
    """Standard deviation (0..128) below which an image is flat: in colour and in transparency at once."""
    min_luminance: Annotated[float, Field(ge=0, le=255)] = 0.0
    """Mean brightness (0..255) below which an image is too dark; 0 turns the rule off."""
    max_luminance: Annotated[float, Field(ge=0, le=255)] = 255.0
    """Mean brightness (0..255) above which an image is too bright; 255 turns the rule off."""
    allow_animated: bool = True
    """Whether an animation's first frame is used; otherwise animations are rejected."""


def unreadable(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """No pixels came of it; `why` names the reason that collect or the decoder gave."""
    return table["row"] < 0


def bit_rotten(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """The file's pixel data is damaged, though the decoder made a picture of it: streaks, grey areas, false colours."""
    return table["damage"].notna()


def too_small(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """The shorter side has fewer than `min_side_px` pixels."""
    return table[["width", "height"]].min(axis=1) < limits.min_side_px


def odd_shape(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """A strip: the sides' ratio is over `max_aspect`."""
    sides = table[["width", "height"]]
    return sides.max(axis=1) > limits.max_aspect * sides.min(axis=1).clip(lower=1)


def flat(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """Next to nothing to see, in any colour channel and in transparency."""
    return table["contrast"] < limits.min_contrast


def too_dark(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """Mean brightness under `min_luminance`."""
    return table["luminance"] < limits.min_luminance


def too_bright(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """Mean brightness over `max_luminance`."""
    return table["luminance"] > limits.max_luminance


def animated(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """More than one frame, where that is not allowed."""
    return (table["frames"] > 1) & (not limits.allow_animated)


Rule = Callable[["pd.DataFrame", DefectLimits], "pd.Series"]

RULES: dict[str, Rule] = {rule.__name__: rule for rule in (
    unreadable, bit_rotten, too_small, odd_shape, flat, too_dark, too_bright, animated)}
"""Reason -> predicate, in the order in which they are asked: the first that rejects an image names the reason."""


def first_failing_rule(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """The reason to reject each image.

    Args:
        table: the profile table, (N,) rows.
        limits: what is still good.

    Returns:
        (N,) of object: the name of the first rule that rejects the row (for `unreadable` the reason in the table, such
        as `truncated`), None where all accept it.
    """
    import pandas as pd

    reason = pd.Series([None] * len(table), index=table.index, dtype=object)
    for name, rule in RULES.items():
        hit = rule(table, limits) & reason.isna()
        reason[hit] = name
    given = (reason == "unreadable") & table["reason"].notna()
    reason[given] = table.loc[given, "reason"].astype(object)
    return reason
