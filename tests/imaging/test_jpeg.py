"""Damage that libjpeg goes on from is told; what is odd and harmless is not."""

import io

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from genimg_core.imaging.jpeg import decode_jpeg
from tests.pictures import encoded, photo

PICTURE = photo(1, 320, 240)
GOOD = encoded(PICTURE, "JPEG", quality=95)
PROGRESSIVE = encoded(PICTURE, "JPEG", quality=95, progressive=True)
RESTARTS = encoded(PICTURE, "JPEG", quality=95, restart_marker_blocks=9)
END = b"\xff\xd9"


def damage(data: bytes) -> str | None:
    decoded = decode(data, DecodeLimits())
    assert decoded.reason is None, decoded.detail
    assert decoded.image.size == (320, 240)
    return decoded.header.damage


def rotten(data: bytes, seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    start = int(draw.integers(len(data) // 3, len(data) * 2 // 3))
    return data[:start] + draw.integers(0, 255, 1000).astype(np.uint8).tobytes() + data[start + 1000:]


@pytest.mark.parametrize("whole", [GOOD, RESTARTS], ids=["baseline", "restarts"])
def test_overwritten_pixel_data_is_told(whole):
    assert damage(whole) is None
    found = [decode(rotten(whole, seed), DecodeLimits()) for seed in range(20)]
    assert sum(one.header.damage is not None and "Corrupt JPEG data" in one.header.damage for one in found) >= 18
    assert sum(one.header.damage is not None or one.reason is not None for one in found) >= 19


def test_a_cut_in_a_progressive_file_is_told_by_pillow_or_by_libjpeg():
    assert damage(PROGRESSIVE) is None
    cut = decode(PROGRESSIVE[:len(PROGRESSIVE) // 2] + END, DecodeLimits())
    assert cut.reason == "truncated" or cut.header.damage


ODD = {
    "padding of zeros": GOOD[:-2] + bytes(40) + END,
    "padding of other bytes": GOOD[:-2] + b"\x20" * 40 + END,
    "fill bytes": GOOD[:-2] + b"\xff" * 9 + END,
    "data after the end": GOOD + b"and a film of three seconds" * 50,
    "bytes between segments": GOOD[:20] + b"\x01\x02\x03\x04\x05\x06\x07" + GOOD[20:],
    "a torn colour profile": GOOD[:2] + b"\xff\xe2\x00\x14ICC_PROFILE\0\x05\x02abcd" + GOOD[2:],
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_is_odd_around_whole_pixels_is_harmless(data):
    assert damage(data) is None
    assert np.array_equal(np.asarray(decode(data, DecodeLimits()).image), np.asarray(Image.open(io.BytesIO(GOOD))))


def test_pixel_data_that_is_left_over_is_no_padding():
    half = encoded(PICTURE, "JPEG", quality=30)
    assert "extraneous" in damage(half[:-2] + GOOD[2000:2300].replace(b"\xff", b"\x00") + END)


@pytest.mark.parametrize("least", [None, (160, 120), (81, 61), (40, 30), (320, 240)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"grey": True}], ids=str)
def test_pixels_are_those_of_pillow(least, options):
    picture = PICTURE.convert("L") if options == {"grey": True} else PICTURE
    data = encoded(picture, "JPEG", **({} if "grey" in options else options))
    with Image.open(io.BytesIO(data)) as expected:
        if least is not None:
            expected.draft(None, least)
        expected.load()
    found = decode_jpeg(data, (320, 240), least).image
    assert found.mode == expected.mode
    assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_printing_colours_and_bad_sizes_are_left_to_pillow():
    cmyk = encoded(PICTURE.convert("CMYK"), "JPEG")
    assert decode_jpeg(cmyk, (320, 240), None).image is None
    decoded = decode(cmyk, DecodeLimits(), Wanted(32, 1, 32))
    assert decoded.image.mode == "RGB" and decoded.header.mode == "CMYK"
    assert decode_jpeg(rotten(cmyk, 1), (320, 240), None).damage
    assert decode_jpeg(GOOD, (320, 241), None).image is None
    assert decode_jpeg(b"\xff\xd8\xff", (1, 1), None) == decode_jpeg(b"", (1, 1), None)
