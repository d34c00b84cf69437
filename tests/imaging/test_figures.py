"""Figures against their definitions, written the long way, and the small picture."""

import numpy as np
import pytest
from PIL import Image

from genimg_core.imaging.figures import measure, thumbnail_of
from genimg_core.imaging.fit import Grounds


def drawn(seed: int, channels: int, height: int = 45, width: int = 61) -> Image.Image:
    """Noise of which some is wholly transparent and some opaque."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    if channels == 4:
        pixels[:10, :, 3], pixels[10:20, :, 3] = 0, 255
    return Image.fromarray(pixels)


def figures(image: Image.Image, sides: tuple[int, int] = (61, 45)) -> dict:
    grounds = Grounds(image)
    return measure(image, sides, grounds, thumbnail_of(image, grounds))


@pytest.mark.parametrize("channels", [3, 4])
def test_figures_are_what_they_say(channels):
    image = drawn(channels, channels)
    found, pixels = figures(image), np.asarray(image, float)
    alpha = pixels[..., 3:] / 255 if channels == 4 else np.ones((*pixels.shape[:2], 1))
    black = np.rint(pixels[..., :3] * alpha)
    grey = np.asarray(image.convert("RGB").convert("L"), float)
    spread = black.std(axis=(0, 1)).max()
    assert found["contrast"] == pytest.approx(max(spread, 255 * alpha.std()), abs=1e-9)
    assert found["luminance"] == pytest.approx((black @ (0.299, 0.587, 0.114)).sum() / alpha.sum(), abs=0.5)
    assert found["alpha_share"] == pytest.approx((alpha < 1).mean())
    ground = np.rint(grey * alpha[..., 0] + 128 * (1 - alpha[..., 0]))
    shares = np.unique(ground, return_counts=True)[1] / ground.size
    assert found["entropy"] == pytest.approx(-(shares * np.log2(shares)).sum(), abs=0.01)
    edges = ground[:-2, 1:-1] + ground[2:, 1:-1] + ground[1:-1, :-2] + ground[1:-1, 2:] - 4 * ground[1:-1, 1:-1]
    assert found["sharpness"] == pytest.approx(edges.var(), rel=1e-3 if channels == 4 else 1e-9)


def test_the_id_is_of_the_pixels_and_of_the_stored_size():
    image = drawn(1, 3)
    assert figures(image)["pixels_id"] == figures(image.copy(), (45, 61))["pixels_id"], "turned by its EXIF or not"
    assert figures(image)["pixels_id"] != figures(image, (122, 90))["pixels_id"]
    changed = image.copy()
    changed.putpixel((60, 44), tuple(255 - value for value in image.getpixel((60, 44))))
    assert figures(image)["pixels_id"] != figures(changed)["pixels_id"]
    opaque = image.convert("RGBA")
    opaque.putalpha(254)
    assert figures(image)["pixels_id"] != figures(opaque)["pixels_id"]


def test_strips_and_points_have_figures():
    for size in ((1, 1), (2, 300), (300, 1)):
        found = figures(Image.new("RGB", size, (9, 99, 199)))
        assert (found["contrast"], found["entropy"], found["sharpness"]) == (0, 0, 0)


@pytest.mark.parametrize("side", [31, 32, 64, 97, 250])
def test_a_thumbnail_has_the_mean_of_its_image_and_no_colour_that_nobody_sees(side):
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[...] = (255, 0, 0, 0)
    pixels[side // 4:-(side // 4), side // 4:-(side // 4)] = (0, 0, 250, 255)
    image = Image.fromarray(pixels)
    small = np.asarray(thumbnail_of(image, Grounds(image)), float)
    assert small.shape == (32, 32, 4)
    assert small[..., 3].mean() == pytest.approx(pixels[..., 3].mean(), rel=0.05)
    assert small[..., 0].max() == 0, "no red fringe"
    assert np.abs(small[small[..., 3] > 16][:, 2] - 250).max() < 12
    plain = Image.new("RGB", (side, side + 7), (10, 120, 230))
    assert np.unique(np.asarray(thumbnail_of(plain, Grounds(plain))).reshape(-1, 4), axis=0).tolist() == [
        [10, 120, 230, 255]]
