"""Which kinds of private data a file holds."""

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from genimg_core.imaging.decode import DecodeLimits, decode
from tests.pictures import encoded, photo


def exif(**kinds) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = 6
    for name, value in kinds.items():
        if name == "gps":
            made.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)})
        else:
            tag = ExifTags.Base[name]
            (made if name in ("Artist", "XPAuthor") else made.get_ifd(ExifTags.IFD.Exif))[tag] = value
    return made


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("tags", "told"), [
    ({}, None),
    ({"gps": True}, "gps"),
    ({"BodySerialNumber": "4711"}, "serial"),
    ({"LensSerialNumber": ""}, None),
    ({"Artist": "A. Person", "gps": True}, "gps,owner"),
    ({"MakerNote": b"SECRET\0\1\2\3", "CameraOwnerName": "B. Person"}, "maker_note,owner")])
def test_kinds_are_told_whatever_the_format(kind, tags, told):
    header = decode(encoded(photo(1), kind, exif=exif(**tags)), DecodeLimits()).header
    assert (header.private_tags, header.exif_orientation) == (told, 6)


def test_a_tiffs_own_tags():
    data = encoded(photo(1), "TIFF", exif=exif(Artist="A. Person"))
    assert decode(data, DecodeLimits()).header.private_tags == "owner"


def test_xmp_and_colour_profiles():
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    assert decode(encoded(photo(1), pnginfo=text), DecodeLimits()).header.private_tags == "xmp"
    assert decode(encoded(photo(1), "JPEG", xmp=b"<x:xmpmeta/>"), DecodeLimits()).header.private_tags == "xmp"
    header = decode(encoded(photo(1), "JPEG", icc_profile=b"a profile"), DecodeLimits()).header
    assert header.icc_profile and header.private_tags is None
    assert not decode(encoded(photo(1)), DecodeLimits()).header.icc_profile


def test_broken_exif_costs_neither_orientation_nor_image():
    data = encoded(photo(1), "JPEG", exif=exif(gps=True))
    place = data.index(b"\x25\x88") if b"\x25\x88" in data else data.index(b"\x88\x25")
    torn = data[:place + 8] + b"\xff\xff\xff\xff" + data[place + 12:]
    decoded = decode(torn, DecodeLimits())
    assert decoded.reason is None and decoded.header.exif_orientation == 6
