"""Any shape becomes a square."""

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.fit import Grounds, ImageForm, content_size, fit_square, over, to_form

WIDE = Image.fromarray(
    np.repeat(np.repeat(np.array([[[255, 0, 0]] * 2 + [[0, 255, 0]] * 2 + [[0, 0, 255]] * 2], np.uint8), 20, 0), 10, 1)
)


def test_pad_keeps_the_whole_image_on_the_background():
    out = np.asarray(to_form(WIDE, ImageForm(24, 3, "pad", "#102030")))
    assert out.shape == (24, 24, 3)
    assert out[0, 12].tolist() == out[-1, 12].tolist() == [16, 32, 48]
    assert out[12, 1].tolist() == [255, 0, 0]
    assert out[12, -2].tolist() == [0, 0, 255]


def test_crop_takes_the_centre():
    out = np.asarray(to_form(WIDE, ImageForm(20, 3, "crop", "#000000")))
    assert out[10, 10].tolist() == [0, 255, 0]
    assert out.min(axis=(0, 1)).tolist() == [0, 255, 0], "red and blue lie outside"


def test_stretch_fills_the_square():
    out = np.asarray(to_form(WIDE, ImageForm(24, 3, "stretch", "#000000")))
    assert out[0, 0].tolist() == [255, 0, 0]
    assert out[-1, -1].tolist() == [0, 0, 255]


def test_transparency_shows_the_background_and_no_hidden_colour():
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (4, 4, 12, 12))
    out = np.asarray(to_form(clear, ImageForm(8, 3, "pad", "#ffffff")))
    assert out[0, 0].tolist() == [255, 255, 255]
    assert (out[..., 0].astype(int) - out[..., 1]).max() == 0, "no red fringe"


def test_one_channel():
    assert to_form(WIDE, ImageForm(8, 1, "pad", "#ffffff")).mode == "L"


@pytest.mark.parametrize(("width", "height"), [(1, 1000), (1000, 1), (3, 3), (31, 33)])
def test_no_side_vanishes(width, height):
    for fit in ("pad", "crop", "stretch"):
        assert min(content_size(width, height, 32, fit)) >= 1
        assert to_form(photo_of(width, height), ImageForm(32, 3, fit, "#ffffff")).size == (32, 32)


def photo_of(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (9, 9, 9))


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_every_colour_over_every_ground_is_rounded_as_alpha_composite_does(level):
    colour, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    image = Image.fromarray(np.stack([colour, colour, colour, alpha], axis=-1))
    ground = Image.new("RGBA", image.size, (level, level, level, 255))
    laid = over(image, f"#{level:02x}{level:02x}{level:02x}")
    assert np.array_equal(np.asarray(laid), np.asarray(Image.alpha_composite(ground, image).convert("RGB")))


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("side", [50, 128, 190])
def test_laid_over_its_ground_first_an_image_is_nearer_to_exact_resizing(fit, side):
    """Against floats: premultiplied, resized by Lanczos, then over the ground. The other order rounds three times."""
    draw = np.random.default_rng(side)
    coarse = Image.fromarray(draw.integers(0, 256, (7, 9, 4), np.uint8))
    image = coarse.resize((side + 20, side), Image.Resampling.BICUBIC)
    form = ImageForm(32, 3, fit, "#20c040")
    pixels, ground = np.asarray(image, float), np.array([0x20, 0xC0, 0x40], float)
    exact = []
    for channel in range(3):
        alpha = pixels[..., 3] / 255
        plane = Image.fromarray((pixels[..., channel] * alpha + ground[channel] * (1 - alpha)).astype(np.float32))
        exact.append(np.asarray(_resized_as(plane, form, float(ground[channel]))))
    exact = np.clip(np.stack(exact, axis=-1), 0, 255)
    now = np.abs(np.asarray(to_form(image, form), float) - exact)
    other = np.abs(np.asarray(over(fit_square(image, form.size, form.fit), form.background), float) - exact)
    assert now.max() <= 1.5
    assert now.mean() <= other.mean()
    assert np.array_equal(np.asarray(to_form(image, form)), np.asarray(to_form(image, form, Grounds(image))))


def _resized_as(plane: Image.Image, form: ImageForm, ground: float) -> Image.Image:
    """`fit_square` of floats."""
    size, (width, height) = form.size, plane.size
    if form.fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return plane.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side),
                            reducing_gap=3)
    content = content_size(width, height, size, form.fit)
    square = Image.new("F", (size, size), ground)
    square.paste(plane.resize(content, Image.Resampling.LANCZOS, reducing_gap=3),
                 ((size - content[0]) // 2, (size - content[1]) // 2))
    return square
