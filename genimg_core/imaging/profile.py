"""Every figure of one image, and its pixels at training size, from one decode."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from genimg_core.imaging.decode import Decoded, DecodeLimits, Wanted, decode
from genimg_core.imaging.fit import REDUCING_GAP, ImageForm, content_size, fit_square, over, to_form
from genimg_core.imaging.phash import SIDE as PHASH_SIDE
from genimg_core.imaging.phash import phash, to_hex
from genimg_core.store.shards import ShardReader

THUMBNAIL_SIDE = 32
MID_GREY = "#808080"
"""Under transparency where a hash or a sharpness needs a ground: white and black drawings both stand out from it."""

_LEVELS = np.arange(256, dtype=np.int64)

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
    decoded = decode(data, limits, _wanted(form))
    figures = FIGURE_DEFAULTS | asdict(decoded.header) | {"reason": decoded.reason, "detail": decoded.detail}
    if decoded.image is None:
        return ImageProfile(figures, None, None)
    trained = to_form(decoded.image, form)
    thumbnail = np.asarray(fit_square(decoded.image, THUMBNAIL_SIDE, "stretch").convert("RGBA"))
    figures |= measure(decoded) | {"trained_contrast": _deviation(trained)}
    return ImageProfile(figures, np.asarray(trained).reshape(form.size, form.size, form.channels), thumbnail)


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


def _wanted(form: ImageForm) -> Wanted:
    """What the training size needs, whatever the image's shape, and what hash and thumbnail do."""
    return Wanted(form.size, 1 if form.fit == "pad" else form.size, max(THUMBNAIL_SIDE, PHASH_SIDE))


def measure(decoded: Decoded) -> dict[str, Any]:
    """Figures of the pixels.

    `contrast` is the greatest standard deviation (0..127.5) of a colour channel over black and over white: 0 only for
    what is flat in colour and in transparency at once. `luminance` is the mean of the visible pixels, 0..255. `entropy`
    is Shannon's, of the grey levels, 0..8 bits. `sharpness` is the variance of the Laplacian (Pech-Pacheco et al. 2000)
    of the decoded, reduced image. `pixels_id` is equal for equal pixels, whatever the file format.
    """
    image = decoded.image
    grey = over(image, MID_GREY).convert("L")
    if image.mode == "RGB":
        contrast, luminance, alpha_share = _deviation(image), _moments(grey)[0], 0.0
    else:
        on_black = over(image, "#000000")
        contrast = max(_deviation(on_black), _deviation(over(image, "#ffffff")))
        alpha = image.getchannel("A")
        visible = _moments(alpha)[0] / 255
        luminance = min(255.0, _moments(on_black.convert("L"))[0] / visible) if visible else 0.0
        alpha_share = 1 - alpha.histogram()[255] / (image.width * image.height)
    small = grey.resize((PHASH_SIDE, PHASH_SIDE), Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    sides = sorted((decoded.header.width, decoded.header.height))
    digest = hashlib.blake2b(f"{sides}{image.size}{image.mode}".encode() + image.tobytes(), digest_size=16)
    return {"contrast": contrast, "luminance": luminance, "alpha_share": alpha_share, "entropy": grey.entropy(),
            "sharpness": _sharpness(np.asarray(grey, np.int16)), "phash": to_hex(phash(np.asarray(small))),
            "pixels_id": digest.hexdigest()}


def _deviation(image: Image.Image) -> float:
    """Greatest standard deviation of a channel, 0..127.5."""
    return max(_moments(channel)[1] for channel in image.split())


def _moments(channel: Image.Image) -> tuple[float, float]:
    """Mean and standard deviation of an 8-bit channel, from its histogram: exact, and much faster than over pixels."""
    counts = np.array(channel.histogram(), np.int64)
    pixels, total, squares = int(counts.sum()), int(counts @ _LEVELS), int(counts @ _LEVELS**2)
    return total / pixels, math.sqrt(pixels * squares - total * total) / pixels


def _sharpness(grey: np.ndarray) -> float:
    """Variance of the four-neighbour Laplacian of int16 (H, W); 0 below 3x3."""
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(inner.var(dtype=np.float64))


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
    """`profile_image` of bytes in a shard: what worker processes run.

    Args:
        place: shard, offset, bytes.
        reader: of the raw folder.
        form: as there.
        limits: as there.
    """
    return profile_image(reader.read(*place), form, limits)


def failed_profile(reason: str, detail: str) -> ImageProfile:
    """What stands for an image whose worker gave nothing back."""
    return ImageProfile(FIGURE_DEFAULTS | {"reason": reason, "detail": detail}, None, None)
