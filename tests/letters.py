"""Letters to learn and to score: drawn by Pillow with the DejaVu faces that matplotlib ships, jittered, by seed."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono", "DejaVuSans-Oblique")


@lru_cache(maxsize=64)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    fonts = Path(importlib.util.find_spec("matplotlib").origin).parent / "mpl-data/fonts/ttf"
    return ImageFont.truetype(fonts / f"{face}.ttf", size)


def draw_letters(letters: str, count: int, seed: int, size: int = 32,
                 channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """`count` images of the letters in turn, black on white: uint8 (N, S, S, C) and int64 (N,)."""
    draws = np.random.default_rng(seed)
    images = np.empty((count, size, size, channels), np.uint8)
    labels = np.arange(count) % len(letters)
    for place, label in enumerate(labels):
        font = _font(FACES[draws.integers(len(FACES))], int(size * draws.uniform(0.6, 0.85)))
        image = Image.new("L", (size, size), 255)
        x, y = size / 2 + draws.uniform(-0.08, 0.08, 2) * size
        ImageDraw.Draw(image).text((x, y), letters[label], fill=0, font=font, anchor="mm")
        images[place] = np.array(image.rotate(draws.uniform(-8, 8), fillcolor=255))[..., None]
    return images, labels
