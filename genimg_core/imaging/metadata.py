"""What a file says beside its pixels that may be nobody's business: which kinds are there, never their content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from genimg_core.imaging.decoder_errors import ask

_SERIAL = (ExifTags.Base.BodySerialNumber, ExifTags.Base.LensSerialNumber, ExifTags.Base.CameraSerialNumber)
_OWNER = (ExifTags.Base.Artist, ExifTags.Base.CameraOwnerName, ExifTags.Base.XPAuthor)
_XMP = ("xmp", "XML:com.adobe.xmp")
_IPTC = ("photoshop", "iptc")


def private_kinds(image: Image.Image) -> str | None:
    """Kinds of private data in an opened image, separated by commas; None where there is none.

    `gps` (a place), `iptc` and `xmp` (press and editing data, of any content), `maker_note` (the camera maker's own),
    `owner` (a name), `serial` (of camera or lens).

    Raises:
        DecoderFailedError: the EXIF is broken.
    """
    exif = ask(image.getexif)
    camera = ask(exif.get_ifd, ExifTags.IFD.Exif) if exif else {}
    found = {
        "gps": bool(exif) and bool(ask(exif.get_ifd, ExifTags.IFD.GPSInfo)),
        "iptc": any(key in image.info for key in _IPTC),
        "maker_note": ExifTags.Base.MakerNote in camera,
        "owner": _says_any(exif, _OWNER) or _says_any(camera, _OWNER),
        "serial": _says_any(exif, _SERIAL) or _says_any(camera, _SERIAL),
        "xmp": any(key in image.info for key in _XMP)}
    return ",".join(kind for kind, there in found.items() if there) or None


def _says_any(tags: Mapping[int, Any], kinds: tuple[int, ...]) -> bool:
    return any(ask(tags.get, kind) not in (None, "", b"") for kind in kinds)
