"""Bytes of any origin: an upright 8-bit image, or the reason why not."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from tests.pictures import encoded, photo

LIMITS = DecodeLimits()


def pixels(data: bytes) -> np.ndarray:
    decoded = decode(data, LIMITS)
    assert decoded.reason is None, decoded.detail
    return np.asarray(decoded.image)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no picture, but a note", "unreadable"),
        (encoded(photo(1))[:-400], "truncated"),
        (encoded(photo(1), "JPEG")[:600], "truncated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unreadable"),
    ],
)
def test_bad_files_get_a_reason(data, reason):
    decoded = decode(data, LIMITS)
    assert decoded.reason == reason, decoded.detail
    assert decoded.image is None
    assert decoded.detail


def test_a_png_damaged_in_the_middle_is_no_image():
    """The search for EXIF loads a PNG's pixels; what fails there must not count as done."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = bytearray(encoded(Image.fromarray(noise)))
    middle = len(data) // 2
    data[middle:middle + 200] = bytes(200)
    found = decode(bytes(data), DecodeLimits())
    assert found.image is None
    assert found.reason in ("truncated", "decoder_error")


def test_limits_hold_before_pixels_are_decoded():
    data = encoded(photo(1, 60, 50))
    assert decode(data, DecodeLimits(max_bytes=len(data) - 1)).reason == "too_many_bytes"
    assert decode(data, DecodeLimits(max_pixels=2999)).reason == "too_many_pixels"
    assert decode(data, DecodeLimits(max_pixels=3000)).reason is None
    frames = encoded(photo(1), "GIF", save_all=True, append_images=[photo(2), photo(3)])
    assert decode(frames, DecodeLimits(max_frames=2)).reason == "too_many_frames"
    assert decode(frames, DecodeLimits(max_frames=3)).reason is None


def test_a_bomb_is_refused_by_its_header():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    decoded = decode(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""), LIMITS)
    assert decoded.reason == "too_many_pixels"
    assert "2500000000 pixels" in decoded.detail
    assert Image.MAX_IMAGE_PIXELS is not None, "Pillow's own limit is put back"


def test_an_animation_gives_its_first_frame_and_their_number():
    decoded = decode(encoded(photo(1), "WEBP", save_all=True, append_images=[photo(2)], lossless=True), LIMITS)
    assert decoded.header.frames == 2
    assert np.array_equal(np.asarray(decoded.image), np.asarray(photo(1)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied_once(orientation, kind):
    # A camera that was turned stores the turned picture and says how to turn it back.
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = photo(3, 64, 40)
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(stored, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {})), LIMITS)
    assert decoded.header.exif_orientation == orientation
    assert decoded.image.size == (64, 40)
    assert np.abs(np.asarray(decoded.image, int) - np.asarray(upright, int)).mean() < 3


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        got = pixels(encoded(Image.fromarray(ramp), kind))
        assert (got[0, 0].max(), got[-1, -1].min()) == (0, 255)
        assert np.abs(got[..., 0].astype(float) - ramp / 257).max() <= 1


@pytest.mark.parametrize(("least", "greatest"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 7.0), (0.0, 60000.0)])
def test_floats_fill_the_range_they_seem_to_have(least, greatest):
    ramp = np.linspace(least, greatest, 4096, dtype=np.float32).reshape(64, 64)
    got = pixels(encoded(Image.fromarray(ramp), "TIFF"))[..., 0]
    expected = ramp / 257 if greatest == 60000 else (ramp - least) / (greatest - least) * 255
    assert np.abs(got - expected).max() <= 1


def test_transparency_in_every_guise():
    picture = photo(4).convert("RGBA")
    picture.putalpha(Image.fromarray(np.tile(np.array([0, 128, 255], np.uint8), (48, 16))))
    for data in (encoded(picture), encoded(picture, "WEBP", lossless=True, exact=True), encoded(picture.convert("LA"))):
        got = pixels(data)
        assert got.shape == (48, 48, 4)
        assert got[0, :3, 3].tolist() == [0, 128, 255]
    palette = photo(4).quantize(16)
    assert pixels(encoded(palette)).shape == (48, 48, 3)
    assert pixels(encoded(palette, transparency=0)).shape == (48, 48, 4)
    assert pixels(encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 255)))).shape == (9, 9, 3), "opaque alpha says nothing"


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr", "LAB", "I", "RGBX"])
def test_other_modes_become_rgb(mode):
    image = photo(5).convert("L").convert(mode) if mode in ("1", "I") else photo(5).convert("RGB")
    if mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    got = pixels(
        encoded(image if mode in ("1", "I", "LAB") else image.convert(mode), "TIFF" if mode != "RGBX" else "PNG")
        if mode != "RGBX"
        else encoded(image)
    )
    assert got.shape == (48, 48, 3)
    assert got.std() > 10


def test_a_large_photo_comes_reduced_and_looks_the_same():
    image = photo(6, 1200, 800)
    for data in (encoded(image, "JPEG", quality=92), encoded(image)):
        small, whole = decode(data, LIMITS, wanted=Wanted(64, 1, 32)), decode(data, LIMITS)
        assert max(small.image.size) <= 400
        assert min(small.image.size) >= 2 * 64 * 800 / 1200 - 1
        assert (small.header.width, small.header.height) == (1200, 800)
        both = [np.asarray(d.image.resize((64, 43), Image.Resampling.LANCZOS), int) for d in (small, whole)]
        assert np.abs(both[0] - both[1]).mean() < 1.5


def test_details_hold_no_memory_address():
    for cut in range(20, 400, 20):
        detail = decode(encoded(photo(7), "TIFF")[:cut], LIMITS).detail
        assert "0x" not in (detail or "")
