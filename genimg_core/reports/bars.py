"""Bars with their names, drawn as a PNG of the same bytes each time, for where a page of our own cannot draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from genimg_core.reports.pictures import INK, PAPER, caption_font
from genimg_core.terminal import printable

NAME_PX, BAR_PX, TEXT_PX, ROW_PX, MARGIN_PX = 190, 420, 190, 20, 10
FONT_PX = 13
LONGEST_NAME = 60
COLOURS = ((47, 91, 211), (138, 164, 232), (200, 213, 245))
REJECTED = (213, 154, 148)
SOFT = (110, 116, 124)


@dataclass(frozen=True)
class Bar:
    """One line."""

    name: str
    parts: tuple[float, ...]
    """Lengths of its parts, at least 0, in the unit of `longest`."""
    text: str
    """Behind the bar."""


def draw_bars(bars: Sequence[Bar], parts: Sequence[str], longest: float | None = None,
              colours: Sequence[tuple[int, int, int]] = COLOURS) -> Image.Image:
    """Horizontal bars under each other, and what the colours mean.

    Args:
        bars: from the top.
        parts: names of the parts.
        longest: what the full width stands for; the longest bar by default.
        colours: of the parts, at least as many.

    Returns:
        An RGB image.
    """
    font = caption_font(FONT_PX)
    whole = longest or max((sum(bar.parts) for bar in bars), default=0) or 1
    keyed = list(zip(parts, colours, strict=False))
    width = NAME_PX + BAR_PX + TEXT_PX + 3 * MARGIN_PX
    picture = Image.new("RGB", (width, (len(bars) + bool(keyed)) * ROW_PX + 2 * MARGIN_PX), PAPER)
    draw = ImageDraw.Draw(picture)
    x, y = NAME_PX + MARGIN_PX, MARGIN_PX
    for name, colour in keyed:
        draw.rectangle((x, y + 4, x + 10, y + 14), fill=colour)
        draw.text((x + 15, y + 1), name, fill=SOFT, font=font)
        x += 35 + int(font.getlength(name))
    y += ROW_PX if keyed else 0
    for bar in bars:
        draw.text((MARGIN_PX, y + 1), _cut(bar.name, NAME_PX - MARGIN_PX), fill=INK, font=font)
        x = float(NAME_PX + MARGIN_PX)
        for length, colour in zip(bar.parts, colours, strict=False):
            end = x + BAR_PX * length / whole
            if length:
                draw.rectangle((round(x), y + 4, max(round(x), round(end) - 1), y + ROW_PX - 5), fill=colour)
            x = end
        draw.text((NAME_PX + BAR_PX + 2 * MARGIN_PX, y + 1), _cut(bar.text, TEXT_PX), fill=SOFT, font=font)
        y += ROW_PX
    return picture


def _cut(text: str, width: int) -> str:
    font = caption_font(FONT_PX)
    shown = printable(text, LONGEST_NAME)
    if font.getlength(shown) <= width:
        return shown
    while shown and font.getlength(shown + "…") > width:
        shown = shown[:-1]
    return shown + "…"
