"""The PNG writer: Pillow reads back what was put in, and the bytes are what they are."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from genimg_core.sources.plain_png import plain_png


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 2**31))
def test_every_pixel_comes_back(width, height, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    image = Image.open(io.BytesIO(plain_png(pixels.tobytes(), width, height, channels)))
    image.load()
    assert image.mode == ("L" if channels == 1 else "RGB")
    assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("side", [255, 256, 400])
def test_more_than_one_block(side):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(plain_png(pixels.tobytes(), side, side, 1)))), pixels)


def test_the_bytes_are_the_same_everywhere():
    """An image goes by the hash of these bytes: another one would stale every data set made of IDX files."""
    data = plain_png(bytes(range(6)), 3, 2, 1)
    assert hashlib.sha256(data).hexdigest() == "d1afdb4668aa1ff7e00680a0ef675e19d2ac93d8e70e8bc6d1cde3b46574810f"
