"""uint8 and [-1, 1]."""

import numpy as np
import torch

from genimg_core.imaging.representation import to_float, to_uint8


def test_every_level_comes_back():
    levels = torch.arange(256, dtype=torch.uint8).reshape(2, 16, 8, 1)
    assert torch.equal(to_uint8(to_float(levels)), levels)


def test_the_ends_and_the_order():
    images = np.zeros((1, 2, 4, 3), np.uint8)
    images[0, 1, 3, 2] = 255
    made = to_float(images)
    assert made.shape == (1, 3, 2, 4) and made.dtype == torch.float32
    assert made[0, 2, 1, 3] == 1 and made[0, 0, 0, 0] == -1
    assert images.max() == 255  # the input is left as it was


def test_a_read_only_array_is_taken_without_a_warning():
    images = np.full((1, 2, 2, 1), 7, np.uint8)
    images.flags.writeable = False
    assert to_uint8(to_float(images)).unique().tolist() == [7]


def test_what_lies_outside_is_cut_off():
    values = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]).reshape(1, 1, 1, 5)
    assert to_uint8(values).flatten().tolist() == [0, 0, 128, 255, 255]
