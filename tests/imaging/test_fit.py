"""Any shape becomes a square."""

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.fit import ImageForm, content_size, to_form

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
