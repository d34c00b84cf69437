"""JPEG through libjpeg-turbo's own interface: the pixels that Pillow gives, sooner, and the damage that it hides.

Where pixel data is damaged, libjpeg goes on and only warns: grey areas, streaks, shifted colours. Pillow drops these
warnings; here they are read. Not every warning is damage: colour profiles and headers may be odd around whole pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import simplejpeg
from PIL import Image

_DAMAGE = re.compile(r"bad Huffman code|bad arithmetic code|premature end of data segment|instead of RST")
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-fA-F]{2})")
_COLOURS = {"Gray": ("GRAY", "L"), "YCbCr": ("RGB", "RGB"), "RGB": ("RGB", "RGB"), "CMYK": ("CMYK", None),
            "YCCK": ("CMYK", None)}
"""As stored -> what is asked for, and Pillow's mode of it (none: the printing colours are left to Pillow)."""
_SCALES = (8, 4, 2, 1)
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that no length follows."""
_START_OF_SCAN = 0xDA
_LEAST_PADDING = 4
"""Fewer equal bytes may well be pixel data, unless they are zeros."""


@dataclass(frozen=True)
class Jpeg:
    """What became of a JPEG."""

    image: Image.Image | None
    """L or RGB, not turned by its EXIF; None where Pillow has to decode it, or to say what is wrong with it."""
    damage: str | None
    """What libjpeg says of its pixel data, if that is damaged."""


def decode_jpeg(data: bytes, size: tuple[int, int], least: tuple[int, int] | None) -> Jpeg:
    """Decode whole, or halved up to three times, but not below `least`: as Pillow's `draft` does.

    (libjpeg scales to other eighths, too, but slowly, and copies of other sizes would agree less.)

    Args:
        data: the file's bytes.
        size: width and height that Pillow has read from its header.
        least: width and height; None gives every pixel.
    """
    try:
        height, width, stored, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        if (width, height) != size or stored not in _COLOURS:
            return Jpeg(None, None)
        asked, mode = _COLOURS[stored]
        room = 1 if least is None else min(width // least[0], height // least[1])
        scale = next(scale for scale in _SCALES if scale <= max(1, room))
        pixels = simplejpeg.decode_jpeg(data, asked, min_width=-(-width // scale), min_height=-(-height // scale))
    except (ValueError, LookupError, RuntimeError) as error:
        return Jpeg(None, damage_of(str(error), data))
    return Jpeg(Image.fromarray(pixels[..., 0] if mode == "L" else pixels) if mode else None, None)


def damage_of(warning: str, data: bytes) -> str | None:
    """What libjpeg said, if it means that pixel data is damaged.

    Bytes that are left over where a marker is due are what damage looks like when the decoder comes out of step. They
    are harmless before the pixel data begins, and where they only pad it.

    Args:
        warning: libjpeg's words.
        data: the file's bytes.
    """
    if _DAMAGE.search(warning):
        return warning
    found = _LEFT_OVER.search(warning)
    if found is None:
        return None
    count, marker = int(found.group(1)), int(found.group(2), 16)
    return None if (count, marker) in _between_segments(data) or _is_padding(data, count, marker) else warning


def _between_segments(data: bytes) -> set[tuple[int, int]]:
    """Bytes that belong to no segment of the header: how many, and the marker that follows them."""
    found: set[tuple[int, int]] = set()
    place = 2
    while (start := data.find(b"\xff", place)) >= 0:
        place_of_code = start + 1
        while data[place_of_code:place_of_code + 1] == b"\xff":
            place_of_code += 1
        marker = data[place_of_code] if place_of_code < len(data) else 0
        if start > place:
            found.add((start - place, marker))
        if marker == _START_OF_SCAN:
            break
        place = place_of_code + 1
        if marker not in _ALONE and marker != 0:
            place += max(2, int.from_bytes(data[place:place + 2], "big"))
    return found


def _is_padding(data: bytes, count: int, marker: int) -> bool:
    """Whether `count` equal bytes stand before such a marker."""
    place = data.find(bytes((0xFF, marker)), count)
    while place >= 0:
        before = data[place - count:place]
        if before == before[:1] * count and (count >= _LEAST_PADDING or before[0] == 0):
            return True
        place = data.find(bytes((0xFF, marker)), place + 1)
    return False
