"""What is measured of one image's pixels, and the small picture by which copies are found.

All of it is of the decoded image (imaging/decode.py: upright, and of a large file already brought down to a few times
the training size). Counts and sums are of whole numbers, and so exact: equal pixels give equal figures.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from PIL import Image

from genimg_core.imaging.fit import Grounds
from genimg_core.imaging.phash import SIDE as PHASH_SIDE
from genimg_core.imaging.phash import phash, to_hex

THUMBNAIL_SIDE = PHASH_SIDE
BLACK = "#000000"
MID_GREY = 128
"""Under transparency where a hash or a sharpness needs a ground: white and black drawings stand out from it."""
THUMBNAIL_GAP = 2
"""A box filter first brings the image down to this many times a thumbnail."""
LUMA = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601), as Pillow's mode L has it."""

_POWERS = np.stack([np.ones(256, np.int64), np.arange(256), np.arange(256) ** 2], axis=1)


def measure(image: Image.Image, stored_sides: tuple[int, int], grounds: Grounds, thumbnail: Image.Image) -> \
        dict[str, Any]:
    """Figures of the pixels.

    `contrast` is the greatest standard deviation (0..127.5) of a colour channel over black, or of the transparency: 0
    only for what is flat in both at once. `luminance` is the mean of the visible pixels, 0..255. `entropy`
    is Shannon's, of the grey levels, 0..8 bits. `sharpness` is the variance of the Laplacian (Pech-Pacheco et al. 2000)
    of the decoded, reduced image. `phash` is that of the thumbnail. `pixels_id` is equal for equal pixels, whatever the
    file format.

    Args:
        image: RGB or RGBA.
        stored_sides: width and height as the file has them, in any order: two images of equal reduced pixels are no
            copies of each other if these differ.
        grounds: of the image.
        thumbnail: `thumbnail_of` the image.
    """
    grey = _grey(image)
    levels = _counts(grey)
    if image.mode == "RGB":
        contrast, luminance, alpha_share = deviation(image), _moments(levels[0])[0], 0.0
    else:
        alpha = _counts(image.getchannel("A"))[0]
        on_black = [_moments(counts) for counts in _counts(grounds.over(BLACK))]
        opacity, spread = _moments(alpha)
        contrast, visible = max(spread, *(spread for _, spread in on_black)), opacity / 255
        brightness = sum(weight * mean for weight, (mean, _) in zip(LUMA, on_black, strict=True))
        luminance = min(255.0, brightness / visible) if visible else 0.0
        alpha_share = 1 - int(alpha[255]) / (image.width * image.height)
    digest = hashlib.sha256(f"{sorted(stored_sides)}{image.size}{image.mode}".encode(), usedforsecurity=False)
    digest.update(image.tobytes())
    return {"contrast": contrast, "luminance": luminance, "alpha_share": alpha_share, "entropy": _entropy(levels[0]),
            "sharpness": _sharpness(np.asarray(grey)), "phash": to_hex(phash(np.asarray(_grey(thumbnail)))),
            "pixels_id": digest.hexdigest()[:32]}


def thumbnail_of(image: Image.Image, grounds: Grounds) -> Image.Image:
    """RGBA (32, 32): the whole image, stretched.

    By the triangle filter: Lanczos keeps detail at the edge of what so few pixels hold, in which copies of different
    sizes differ (of 721 scaled copies of photos none is lost, their difference at the 99th percentile is 3.1; with
    Lanczos one is, and 4.1), and takes four times as long.

    Args:
        image: RGB or RGBA.
        grounds: of the image.
    """
    if image.mode == "RGB":
        return _small(image).convert("RGBA")
    # Premultiplied, so that what is transparent does not bleed: the image over black, and its alpha.
    bands = (*_small(grounds.over(BLACK)).split(), _small(image.getchannel("A")))
    return Image.merge("RGBa", bands).convert("RGBA")


def _small(image: Image.Image) -> Image.Image:
    return image.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR, reducing_gap=THUMBNAIL_GAP)


def _grey(image: Image.Image) -> Image.Image:
    """L, transparency over mid grey."""
    if image.mode == "RGB":
        return image.convert("L")
    ground = Image.new("L", image.size, MID_GREY)
    ground.paste(image.convert("L"), mask=image.getchannel("A"))
    return ground


def deviation(image: Image.Image) -> float:
    """Greatest standard deviation of a channel, 0..127.5."""
    return max(_moments(counts)[1] for counts in _counts(image))


def _counts(image: Image.Image) -> np.ndarray:
    """How often each level stands in each channel: int64 (C, 256)."""
    return np.array(image.histogram(), np.int64).reshape(-1, 256)


def _moments(counts: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a channel, from its levels: exact, and much faster than over pixels."""
    pixels, total, squares = (counts @ _POWERS).tolist()
    return total / pixels, math.sqrt(pixels * squares - total * total) / pixels


def _entropy(counts: np.ndarray) -> float:
    """Bits, 0..8; to the tenth digit, for the last ones are those of the processor's logarithm."""
    there = counts[counts > 0]
    pixels = int(there.sum())
    return round(float((there * np.log2(pixels / there)).sum()) / pixels, 10)


def _sharpness(grey: np.ndarray) -> float:
    """Variance of the four-neighbour Laplacian of uint8 (H, W); 0 below 3x3."""
    if min(grey.shape) < 3:
        return 0.0
    grey = grey.astype(np.int16)
    edges = grey[1:-1, 1:-1] * np.int16(-4)
    for neighbour in (grey[:-2, 1:-1], grey[2:, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:]):
        edges += neighbour
    values = edges.astype(np.float64).reshape(-1)  # whole numbers: their sums are exact in any order
    return float(values @ values / values.size - (values.sum() / values.size) ** 2)
