"""Each change does to pixels what it says, and nothing where it is off."""

import numpy as np
import pytest
import torch

from genimg_core.models.classifier.augment import augmented, cropped, mirrored, mixed, recoloured, rotated
from genimg_core.models.classifier.settings import AugmentSettings


class Always:
    """A generator whose every draw of [low, high) is this far between them."""

    def __init__(self, share):
        self.share = share

    def random(self, size):
        return np.full(size, self.share)

    def uniform(self, low, high, size):
        return np.full(size, low + (high - low) * self.share)


def draws(seed=0):
    return np.random.default_rng(seed)


def pictures(count=400, side=16, channels=3):
    return torch.from_numpy(draws(1).uniform(-1, 1, (count, channels, side, side))).float()


def slopes(side=32):
    """Two images: brightness grows from left to right, and from top to bottom; -1 to 1 at the centres of pixels."""
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side)])[:, None].contiguous()


def test_half_of_the_images_are_mirrored_exactly():
    images = pictures()
    changed = mirrored(images, draws())
    same = (changed == images).all(dim=(1, 2, 3))
    other = (changed == images.flip(3)).all(dim=(1, 2, 3))
    assert (same ^ other).all() and 0.4 < other.float().mean() < 0.6


@pytest.mark.parametrize(("share", "start"), [(0.0, None), (1.0, 0.5), (0.5, None)])
def test_a_crop_is_a_window_enlarged(share, start):
    """With `crop` 0.5 and the last place: from half of the side to its end, so brightness from 0 to 1."""
    images = slopes()
    changed = cropped(images, 0.5, Always(share))
    if share == 0.0:  # the whole side
        assert torch.allclose(changed, images, atol=1e-5)
    elif share == 1.0:
        inside = changed[0, 0, 16, 2:-2]
        assert torch.allclose(inside, ((torch.arange(32) + 0.5) / 32)[2:-2], atol=1e-5)
        assert torch.allclose(changed[1, 0], changed[0, 0].T, atol=1e-6)
    else:  # three quarters of the side, in the middle
        assert changed[0, 0, 16, 16] - changed[0, 0, 16, 15] == pytest.approx(2 / 32 * 0.75, rel=1e-4)
        assert changed[0, 0].mean() == pytest.approx(0, abs=1e-5)


def test_crops_differ_and_stay_within_the_image():
    changed = cropped(slopes().repeat(100, 1, 1, 1), 0.5, draws())
    widths = (changed[::2, 0, 16, 20] - changed[::2, 0, 16, 12]) / (2 / 32 * 8)
    assert 0.5 <= widths.min() < 0.6 and 0.9 < widths.max() <= 1.0001
    centres = changed[::2, 0, 16, 15:17].mean(dim=1)
    assert centres.min() < -0.2 and centres.max() > 0.2


@pytest.mark.parametrize(("share", "turns"), [(0.5, 0), (1.0, 1), (0.0, -1)])
def test_a_rotation_turns_by_the_angle_and_either_way(share, turns):
    images = pictures(4)
    assert torch.allclose(rotated(images, 90.0, Always(share)), images.rot90(turns, (2, 3)), atol=1e-4)


def test_small_rotations_keep_the_centre_and_stay_below_the_angle():
    images = slopes().repeat(200, 1, 1, 1)
    changed = rotated(images, 20.0, draws())
    right = changed[::2, 0, 15, 24] - changed[::2, 0, 15, 7]
    down = changed[::2, 0, 24, 15] - changed[::2, 0, 7, 15]
    angles = torch.rad2deg(torch.atan2(down, right))
    assert angles.abs().max() <= 20.01 and angles.min() < -15 and angles.max() > 15
    assert changed[:, 0, 15:17, 15:17].mean(dim=(1, 2)).abs().max() < 1e-4


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colours_change_by_the_strength_and_alpha_never(channels):
    images = pictures(channels=channels) / 4
    changed = recoloured(images, 0.3, draws())
    assert not torch.allclose(changed[:, 0], images[:, 0], atol=0.01)
    if channels == 4:
        assert torch.equal(changed[:, 3], images[:, 3])
    brightness = ((changed + 1) / (images + 1))[:, :3].mean(dim=(1, 2, 3))
    assert 0.65 < brightness.min() < 0.8 and 1.2 < brightness.max() < 1.4


def test_brightness_contrast_and_saturation_are_what_they_say():
    """All three times 1.2: the mean brightness, the distance from it, and the distance of colours from grey."""
    images = pictures(8) / 8
    changed = (recoloured(images, 0.2, Always(1.0)) + 1) / 2
    light = (images + 1) / 2
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    before, after = (light * weights).sum(dim=1), (changed * weights).sum(dim=1)
    assert torch.allclose(after.mean(dim=(1, 2)), 1.2 * before.mean(dim=(1, 2)), atol=1e-5)
    assert torch.allclose(after.std(dim=(1, 2)), 1.2**2 * before.std(dim=(1, 2)), rtol=1e-4)
    assert torch.allclose(changed[:, 0] - changed[:, 1], 1.2**3 * (light[:, 0] - light[:, 1]), atol=1e-5)


def test_no_colour_leaves_the_range():
    assert recoloured(pictures(), 1.0, draws()).abs().max() <= 1


def test_mixup_blends_images_and_classes_alike():
    images, labels = torch.eye(6)[:, :, None, None].repeat(1, 1, 4, 4), torch.arange(6)
    changed, chances = mixed(images, labels, 6, 1.0, draws(3))
    assert torch.allclose(changed[:, :, 0, 0], chances, atol=1e-6)  # channel k of an image is how much it is of class k
    assert torch.allclose(chances.sum(dim=1), torch.ones(6))
    share = chances.diagonal().min().item()
    assert 0 < share < 1 and torch.allclose(chances.sum(dim=0), torch.ones(6))


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.2, 0.0, 0.15), (8.0, 0.35, 0.5)])
def test_alpha_says_how_much_is_blended(alpha, low, high):
    generator, labels, blends = draws(), torch.arange(12), []
    for _ in range(200):
        _, chances = mixed(torch.zeros(12, 1, 2, 2), labels, 12, alpha, generator)
        share = chances.diagonal().min().item()  # of those that are not blended with themselves
        blends.append(min(share, 1 - share))
    assert low <= np.median(blends) <= high


def test_off_is_off_and_draws_nothing():
    images, generator = pictures(4), draws()
    before = generator.bit_generator.state
    assert augmented(images, AugmentSettings(), generator) is images
    assert generator.bit_generator.state == before and not AugmentSettings().any


def test_equal_seeds_give_equal_bits():
    settings = AugmentSettings(crop=0.3, flip=True, rotate_degrees=10, colour=0.2)
    one, two, other = (augmented(pictures(8), settings, draws(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert settings.any and one.shape == (8, 3, 16, 16) and one.abs().max() <= 1
