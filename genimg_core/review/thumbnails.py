"""Small pictures for the review page: decoded like everything else, in workers and within limits, without metadata."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from PIL import Image

from genimg_core.engine import Failure, Limits, map_in_workers
from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from genimg_core.store.shards import ShardReader

SIDE_PX = 192
"""The longer side."""
PIXEL_ART_PX = 96
"""Smaller images go out as they are, without loss: their pixels are looked at one by one."""
QUALITY = 80


def thumbnails(raw: Path, places: Iterable[tuple[str, int, int]], limits: DecodeLimits,
               cost: Limits) -> list[str | None]:
    """A `data:` address for each image; None where it cannot be shown.

    Args:
        raw: the collect stage's folder.
        places: shard, offset, bytes.
        limits: what a file may hold.
        cost: what one image may take.

    Raises:
        CorruptFileError: a shard is missing.
    """
    job = partial(thumbnail_stored, reader=ShardReader(raw), limits=limits)
    return [None if isinstance(result, Failure) else result for result in map_in_workers(job, places, cost)]


def thumbnail_stored(place: tuple[str, int, int], reader: ShardReader, limits: DecodeLimits) -> str | None:
    """What worker processes run."""
    return thumbnail(reader.read(*place), limits)


def thumbnail(data: bytes, limits: DecodeLimits) -> str | None:
    """A small JPEG (or PNG, for small or transparent images) as a `data:` address; None if it cannot be decoded."""
    image = decode(data, limits, Wanted(SIDE_PX, SIDE_PX, 0)).image
    if image is None:
        return None
    if max(image.size) > SIDE_PX:
        image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    plain = Image.frombytes(image.mode, image.size, image.tobytes())  # without EXIF, comments and colour profile
    stream = io.BytesIO()
    if image.mode == "RGBA" or max(image.size) <= PIXEL_ART_PX:
        plain.save(stream, "PNG", optimize=True)
        kind = "png"
    else:
        plain.save(stream, "JPEG", quality=QUALITY, optimize=True)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
