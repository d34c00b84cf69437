"""Small images varied from the real ones, as many as a benchmark of growth needs: a folder of them, by class.

Image i is the same whatever the count, so a small set is the beginning of a large one, with the same mixture: of ten
images six are Fashion-MNIST's (60,000 distinct ones), two Noto emoji and one a Twemoji (turned, scaled and tinted), and
one a piece of a photo. Every second image is a JPEG, save those with transparency, which are PNG.
"""

from __future__ import annotations

import gzip
import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.cells import Bench, Recipe
from benchmarks.workshop import real_data
from genimg_core.seeds import generator

SIDE = 32
MIXTURE = ("fashion",) * 6 + ("noto",) * 2 + ("twemoji", "photos")
"""Image i is of the kind at i % 10."""
FOLDERS = {"noto": "pretrain-noto128", "twemoji": "transfer-twemoji72", "photos": "messy-photos"}
FASHION = 60_000


def variants(count: int) -> Recipe:
    """The first `count` images in `files/<class>/`, made once."""
    def make(bench: Bench, folder: Path) -> None:
        write(folder / "files", range(count))

    return Recipe("variants", f"{count}", {"count": count, "side": SIDE, "mixture": MIXTURE}, ("variants.py",), make)


def write(folder: Path, numbers: range) -> None:
    """Write some of the images.

    Args:
        folder: made if it is not there; gets a folder for each class.
        numbers: which.
    """
    for number in numbers:
        suffix, data = image(number)
        place = folder / label(number)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06d}{suffix}").write_bytes(data)


def image(number: int) -> tuple[str, bytes]:
    """Suffix and bytes of one image."""
    kind, place = MIXTURE[number % len(MIXTURE)], _place(number)
    draw = generator(0, f"benchmarks/variant/{number}")
    if kind == "fashion":
        shown = Image.fromarray(_fashion()[0][place % FASHION]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    elif kind == "photos":
        shown = _piece(_picture(kind, place % len(_paths(kind))), draw)
    else:
        shown = _turned(_picture(kind, place % len(_paths(kind))), draw)
    as_jpeg = shown.mode != "RGBA" and number % 2
    stream = io.BytesIO()
    shown.save(stream, "JPEG", quality=90) if as_jpeg else shown.save(stream, "PNG", compress_level=1)
    return (".jpg" if as_jpeg else ".png"), stream.getvalue()


def _place(number: int) -> int:
    """How many of its kind come before it."""
    turns, at = divmod(number, len(MIXTURE))
    return turns * MIXTURE.count(MIXTURE[at]) + MIXTURE[:at].count(MIXTURE[at])


def label(number: int) -> str:
    """The class of an image: a garment's number, or the kind."""
    kind = MIXTURE[number % len(MIXTURE)]
    return f"fashion-{_fashion()[1][_place(number) % FASHION]}" if kind == "fashion" else kind


def _turned(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """An emoji turned up to half a right angle, scaled to 60 to 100 %, its colours weighed anew."""
    weights = draw.uniform(0.4, 1, 3)
    red, green, blue, alpha = picture.split()
    tinted = [channel.point([round(level * weight) for level in range(256)])
              for channel, weight in zip((red, green, blue), weights, strict=True)]
    side = round(SIDE / draw.uniform(0.6, 1))
    shown = Image.merge("RGBA", (*tinted, alpha)).rotate(draw.uniform(-45, 45), Image.Resampling.BILINEAR)
    whole = Image.new("RGBA", (side, side))
    whole.paste(shown.resize((SIDE, SIDE)), ((side - SIDE) // 2, (side - SIDE) // 2))
    return whole.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _piece(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """A square piece of a photo, a quarter to two thirds of it wide."""
    side = min(picture.size) * draw.uniform(0.25, 0.67)
    left, top = draw.uniform(0, 1, 2) * (picture.width - side, picture.height - side)
    return picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))


@cache
def _paths(kind: str) -> list[Path]:
    return sorted((real_data() / FOLDERS[kind] / "images").iterdir())


@cache
def _picture(kind: str, place: int) -> Image.Image:
    """A real image, small: a photo of at most 160 px, an emoji of 48."""
    with Image.open(_paths(kind)[place]) as picture:
        if kind != "photos":
            return picture.convert("RGBA").resize((48, 48))
        picture.draft(None, (160, 160))
        shown = picture.convert("RGB")
    shown.thumbnail((160, 160))
    return shown


@cache
def _fashion() -> tuple[np.ndarray, np.ndarray]:
    folder = real_data() / "bench-fashion-mnist"
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as stream:
        images = np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as stream:
        return images, np.frombuffer(stream.read(), np.uint8, offset=8)
