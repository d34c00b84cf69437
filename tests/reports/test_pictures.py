"""Contact sheets."""

import numpy as np
import pytest
from PIL import Image

from genimg_core.reports.pictures import contact_sheet, even_strides, save_png


def test_every_image_has_its_tile_whatever_its_shape():
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    grey = np.full((4, 4, 1), 100, np.uint8)
    wide = Image.new("RGB", (200, 20), (0, 0, 255))
    clear = np.zeros((4, 4, 4), np.uint8)
    sheet = contact_sheet([red, grey, wide, clear], columns=2, tile_px=32, gap_px=8)
    assert sheet.size == (2 * 40 + 8, 2 * 40 + 8)
    assert sheet.getpixel((24, 24)) == (255, 0, 0)
    assert sheet.getpixel((64, 24)) == (100, 100, 100)
    assert sheet.getpixel((24, 64)) == (0, 0, 255)
    assert sheet.getpixel((24, 50)) == (255, 255, 255), "above the strip the paper shows"
    assert len(set(sheet.crop((48, 48, 80, 80)).get_flattened_data())) == 2, "a checkerboard shows through"


def test_captions_make_room_and_are_cut():
    images = [np.zeros((8, 8), np.uint8)] * 2
    plain = contact_sheet(images)
    named = contact_sheet(images, ["α beta", "x" * 200])
    assert named.height > plain.height
    assert named.height < plain.height + 60
    assert named.width == plain.width
    with pytest.raises(ValueError, match="1 captions for 2 images"):
        contact_sheet(images, ["one"])


def test_no_image_gives_an_empty_sheet():
    assert contact_sheet([]).getcolors() == [(contact_sheet([]).width * contact_sheet([]).height, (255, 255, 255))]


def test_equal_pictures_give_equal_bytes(tmp_path):
    images = [np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)]
    for name in ("a.png", "b.png"):
        save_png(contact_sheet(images, ["ä"]), tmp_path / name, {"genimg:seed": "1", "genimg:class": "α"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.text == {"genimg:seed": "1", "genimg:class": "α"}


def test_even_strides():
    assert even_strides(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert even_strides(3, 5).tolist() == [0, 1, 2]
    assert even_strides(0, 5).tolist() == []
