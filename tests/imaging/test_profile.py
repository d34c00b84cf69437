"""Figures of one image."""

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.decode import DecodeLimits
from genimg_core.imaging.fit import ImageForm
from genimg_core.imaging.profile import from_bytes, profile_image, to_bytes
from tests.pictures import encoded, photo

FORM = ImageForm(16, 3, "pad", "#ffffff")


def figures(image: Image.Image, **options):
    return profile_image(encoded(image, **options), FORM, DecodeLimits()).figures


def test_a_grey_ramp():
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (4, 1)))
    found = figures(ramp.resize((64, 64)))
    assert found["luminance"] == pytest.approx(127.5, abs=1)
    assert found["contrast"] == pytest.approx(256 / np.sqrt(12), abs=1)
    assert (found["width"], found["height"], found["mode"], found["format"]) == (64, 64, "L", "png")


def test_entropy_counts_bits():
    assert figures(Image.new("RGB", (32, 32), (90, 90, 90)))["entropy"] == 0
    halves = Image.new("L", (32, 32))
    halves.paste(255, (0, 0, 16, 32))
    assert figures(halves)["entropy"] == 1
    every_level = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (8, 1)))
    assert figures(every_level)["entropy"] == pytest.approx(8)


def test_contrast_sees_colour_and_transparency():
    plain = Image.new("RGB", (32, 32), (90, 90, 90))
    assert figures(plain)["contrast"] == 0
    equal_brightness = plain.copy()
    equal_brightness.paste((255, 0, 0), (0, 0, 32, 16))
    equal_brightness.paste((0, 130, 0), (0, 16, 32, 32))
    assert figures(equal_brightness)["contrast"] > 60
    white_letter = Image.new("RGBA", (32, 32), (255, 255, 255, 0))
    white_letter.paste((255, 255, 255, 255), (8, 8, 24, 24))
    found = figures(white_letter)
    assert found["contrast"] > 60
    assert found["trained_contrast"] == 0, "on the white background nothing of it is left"
    assert found["alpha_share"] == 0.75
    assert found["luminance"] == 255
    assert figures(Image.new("RGBA", (32, 32), (200, 10, 10, 0)))["contrast"] == 0


def test_sharpness_falls_with_blur():
    sharp = Image.fromarray(
        np.kron(np.random.default_rng(0).integers(0, 2, (16, 16), np.uint8) * 255, np.ones((2, 2), np.uint8))
    )
    blurred = sharp.resize((8, 8), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BICUBIC)
    assert figures(sharp)["sharpness"] > 10 * figures(blurred)["sharpness"]


def test_equal_pixels_have_one_id_whatever_the_file():
    image = photo(1)
    assert (
        figures(image)["pixels_id"]
        == figures(image, kind="BMP")["pixels_id"]
        == figures(image.convert("RGBA"))["pixels_id"]
    )
    changed = image.copy()
    changed.putpixel((0, 0), tuple(255 - value for value in image.getpixel((0, 0))))
    assert figures(image)["pixels_id"] != figures(changed)["pixels_id"]


def test_the_memo_gives_back_what_it_took():
    for data in (encoded(photo(2)), b"no image"):
        profile = profile_image(data, FORM, DecodeLimits())
        again = from_bytes(to_bytes(profile), FORM)
        assert again.figures == profile.figures
        for one, other in ((again.image, profile.image), (again.thumbnail, profile.thumbnail)):
            assert one is other is None or np.array_equal(one, other)
    with pytest.raises(ValueError, match="other figures"):
        from_bytes(b"\x02\0\0\0{}", FORM)
