"""Bytes of any origin => an upright 8-bit RGB or RGBA image, or the reason why not.

Nothing here trusts a file: limits hold before pixels are decoded, no format that starts another program is opened, and
every exception of a decoder becomes a reason (and none of our own: see decoder_errors.py). What no exception can report
(a hang, a crash) is genimg_core.engine's.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from genimg_core.imaging.decoder_errors import DecoderFailedError, ask
from genimg_core.imaging.fit import REDUCING_GAP
from genimg_core.imaging.jpeg import decode_jpeg
from genimg_core.imaging.metadata import private_kinds

RASTER_FORMATS = (
    "BMP", "GIF", "JPEG", "PPM", "PNG",  # Pillow asks these first
    "AVIF", "BLP", "CUR", "DCX", "DDS", "DIB", "FITS", "FLI", "FTEX", "GBR", "ICNS", "ICO", "IM", "IMT", "IPTC",
    "JPEG2000", "MCIDAS", "MSP", "PCD", "PCX", "PIXAR", "PSD", "QOI", "SGI", "SPIDER", "SUN", "TGA", "TIFF", "WEBP",
    "XBM", "XPM", "XVTHUMB")
"""What Pillow decodes itself. Not: EPS (runs Ghostscript), WMF (draws with the system), and BUFR, GRIB, HDF5 and MPEG
(no decoder)."""

Image.init()  # every plugin now, not at the first strange file, where it would be taken from that file's memory
_FORMATS = [name for name in RASTER_FORMATS if name in Image.OPEN]

_TRUNCATED = re.compile(r"truncat|not enough (image )?data|buffer overrun|unexpected end|no more data|end of file",
                        re.IGNORECASE)
_UPRIGHT = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90}
_ORIENTATION_TAG = 0x0112

DRAFT_GAP = 2
"""A JPEG is decoded at no fewer than this many times the training size; libjpeg halves it as it decodes."""
COMPARING_GAP = 4
"""Both sides keep this many times the side of the picture by which copies are compared. Of fewer pixels (measured on
400 photos) a scaled copy, which is reduced by another factor, looks different: at 3, 1.5 % are lost, at 2, 10 %; where
the short side has no bound at all, 28 %."""


@dataclass(frozen=True)
class DecodeLimits:
    """What a file may hold; checked before it is decoded."""

    max_bytes: int = 256 * 2**20
    max_pixels: int = 89_478_485
    max_frames: int = 1000


@dataclass
class Header:
    """What a file says of itself; filled as far as decoding gets."""

    format: str | None = None
    """As Pillow names it, in lower case."""
    width: int = 0
    """Pixels, as stored; 0 if unknown."""
    height: int = 0
    mode: str | None = None
    """Pillow's, as stored."""
    frames: int = 0
    exif_orientation: int = 0
    """1..8, 0 if there is none."""
    icc_profile: bool = False
    """Whether the file brings a colour profile (which nothing here applies)."""
    private_tags: str | None = None
    """Kinds of private data (imaging/metadata.py), separated by commas."""
    damage: str | None = None
    """What is wrong with pixels that could be decoded all the same: bit rot in a JPEG."""


@dataclass
class Decoded:
    """One image, or the reason why there is none."""

    header: Header = field(default_factory=Header)
    image: Image.Image | None = None
    """RGB or RGBA, upright, the first frame; brought down to a few times the size that was asked for."""
    reason: str | None = None
    """empty, too_many_bytes, unreadable, too_many_pixels, too_many_frames, truncated, out_of_memory, decoder_error."""
    detail: str | None = None


