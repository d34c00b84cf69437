"""Draws letters, and spoils some of them. Pictures are grey (H, W), white 255, the letter black or nearly so."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from genimg_core.seeds import generator
from genimg_core.sources.glyph_plan import Slot

OVERSAMPLING = 4
"""Letters are drawn this many times larger and reduced: that is their antialiasing."""

SMALLEST_EM, LARGEST_EM = 0.74, 1.0
"""Height of the em square as a part of the picture's side (a capital is three quarters of it)."""
LARGEST_ANGLE_DEGREES = 10.0
LARGEST_SHIFT = 0.1
"""Of the side, each way; less where the letter would touch the edge."""
DARKEST_INK, LIGHTEST_INK = 0, 60
_MARGIN = 0.05
"""Of the side, left white all round."""


class Pen:
    """Draws the letters of one script.

    Args:
        letters: one character a class.
        faces: .ttf files.
        side: of the pictures, in pixels.
        seed: of all draws.
    """

    def __init__(self, letters: tuple[str, ...], faces: tuple[Path, ...], side: int, seed: int) -> None:
        self._letters, self._side, self._seed = letters, side, seed
        self._canvas = side * OVERSAMPLING
        self._fonts = [
            ImageFont.truetype(str(face), self._canvas, layout_engine=ImageFont.Layout.BASIC) for face in faces
        ]
        self._masters: dict[tuple[int, int], tuple[Image.Image, int, int]] = {}

    def bytes_of(self, slot: Slot, original: Callable[[], bytes]) -> bytes:
        """The file that the plan asks for.

        Args:
            slot: what to draw.
            original: the bytes of `slot.original`; only called for copies.
        """
        draw = generator(self._seed, f"glyphs/{slot.stream}")
        if slot.kind == "empty":
            return b""
        if slot.kind == "exact_copy":
            return original()
        if slot.kind == "near_copy":
            return _png(_nearly(Image.open(io.BytesIO(original())), draw))
        if slot.kind == "text":
            return _prose(draw)
        if slot.kind == "flat":
            return _png(Image.new("L", (self._side, self._side), int(draw.integers(256))))
        letter = self.draw(slot.letter, draw)
        if slot.kind == "tiny":
            side = int(draw.integers(4, 8))
            return _png(letter.resize((side, side), Image.Resampling.BOX))
        data = _png(letter)
        return data[: int(len(data) * draw.uniform(0.5, 0.75))] if slot.kind == "truncated" else data

    def draw(self, letter: int, draw: np.random.Generator) -> Image.Image:
        """One letter: face, size, angle, place and ink drawn at random; mode L, side x side."""
        master, width, height = self._master(letter, int(draw.integers(len(self._fonts))))
        angle = math.radians(draw.uniform(-LARGEST_ANGLE_DEGREES, LARGEST_ANGLE_DEGREES))
        cos, sin = math.cos(angle), math.sin(angle)
        across, down = width * cos + height * abs(sin), height * cos + width * abs(sin)
        room = self._canvas * (1 - 2 * _MARGIN)
        scale = min(draw.uniform(SMALLEST_EM, LARGEST_EM), room / across, room / down)
        shift = self._canvas * LARGEST_SHIFT
        dx = min((room - across * scale) / 2, shift) * draw.uniform(-1, 1)
        dy = min((room - down * scale) / 2, shift) * draw.uniform(-1, 1)
        # Pillow asks where each target pixel comes from: undo the shift, then turn and scale, about the centres.
        a, b = cos / scale, sin / scale
        centre, source = self._canvas / 2, master.width / 2
        matrix = (
            a,
            b,
            source - a * (centre + dx) - b * (centre + dy),
            -b,
            a,
            source + b * (centre + dx) - a * (centre + dy),
        )
        size = (self._canvas, self._canvas)
        mask = master.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR).reduce(OVERSAMPLING)
        ink = int(draw.integers(DARKEST_INK, LIGHTEST_INK + 1))
        return mask.point([255 - round(level * (255 - ink) / 255) for level in range(256)])

    def _master(self, letter: int, face: int) -> tuple[Image.Image, int, int]:
        """The letter once, upright and centred by its ink, 255 on 0; width and height of the ink."""
        key = (letter, face)
        if key not in self._masters:
            font, text = self._fonts[face], self._letters[letter]
            left, top, right, bottom = font.getbbox(text)
            side = 2 * self._canvas
            master = Image.new("L", (side, side), 0)
            origin = ((side - (right - left)) // 2 - left, (side - (bottom - top)) // 2 - top)
            ImageDraw.Draw(master).text(origin, text, font=font, fill=255)
            self._masters[key] = master, right - left, bottom - top
        return self._masters[key]


def _nearly(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    """The same picture to the eye: up to four levels brighter or darker, with noise of one level."""
    pixels = np.asarray(image.convert("L"), np.int16)
    change = int(draw.integers(1, 5)) * (1 if draw.random() < 0.5 else -1)
    noisy = pixels + change + draw.integers(-1, 2, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _prose(draw: np.random.Generator) -> bytes:
    words = (
        "this",
        "is",
        "no",
        "picture",
        "but",
        "a",
        "note",
        "that",
        "someone",
        "saved",
        "under",
        "the",
        "wrong",
        "name",
    )
    return (" ".join(draw.choice(words, 40)) + ".\n").encode()


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
