"""Plants defects into a folder of photos, by seed, and knows which reasons are the right ones to find them by.

`damage` kinds take the place of a photo; `copy` kinds come beside it. All are written under neutral names.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from genimg_core.seeds import generator

BROKEN = ("truncated", "decoder_error", "unreadable")
ROTTEN = ("bit_rotten", *BROKEN)
COPIED = ("exact_duplicate", "near_duplicate")

Spoil = Callable[[bytes, np.random.Generator], tuple[bytes, str]]
"""(a photo's bytes, draws) -> the planted file's bytes and suffix."""


@dataclass(frozen=True)
class Kind:
    """One kind of defect."""

    spoil: Spoil
    reasons: tuple[str, ...]
    """Those that find it: clean's `reason`."""
    copy: bool = False
    """Whether the photo stays and this comes beside it; it is found if one of the two goes."""
    claimed: bool = True
    """Whether a rule of the pipeline claims to find it; the others are planted to show where the rules end."""


@dataclass(frozen=True)
class Planted:
    """A planted file."""

    path: str
    kind: str
    original: str
    """The photo it was made of."""


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _saved(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _truncated(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Cut short at 10 to 90 % of its bytes."""
    return data[:int(len(data) * draw.uniform(0.1, 0.9))], ".jpg"


def _empty(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """No bytes."""
    return b"", ".jpg"


def _text(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """An error page saved under an image's name."""
    number = int(draw.integers(400, 600))
    return f"<!doctype html><title>{number}</title><p>{'The file is not here. ' * 9}".encode(), ".jpg"


def _damaged_png(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """The photo as PNG, one byte of its pixel data changed."""
    png = bytearray(_saved(_open(data), "PNG"))
    place = int(draw.integers(len(png) // 10, len(png) - 64))
    png[place] ^= int(draw.integers(1, 256))
    return bytes(png), ".png"


def _bomb(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """A file of a few kB that unpacks to over 90 million pixels."""
    width = int(draw.integers(12_000, 14_000))
    return _saved(Image.new("1", (width, 8_000)), "PNG"), ".png"


def _flat(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """One colour with noise of one level, as a covered lens gives it; the photo's size."""
    width, height = _open(data).size
    pixels = draw.integers(8, 248, 3) + draw.integers(-1, 2, (height, width, 1))
    return _saved(Image.fromarray(pixels.astype(np.uint8)), quality=95), ".jpg"


def _tiny(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """2 to 7 pixels a side, as tracking pixels and placeholders are."""
    return _saved(_open(data).resize(tuple(draw.integers(2, 8, 2).tolist()))), ".jpg"


def _strip(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """A strip of the photo, 9 to 14 times as long as wide."""
    image = _open(data)
    side = max(8, int(max(image.size) / draw.uniform(9, 14)))
    length = min(max(image.size), int(side * 14))
    image = image.resize((length, side)) if draw.random() < 0.5 else image.resize((side, length))
    return _saved(image, quality=90), ".jpg"


def _dark(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Exposed at 1 to 4 % of its light."""
    share = draw.uniform(0.01, 0.04)
    return _saved(_open(data).point(lambda level: round(level * share)), quality=92), ".jpg"


def _bright(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Nearly all white: 1 to 3 % of its contrast is left."""
    share = draw.uniform(0.01, 0.03)
    return _saved(_open(data).point(lambda level: round(255 - (255 - level) * share)), quality=92), ".jpg"


def _bit_rot(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """4 kB of the JPEG's pixel data overwritten at random: most decoders show streaks and report nothing."""
    rotten = bytearray(data)
    length = min(4096, len(data) // 4)
    start = int(draw.integers(len(data) // 4, len(data) - length - 2))
    rotten[start:start + length] = draw.integers(0, 255, length).astype(np.uint8).tobytes()  # never FF: no markers
    return bytes(rotten), ".jpg"


def _flipped_byte(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """One byte of the JPEG's pixel data changed: a streak or a tint, and mostly no decoder can tell."""
    rotten = bytearray(data)
    rotten[int(draw.integers(len(data) // 4, len(data) - 2))] ^= int(draw.integers(1, 256))
    return bytes(rotten), ".jpg"


def _blurred(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Out of focus: a Gaussian of 1 to 2 % of the width."""
    image = _open(data)
    return _saved(image.filter(ImageFilter.GaussianBlur(image.width * draw.uniform(0.01, 0.02))), quality=90), ".jpg"


def _exact_copy(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """The same bytes under another name."""
    return data, ".jpg"


def _lossless_copy(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """The same pixels as PNG."""
    return _saved(_upright(data), "PNG"), ".png"


def _reencoded(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Saved again as JPEG of quality 40 to 85, or as WebP."""
    quality = int(draw.integers(40, 86))
    if draw.random() < 0.3:
        return _saved(_upright(data), "WEBP", quality=quality), ".webp"
    return _saved(_upright(data), quality=quality), ".jpg"


def _resized(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Scaled to 40 to 90 %, as thumbnails are."""
    image, share = _upright(data), draw.uniform(0.4, 0.9)
    return _saved(image.resize((round(image.width * share), round(image.height * share))), quality=88), ".jpg"


def _retouched(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Up to four levels brighter or darker, with noise of one level."""
    pixels = np.asarray(_upright(data), np.int16)
    change = int(draw.integers(1, 5)) * (1 if draw.random() < 0.5 else -1)
    noisy = np.clip(pixels + change + draw.integers(-1, 2, pixels.shape), 0, 255)
    return _saved(Image.fromarray(noisy.astype(np.uint8)), quality=92), ".jpg"


def _cropped(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """1 to 3 % of each side cut off."""
    image = _upright(data)
    width, height = image.size
    left, top, right, bottom = (draw.uniform(0.01, 0.03, 4) * (width, height, width, height)).round().astype(int)
    return _saved(image.crop((left, top, width - right, height - bottom)), quality=90), ".jpg"


def _mirrored(data: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Left and right exchanged."""
    return _saved(_upright(data).transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality=90), ".jpg"


def _upright(data: bytes) -> Image.Image:
    """As it is shown: what saves a photo again loses its orientation tag."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


KINDS: dict[str, Kind] = {
    "truncated": Kind(_truncated, BROKEN),
    "empty": Kind(_empty, ("empty",)),
    "text": Kind(_text, BROKEN),
    "damaged_png": Kind(_damaged_png, BROKEN),
    "bomb": Kind(_bomb, ("too_many_pixels",)),
    "flat": Kind(_flat, ("flat",)),
    "tiny": Kind(_tiny, ("too_small",)),
    "strip": Kind(_strip, ("odd_shape",)),
    "dark": Kind(_dark, ("dark", "too_dark", "flat")),
    "bright": Kind(_bright, ("bright", "too_bright", "flat")),
    "exact_copy": Kind(_exact_copy, COPIED, copy=True),
    "lossless_copy": Kind(_lossless_copy, COPIED, copy=True),
    "reencoded": Kind(_reencoded, COPIED, copy=True),
    "resized": Kind(_resized, COPIED, copy=True),
    "retouched": Kind(_retouched, COPIED, copy=True),
    "cropped": Kind(_cropped, COPIED, copy=True, claimed=False),
    "mirrored": Kind(_mirrored, COPIED, copy=True, claimed=False),
    "bit_rot": Kind(_bit_rot, ROTTEN),
    "flipped_byte": Kind(_flipped_byte, ROTTEN, claimed=False),
}
"""`dark` and `bright` are found by rules that are off by default: the benchmark's clean params turn them on."""

MORE_KINDS: dict[str, Kind] = KINDS | {"blurred": Kind(_blurred, ("blurred",))}
"""Also what by default is only warned of."""

GLYPH_REASONS: dict[str, tuple[str, ...]] = {
    "truncated": BROKEN,
    "empty": ("empty",),
    "text": BROKEN,
    "flat": ("flat",),
    "tiny": ("too_small",),
    "exact_copy": COPIED,
    "near_copy": COPIED,
}
"""The kinds that the glyph source plants. (`unlabelled` is a good letter: the label stage's affair.)"""


def plant(photos: Path, folder: Path, each: int, seed: int, kinds: Mapping[str, Kind] = KINDS) -> list[Planted]:
    """Copy the photos to `folder` and plant `each` defects of every kind.

    Args:
        photos: a folder of JPEGs, flat.
        folder: does not exist.
        each: per kind; a photo serves one kind at most.
        seed: chooses photos and damage.
        kinds: what is planted.

    Returns:
        What was planted, by path.

    Raises:
        ValueError: too few photos.
    """
    draws = generator(seed, "benchmarks/plant")
    names = sorted(path.name for path in photos.iterdir() if path.is_file())
    if len(names) < each * len(kinds):
        raise ValueError(f"{len(names)} photos, {each * len(kinds)} are needed")
    chosen = [names[i] for i in draws.permutation(len(names))]
    folder.mkdir(parents=True)
    for name in names:
        shutil.copyfile(photos / name, folder / name)
    planted: list[Planted] = []
    numbers = draws.permutation(each * len(kinds)).tolist()
    for kind, entry in kinds.items():
        for original in chosen[len(planted):len(planted) + each]:
            draw = generator(seed, f"benchmarks/plant/{kind}/{original}")
            data, suffix = entry.spoil((photos / original).read_bytes(), draw)
            path = f"new_{numbers[len(planted)]:05d}{suffix}"
            (folder / path).write_bytes(data)
            if not entry.copy:
                (folder / original).unlink()
            planted.append(Planted(path, kind, original))
    return sorted(planted, key=lambda one: one.path)
