"""The perceptual hash, against an independent form."""

import numpy as np
import scipy.fft

from genimg_core.imaging.phash import dct_matrix, from_hex, phash, to_hex


def test_cosines_are_scipys():
    picture = np.random.default_rng(0).random((32, 32))
    expected = scipy.fft.dct(scipy.fft.dct(picture, axis=0), axis=1)[:8, :8]
    assert np.allclose(dct_matrix() @ picture @ dct_matrix().T, expected)


def test_hash_is_imagehashs():
    for seed in range(50):
        picture = np.random.default_rng(seed).integers(0, 256, (32, 32), np.uint8)
        low = scipy.fft.dct(scipy.fft.dct(picture.astype(float), axis=0), axis=1)[:8, :8]
        bits = "".join("1" if bit else "0" for bit in (low > np.median(low)).reshape(-1))
        assert phash(picture) == int(bits, 2)


def test_brightness_and_noise_hardly_move_it_and_another_picture_does():
    rng = np.random.default_rng(1)
    base = np.kron(rng.integers(0, 200, (8, 8)), np.ones((4, 4)))
    changed = base + 20 + rng.normal(0, 2, base.shape)
    other = np.kron(rng.integers(0, 200, (8, 8)), np.ones((4, 4)))
    assert (phash(base) ^ phash(changed)).bit_count() <= 3
    assert (phash(base) ^ phash(other)).bit_count() > 12


def test_hex_and_back():
    assert from_hex([to_hex(2**64 - 1), to_hex(5)]).tolist() == [2**64 - 1, 5]
