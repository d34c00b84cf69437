"""What makes an image unusable or odd: rules over the profile table, as data, and the order in which they speak.

To add a rule: its limit in `DefectLimits`, its predicate, its line in RULES, a test with a planted defect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from genimg_core.params import Section

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["reject", "warn", "off"]
"""`warn` keeps the image and names the rule in the table's `warnings`."""
RuleName = Literal["bit_rotten", "too_small", "odd_shape", "flat", "too_dark", "too_bright", "dark", "bright",
                   "blurred", "animated", "wrong_extension"]
"""Those whose severity is a matter of choice. What has no pixels cannot be kept."""

EXTENSIONS: dict[str, tuple[str, ...]] = {
    "avif": ("avif", "avifs"), "bmp": ("bmp", "dib"), "dds": ("dds",), "gif": ("gif",), "icns": ("icns",),
    "ico": ("ico",), "jpeg": ("jpg", "jpeg", "jpe", "jfif", "mpo"), "jpeg2000": ("jp2", "j2k", "j2c", "jpc", "jpx"),
    "pcx": ("pcx",), "png": ("png", "apng"), "ppm": ("ppm", "pgm", "pbm", "pnm", "pfm"), "psd": ("psd",),
    "qoi": ("qoi",), "sgi": ("sgi", "rgb", "rgba", "bw"), "tga": ("tga", "icb", "vda", "vst"), "tiff": ("tif", "tiff"),
    "webp": ("webp",), "xbm": ("xbm",), "xpm": ("xpm",)}
"""Format -> the extensions that name it."""
_NAMED_BY = {extension: kind for kind, extensions in EXTENSIONS.items() for extension in extensions}
_SAME_AS = {"mpo": "jpeg", "dib": "bmp", "cur": "ico"}
"""Formats that go by another one's extension."""


class DefectLimits(Section):
    """How bad an image may be."""

    NEUTRAL: ClassVar[frozenset[str]] = frozenset({"dark_luminance", "bright_luminance"})

    min_side_px: Annotated[int, Field(ge=1)] = 8
    """The shorter side, as stored."""
    max_aspect: Annotated[float, Field(ge=1)] = 8.0
    """Longer side over shorter side."""
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 2.0
    """Standard deviation (0..128) below which an image is flat: in colour and in transparency at once."""
    min_luminance: Annotated[float, Field(ge=0, le=255)] = 0.0
    """Mean brightness (0..255) below which an image is too dark to be kept; 0 turns the rule off."""
    max_luminance: Annotated[float, Field(ge=0, le=255)] = 255.0
    """Mean brightness (0..255) above which an image is too bright to be kept; 255 turns the rule off."""
    dark_luminance: Annotated[float, Field(ge=0, le=255)] = 8.0
    """Mean brightness below which an image is noted as dark: nearly black."""
    bright_luminance: Annotated[float, Field(ge=0, le=255)] = 247.0
    """Mean brightness above which an image is noted as bright: nearly white. 0.8 % of 6,000 thin letters on white are,
    none of 3,583 emoji and of 618 photos."""
    min_sharpness: Annotated[float, Field(ge=0)] = 25.0
    """Variance of the Laplacian below which an image is blurred. Of 309 photos none is below 72; of 120 that were
    blurred by a hundredth of their width, 97 % are below 25; of flat drawings (emoji), 1 %."""
    allow_animated: bool = True
    """Whether an animation's first frame is used; otherwise animations are rejected."""
    severity: dict[RuleName, Severity] = {}
    """Rule -> `reject`, `warn` or `off`, where it is not the rule's own (RULES): `severity: {blurred: reject}`."""


Predicate = Callable[["pd.DataFrame", DefectLimits], "pd.Series"]


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


def dark(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """Mean brightness under `dark_luminance`."""
    return table["luminance"] < limits.dark_luminance


def bright(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """Mean brightness over `bright_luminance`."""
    return table["luminance"] > limits.bright_luminance


def blurred(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """No edge in it: `sharpness` is under `min_sharpness`."""
    return table["sharpness"] < limits.min_sharpness


def animated(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """More than one frame, where that is not allowed."""
    return (table["frames"] > 1) & (not limits.allow_animated)


def wrong_extension(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """The name says another image format than the bytes do; a name that says none is not wrong."""
    told = table["extension"].map(_NAMED_BY)
    held = table["format"].replace(_SAME_AS)
    return told.notna() & held.isin(list(EXTENSIONS)) & (told != held)


@dataclass(frozen=True)
class Rule:
    """One rule."""

    name: str
    """The reason or the warning that it gives."""
    hits: Predicate
    """(profile table, limits) => bool (N,)."""
    limit: str | None
    """The field of DefectLimits that it is held to."""
    severity: Severity = "reject"
    """Its own, where params give it none."""


RULES: tuple[Rule, ...] = (
    Rule("unreadable", unreadable, None),
    Rule("bit_rotten", bit_rotten, None),
    Rule("too_small", too_small, "min_side_px"),
    Rule("odd_shape", odd_shape, "max_aspect"),
    Rule("flat", flat, "min_contrast"),
    Rule("too_dark", too_dark, "min_luminance"),
    Rule("too_bright", too_bright, "max_luminance"),
    Rule("dark", dark, "dark_luminance", "warn"),
    Rule("bright", bright, "bright_luminance", "warn"),
    Rule("blurred", blurred, "min_sharpness", "warn"),
    Rule("animated", animated, "allow_animated"),
    Rule("wrong_extension", wrong_extension, None, "warn"),
)
"""In the order in which they are asked: the first that rejects an image names the reason. `unreadable` stands for the
decoder's own: empty, truncated, too_many_pixels and so on (imaging/decode.py), whose limits are the profile stage's."""


def rules_of(severity: Severity, limits: DefectLimits) -> list[Rule]:
    """The rules that have this severity."""
    return [rule for rule in RULES if limits.severity.get(rule.name, rule.severity) == severity]


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
    for rule in rules_of("reject", limits):
        reason[rule.hits(table, limits) & reason.isna()] = rule.name
    given = (reason == "unreadable") & table["reason"].notna()
    reason[given] = table.loc[given, "reason"].astype(object)
    return reason


def warnings_of(table: pd.DataFrame, limits: DefectLimits) -> pd.Series:
    """What is odd about each image that has pixels.

    Returns:
        (N,) of object: the names of the rules that only warn, separated by commas; None where there is nothing odd.
    """
    import pandas as pd

    told = pd.Series([""] * len(table), index=table.index, dtype=object)
    for rule in rules_of("warn", limits):
        hit = rule.hits(table, limits) & (table["row"] >= 0)
        told[hit] = told[hit].map(lambda before, name=rule.name: f"{before},{name}".lstrip(","))
    return told.where(told != "", None)
