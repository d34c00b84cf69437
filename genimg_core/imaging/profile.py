"""Every figure of one image, and its pixels at training size, from one decode."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from genimg_core.imaging.figures import THUMBNAIL_SIDE, deviation, measure, thumbnail_of
from genimg_core.imaging.fit import Grounds, ImageForm, content_size, to_form
from genimg_core.store.shards import ShardReader

MACHINE_REASONS = ("out_of_memory", "decoder_timeout", "decoder_crashed")
"""Outcomes that another machine may not share: never memoised."""

FIGURE_DEFAULTS: dict[str, Any] = {
    "reason": None, "detail": None, "format": None, "width": 0, "height": 0, "mode": None, "frames": 0,
    "exif_orientation": 0, "icc_profile": False, "private_tags": None, "damage": None, "luminance": None,
    "contrast": None, "entropy": None, "trained_contrast": None, "sharpness": None, "alpha_share": None, "phash": None,
    "pixels_id": None}
"""Columns that an image's bytes decide, and what they hold where there are no pixels."""


@dataclass(frozen=True)
class ImageProfile:
    """What is known of one image."""

    figures: dict[str, Any]
    """FIGURE_DEFAULTS' keys."""
    image: np.ndarray | None
    """uint8 (size, size, channels); None where nothing could be decoded."""
    thumbnail: np.ndarray | None
    """uint8 (32, 32, 4) RGBA, the whole image, stretched: in its own shape, a copy a little larger or smaller would be
    rounded to another row of pixels. `in_own_shape` is for looking at it."""


def profile_image(data: bytes, form: ImageForm, limits: DecodeLimits) -> ImageProfile:
    """Decode once and measure.

    Args:
        data: the file's bytes.
        form: what an image is to the models.
        limits: what a file may hold.
    """
    decoded = decode(data, limits, wanted_of(form))
    header, image = decoded.header, decoded.image
    figures = FIGURE_DEFAULTS | vars(header) | {"reason": decoded.reason, "detail": decoded.detail}
    if image is None:
        return ImageProfile(figures, None, None)
    grounds = Grounds(image)
    trained, thumbnail = to_form(image, form, grounds), thumbnail_of(image, grounds)
    figures |= measure(image, (header.width, header.height), grounds, thumbnail)
    figures["trained_contrast"] = deviation(trained)
    pixels = np.asarray(trained).reshape(form.size, form.size, form.channels)
    return ImageProfile(figures, pixels, np.asarray(thumbnail))


def in_own_shape(thumbnail: np.ndarray, width: int, height: int, exif_orientation: int) -> Image.Image:
    """A thumbnail with the proportions of its image.

    Args:
        thumbnail: uint8 (32, 32, 4).
        width: as stored.
        height: as stored.
        exif_orientation: 5 and more lie on their side.
    """
    shape = (height, width) if exif_orientation >= 5 else (width, height)
    return Image.fromarray(thumbnail).resize(content_size(*shape, THUMBNAIL_SIDE, "pad"), Image.Resampling.LANCZOS)


def wanted_of(form: ImageForm) -> Wanted:
    """What the training size needs, whatever the image's shape, and what hash and thumbnail do."""
    return Wanted(form.size, 1 if form.fit == "pad" else form.size, THUMBNAIL_SIDE)


def to_bytes(profile: ImageProfile) -> bytes:
    """For the memo: a length, the figures as JSON, the pixels."""
    figures = json.dumps(profile.figures, sort_keys=True).encode()
    pixels = b"" if profile.image is None else profile.image.tobytes() + profile.thumbnail.tobytes()
    return struct.pack("<I", len(figures)) + figures + pixels


def from_bytes(blob: bytes, form: ImageForm) -> ImageProfile:
    """What `to_bytes` wrote, for the same form.

    Raises:
        ValueError: it did not.
    """
    if len(blob) < 4:
        raise ValueError("too short")
    (length,) = struct.unpack_from("<I", blob)
    figures = json.loads(blob[4:4 + length])
    if not isinstance(figures, dict) or set(figures) != set(FIGURE_DEFAULTS):
        raise ValueError("other figures")
    pixels = np.frombuffer(blob, np.uint8, offset=min(4 + length, len(blob)))
    if figures["reason"] is not None:
        return ImageProfile(figures, None, None)
    first = form.size * form.size * form.channels
    return ImageProfile(figures, pixels[:first].reshape(form.size, form.size, form.channels),
                        pixels[first:].reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4))


def profile_stored(place: tuple[str, int, int], reader: ShardReader, form: ImageForm,
                   limits: DecodeLimits) -> ImageProfile:
    """`profile_image` of bytes in a shard.

    Args:
        place: shard, offset, bytes.
        reader: of the raw folder.
        form: as there.
        limits: as there.
    """
    return profile_image(reader.read(*place), form, limits)


def packed(place: tuple[str, int, int], profiled: Callable[[tuple[str, int, int]], ImageProfile]) -> bytes:
    """What worker processes run: the memo's bytes travel faster than arrays, and are what the memo takes.

    Args:
        place: shard, offset, bytes.
        profiled: a `functools.partial` of `profile_stored`.
    """
    return to_bytes(profiled(place))


def failed_profile(reason: str, detail: str) -> ImageProfile:
    """What stands for an image whose worker gave nothing back."""
    return ImageProfile(FIGURE_DEFAULTS | {"reason": reason, "detail": detail}, None, None)