class _Refused(Exception):
    """A limit was hit."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Wanted:
    """What the pixels will be used for; an image much larger than that comes reduced."""

    long_px: int
    """Long side that the image will be resized to."""
    short_px: int
    compared_px: int
    """Side of the square that it is stretched to where it is compared with others."""

    def least(self, size: tuple[int, int], gap: int) -> tuple[int, int]:
        """Width and height below which an image of (width, height) `size` is not reduced."""
        compared = self.compared_px * COMPARING_GAP
        long_px, short_px = max(self.long_px * gap, compared), max(self.short_px * gap, compared)
        return (long_px, short_px) if size[0] >= size[1] else (short_px, long_px)


def decode(data: bytes, limits: DecodeLimits, wanted: Wanted | None = None) -> Decoded:
    """Decode the first frame.

    Args:
        data: the file's bytes.
        limits: what it may hold.
        wanted: what for; None gives every pixel.
    """
    out = Decoded()
    if not data:
        out.reason, out.detail = "empty", "0 bytes"
        return out
    if len(data) > limits.max_bytes:
        out.reason, out.detail = "too_many_bytes", f"{len(data)} bytes; the limit is {limits.max_bytes}"
        return out
    try:
        with _quiet_pillow(limits.max_pixels):
            out.image = _decode(data, limits, wanted, out.header)
    except _Refused as refused:
        out.reason, out.detail = refused.reason, str(refused)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        seen = re.search(r"\d+ pixels", str(error))
        out.reason = "too_many_pixels"
        out.detail = f"{seen.group() if seen else 'too many'}; the limit is {limits.max_pixels}"
    except MemoryError:
        out.reason, out.detail = "out_of_memory", "the decoder asked for more memory than it may have"
    except DecoderFailedError as failed:
        # In no variable of this frame: the error's traceback holds the frame and the broken image, and a circle of
        # them would lie in the worker's memory until some later collection, to the cost of the next image.
        out.reason, out.detail = _reason_of(failed.error)
    return out


def _reason_of(error: BaseException) -> tuple[str, str]:
    """(reason, detail) of what the library raised."""
    if isinstance(error, UnidentifiedImageError):
        return "unreadable", "no image format that genimg reads"
    text = _plain(error)
    ended = isinstance(error, EOFError) or _TRUNCATED.search(text)
    return ("truncated" if ended else "decoder_error"), f"{type(error).__name__}: {text}"


@contextmanager
def _quiet_pillow(max_pixels: int) -> Iterator[None]:
    """Our own limit also inside the plugins (an icon holds images of its own), and no warnings."""
    earlier = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = earlier


def _decode(data: bytes, limits: DecodeLimits, wanted: Wanted | None, header: Header) -> Image.Image:
    image = _open(data)
    header.format = (image.format or "").lower() or None
    header.width, header.height, header.mode = image.width, image.height, image.mode
    if image.width * image.height > limits.max_pixels:
        raise _Refused("too_many_pixels", f"{image.width * image.height} pixels; the limit is {limits.max_pixels}")
    try:
        header.frames = int(ask(getattr, image, "n_frames", 1))
    except DecoderFailedError:
        # Later frames are broken and the plugin is lost among them; the first may be whole.
        header.frames = 1
        image = _open(data)
    if header.frames > limits.max_frames:
        raise _Refused("too_many_frames", f"{header.frames} frames; the limit is {limits.max_frames}")
    header.icc_profile = bool(image.info.get("icc_profile"))
    try:
        header.exif_orientation = _orientation(image)
        header.private_tags = private_kinds(image)
    except DecoderFailedError:
        # Pillow loads a PNG's pixels to find its EXIF, and a second load of a broken one would say nothing.
        image = _open(data)
    least = None if wanted is None else wanted.least(image.size, DRAFT_GAP)
    pixels = None
    if header.format in ("jpeg", "mpo"):
        jpeg = decode_jpeg(data, image.size, least)
        pixels, header.damage = jpeg.image, jpeg.damage
    if pixels is None:
        ask(image.draft, None, least)
        ask(image.load)
        pixels = image
    if pixels.width < 1 or pixels.height < 1:
        raise _Refused("decoder_error", "no pixels")
    # A plugin that turns its image upright as it loads (TIFF) leaves no orientation behind.
    turn = _UPRIGHT.get(_orientation_or_none(image))
    pixels = _reduced(pixels, wanted)
    return ask(pixels.transpose, turn) if turn is not None else pixels


def _open(data: bytes) -> Image.Image:
    return ask(Image.open, io.BytesIO(data), formats=_FORMATS)


def _orientation(image: Image.Image) -> int:
    """1..8, 0 if there is none; raises DecoderFailedError."""
    value = ask(ask(image.getexif).get, _ORIENTATION_TAG, 0)
    return value if isinstance(value, int) and 1 <= value <= 8 else 0


def _orientation_or_none(image: Image.Image) -> int:
    """Of an image whose pixels are loaded: broken EXIF does not spoil them."""
    try:
        return _orientation(image)
    except DecoderFailedError:
        return 0


def _reduced(image: Image.Image, wanted: Wanted | None) -> Image.Image:
    """8-bit RGB or RGBA, box-filtered down by a whole factor where there are far more pixels than wanted."""
    factor = 1
    if wanted is not None:
        least = wanted.least(image.size, REDUCING_GAP)
        factor = max(1, min(image.width // least[0], image.height // least[1]))
    if image.mode.startswith("I;16"):
        image = _from_16_bit(image)
    if image.mode in ("I", "F"):
        return _from_wide(ask(image.reduce, factor) if factor > 1 else image).convert("RGB")
    image = _to_rgb(image)
    if factor == 1:
        return image
    if image.mode == "RGBA":  # colours weighted by alpha, so that what is transparent does not bleed
        return ask(image.convert("RGBa").reduce, factor).convert("RGBA")
    return ask(image.reduce, factor)


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB, or RGBA if a pixel is transparent."""
    if image.mode == "La":
        image = ask(image.convert, "LA")
    if not ask(getattr, image, "has_transparency_data"):
        return image if image.mode == "RGB" else ask(image.convert, "RGB")
    if image.mode != "RGBA":
        image = ask(image.convert, "RGBA")
    return image.convert("RGB") if image.getchannel("A").getextrema()[0] == 255 else image


def _from_16_bit(image: Image.Image) -> Image.Image:
    """I;16 in any byte order => L, the full range 0..65535 scaled to 0..255."""
    return Image.fromarray((ask(np.asarray, image) >> 8).astype(np.uint8))


def _from_wide(image: Image.Image) -> Image.Image:
    """I or F => L. The range is guessed from the values: 0..1 (F), 0..255, 0..65535, else least to greatest."""
    values = ask(np.asarray, image).astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise _Refused("decoder_error", "no finite pixel value")
    low, high = float(values[finite].min()), float(values[finite].max())
    values = np.where(finite, values, low)
    if low < 0 or high > 65535:
        values = (values - low) / max(high - low, 1e-300) * 255
    elif high > 255:
        values = values / 257
    elif image.mode == "F" and high <= 1:
        values = values * 255
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _plain(error: BaseException) -> str:
    """One short line without memory addresses: equal on every run."""
    text = " ".join(str(error).split())
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "the file", text)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text[:160] or "no message"
