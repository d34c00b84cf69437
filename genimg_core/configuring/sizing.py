"""The form of an image and the split of a data set, from what was found. Pure functions; each says why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from genimg_core.configuring.survey import Survey

SMALL, LARGE = 32, 64
SMALLEST = 8
LARGE_SEEN_IMAGES = 1_000_000
"""64 px want about this many images seen; a machine that cannot show them in time had better stay at 32 px."""
GREY_SHARE = 0.995
PHOTO_SHARE = 0.8
MOST_CROPPED = 2.0
"""Median aspect up to which cropping the centre keeps most of a photograph."""
VANISHING = 0.01
ENOUGH_TEST = 50
"""Held-out images below which scores say little (EvaluateParams.min_real_images)."""
FEWEST_USABLE = 10


class Choice(NamedTuple):
    """A setting and its reason."""

    key: str  # dotted, as in params.yaml
    value: Any
    reason: str


def is_photographic(survey: Survey) -> bool:
    """Colour JPEGs without transparency."""
    return survey.jpeg_share >= PHOTO_SHARE and survey.grey_share < 0.5 and survey.alpha_share == 0


def choose_fit(surveys: Sequence[Survey]) -> Choice:
    """`crop` for photographs, whose padding a model would learn; else `pad`, which loses nothing."""
    if all(is_photographic(s) and s.aspect.median <= MOST_CROPPED for s in surveys):
        return Choice("image.fit", "crop", "photographs: padding would teach the model bars, the centre is cropped")
    if all(s.aspect.most < 1.02 for s in surveys):
        return Choice("image.fit", "pad", "all images are square: nothing to pad")
    return Choice("image.fit", "pad", "the whole image is kept, padded to a square")


def choose_channels(surveys: Sequence[Survey]) -> Choice:
    """1 where every image is grey."""
    grey = min(s.grey_share for s in surveys)
    if grey >= GREY_SHARE:
        return Choice("image.channels", 1, "all images are grey")
    return Choice("image.channels", 3, "in colour" if grey < 0.05 else f"{1 - grey:.0%} of the images are in colour")


def choose_background(surveys: Sequence[Survey]) -> Choice:
    """White, unless drawings vanish on it."""
    vanishing, alpha = max(s.vanishing_share for s in surveys), max(s.alpha_share for s in surveys)
    if alpha and vanishing > VANISHING:
        return Choice("image.background", "#808080",
                      f"{vanishing:.0%} of the images would be invisible on white; grey shows light and dark ones")
    return Choice("image.background", "#ffffff", f"under the transparency of {alpha:.0%} of the images" if alpha
                  else "nothing is transparent; it only shows where images are padded")


def choose_flip(survey: Survey) -> tuple[bool, str]:
    """Mirroring doubles photographs; it makes nonsense of letters, digits and signs, which nobody here can tell."""
    sided = sorted(label for label in survey.classes if {"left", "right"} & set(label.lower().replace("-", "_")
                                                                                 .replace(" ", "_").split("_")))
    if is_photographic(survey) and not sided:
        return True, "colour photographs have no left and right"
    if sided:
        return False, f"the class '{sided[0]}' tells left from right"
    return False, "not photographs: letters and signs must not be mirrored; set `flip: true` if yours may be"


def side_px(surveys: Sequence[Survey], fit: str) -> int:
    """The median side that counts, of the data set with the smaller images."""
    return int(min((s.short_side_px if fit == "crop" else s.long_side_px).median for s in surveys))


def small_size(median_px: int) -> Choice:
    """At most 32 px; smaller images as they are, rounded down to a multiple of 4."""
    if median_px >= SMALL:
        return Choice("image.size", SMALL, f"images have {median_px} px (median); 32 px train in minutes")
    size = max(SMALLEST, median_px // 4 * 4)
    return Choice("image.size", size, f"images have {median_px} px (median): no more than there is")


def choose_test_share(usable: int, given: bool) -> Choice:
    """A tenth, or more where a tenth is too few to be judged by; at most three tenths.

    Args:
        usable: images that the rules keep.
        given: whether the source brings its own splits.
    """
    key = "normalize.test_share"
    if given:
        return Choice(key, 0.1, "only for images that the source assigns to no split")
    wanted = max(0.1, (ENOUGH_TEST + 2 * math.sqrt(ENOUGH_TEST)) / usable)
    share = min(0.3, math.ceil(wanted * 20) / 20)
    if share == 0.1:
        return Choice(key, share, f"about {round(usable * share):,} images held out, to be judged by")
    told = f"about {round(usable * share):,} held out: fewer could not judge a model"
    return Choice(key, share, told if usable * share >= ENOUGH_TEST else f"{told}, and even these say little")


def least_held_out(usable: int, share: float) -> int:
    """Held-out images that there will be with 98 % probability: a draw decides for each (binomial, two deviations)."""
    expected = usable * share
    return max(0, math.floor(expected - 2 * math.sqrt(expected * (1 - share))))


def choose_network(gpu: bool, size: int) -> tuple[dict[str, Any], str]:
    """The flow's settings, with the reason: the network with attention only where a GPU has pixels enough for it."""
    if gpu and size >= LARGE:
        return {"network": "attention", "width": 64, "blocks": 2}, f"a GPU, and {size} px"
    return {}, f"`attention` is for {LARGE} px and more" if gpu else "`attention` is for a GPU"


def below(value: float) -> int:
    """`value` rounded down to two digits: 178,345 gives 170,000."""
    if value < 10:
        return max(1, int(value))
    unit = 10 ** (int(math.log10(value)) - 1)
    return int(value // unit * unit)
