"""Contact sheets: many small images on one PNG, the same bytes each time."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

PAPER = (255, 255, 255)
INK = (40, 40, 40)
CHECKS = (222, 244)
"""Grey levels of the checkerboard that shows through transparent pixels."""
CAPTION_PX = 11
TOO_MANY_LINES = 3
SHEET_LEVEL = 4
"""Of zlib, for contact sheets: a hundredth more bytes than level 6, in a third of the time."""


def contact_sheet(images: Sequence[Image.Image | np.ndarray], captions: Sequence[str] | None = None, columns: int = 8,
                  tile_px: int = 64, gap_px: int = 6) -> Image.Image:
    """Images in rows, each in a square tile, transparency over a checkerboard.

    Small images are enlarged by a whole factor without smoothing, so that their pixels stay visible.

    Args:
        images: PIL images, or uint8 arrays (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); none gives an empty sheet.
        captions: a text under each tile, wrapped to the tile's width and cut after three lines.
        columns: tiles in a row.
        tile_px: side of a tile in pixels.
        gap_px: space around each tile.

    Returns:
        An RGB image.
    """
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    columns = max(1, min(columns, len(images)))
    texts = [_wrap(text, tile_px + gap_px - 2) for text in captions] if captions is not None else []
    caption_px = max((len(lines) for lines in texts), default=0) * (CAPTION_PX + 2)
    rows = -(-len(images) // columns)
    step_x, step_y = tile_px + gap_px, tile_px + gap_px + caption_px
    sheet = Image.new("RGB", (columns * step_x + gap_px, max(1, rows) * step_y + gap_px), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, image in enumerate(images):
        x, y = gap_px + index % columns * step_x, gap_px + index // columns * step_y
        sheet.paste(_tile(as_image(image), tile_px), (x, y))
        if texts:
            place = (x, y + tile_px + 1)
            draw.multiline_text(place, "\n".join(texts[index]), fill=INK, font=caption_font(CAPTION_PX), spacing=1)
    return sheet


def as_image(image: Image.Image | np.ndarray) -> Image.Image:
    """A PIL image of a uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)."""
    if isinstance(image, Image.Image):
        return image
    array = np.ascontiguousarray(image)
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def save_png(image: Image.Image, path: Path | BinaryIO, texts: dict[str, str] | None = None, level: int = 6) -> None:
    """Write a PNG of fixed settings: equal pixels and texts give equal bytes.

    Args:
        image: what to write.
        path: the file, or a stream.
        texts: text chunks, in this order.
        level: of zlib's compression.
    """
    chunks = PngImagePlugin.PngInfo()
    for key, value in (texts or {}).items():
        chunks.add_itxt(key, value) if not value.isascii() else chunks.add_text(key, value)
    image.save(path, format="PNG", compress_level=level, pnginfo=chunks)


def even_strides(count: int, wanted: int) -> np.ndarray:
    """Up to `wanted` indices spread evenly over range(count): int64, ascending, distinct."""
    shown = min(count, wanted)
    return (np.arange(shown) * count) // max(shown, 1)


def _tile(image: Image.Image, side: int) -> Image.Image:
    """The image, whole, in the middle of a square of the paper's colour."""
    picture = image.convert("RGBA")
    longest = max(picture.size)
    if longest <= side:
        factor = side // longest
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    else:
        size = tuple(max(1, round(length * side / longest)) for length in picture.size)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    ground = _checkerboard(picture.width, picture.height)
    ground.paste(picture, (0, 0), picture)
    tile = Image.new("RGB", (side, side), PAPER)
    tile.paste(ground, ((side - ground.width) // 2, (side - ground.height) // 2))
    return tile


def _checkerboard(width: int, height: int, square: int = 8) -> Image.Image:
    y, x = np.mgrid[:height, :width] // square
    levels = np.array(CHECKS, np.uint8)[(x + y) % 2]
    return Image.fromarray(np.repeat(levels[..., None], 3, axis=2))


def _wrap(text: str, width: int) -> list[str]:
    """Lines that fit `width` pixels; what does not fit three lines is cut, with an ellipsis."""
    font = caption_font(CAPTION_PX)
    lines: list[str] = []
    for line in "".join(c if c.isprintable() or c == "\n" else "?" for c in text).split("\n"):
        while line:
            length = len(line)
            while length > 1 and font.getlength(line[:length]) > width:
                length -= 1
            lines.append(line[:length])
            line = line[length:]
    if len(lines) > TOO_MANY_LINES:
        lines = [*lines[:TOO_MANY_LINES - 1], lines[TOO_MANY_LINES - 1][:-1] + "…"]
    return lines


@lru_cache(maxsize=4)
def caption_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans out of matplotlib's files (it has Greek and Cyrillic), without importing matplotlib."""
    found = importlib.util.find_spec("matplotlib")
    path = Path(found.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf" if found and found.origin else None
    return ImageFont.truetype(path, size) if path and path.is_file() else ImageFont.load_default(size)
