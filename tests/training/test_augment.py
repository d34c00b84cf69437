"""What augmentation does to images, and what it leaves alone."""

import pytest
import torch

from genimg_core.training.augment import KINDS, Augmentation, _axis, _cut_out, _Draws, _moved, _recoloured
from genimg_core.training.generators import torch_generator


def images_of(count=64, channels=1, side=12):
    return torch.rand(count, channels, side, side, generator=torch_generator(0, "test/images")) * 2 - 1


def draws_of(count, *kinds, strength=0.8):
    """Draws in which these kinds befall every image, and no other does."""
    draws = _Draws(count, strength, torch_generator(0, "test/draws"), torch.device("cpu"))
    for place, kind in enumerate(KINDS):
        draws._chosen[place] = kind in kinds
    return draws


def test_without_strength_nothing_is_drawn_and_nothing_changes():
    images, generator = images_of(), torch_generator(0, "test")
    before = generator.get_state()
    assert Augmentation(True)(images, generator) is images
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_that_nothing_befalls_keeps_its_bits(channels):
    images = images_of(600, channels)
    augmentation = Augmentation(True)
    augmentation.strength = 0.3
    changed = augmentation(images, torch_generator(1, "test"))
    same = (changed == images).flatten(1).all(dim=1).double().mean().item()
    # Saturation befalls colour only; of the rest nine kinds each leave 0.7, a mirroring half of what it befalls.
    expected = 0.7 ** (8 if channels == 1 else 9) * 0.85
    assert same == pytest.approx(expected, abs=0.02) and changed.shape == images.shape


def test_every_kind_changes_something():
    for kind in KINDS:
        images = images_of(channels=3)
        draws = draws_of(len(images), kind)
        assert not torch.equal(_cut_out(_recoloured(_moved(images, draws, True), draws), draws), images), kind


def test_shifts_are_whole_pixels_and_edges_are_mirrored():
    row = torch.arange(8.0)
    one = torch.tensor([1.0])
    right = _axis(8, one, torch.zeros(1), one, torch.tensor([False]))[0] @ row  # the furthest: an eighth of 8
    assert right.tolist() == [1, 0, 1, 2, 3, 4, 5, 6]
    turned = _axis(8, one / 2, torch.zeros(1), one, torch.tensor([True]))[0] @ row
    assert turned.tolist() == row.flip(0).tolist()
    half = _axis(8, one / 2, one / 2, one, torch.tensor([False]))[0] @ row  # half of an eighth of 8
    assert half.tolist() == [0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]


def test_zoom_keeps_the_centre_and_brightness():
    weights = _axis(9, torch.tensor([0.5]), torch.zeros(1), torch.tensor([2.0]), torch.tensor([False]))[0]
    assert torch.allclose(weights.sum(dim=1), torch.ones(9))
    assert (weights @ torch.arange(9.0)).tolist() == [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6]


def test_mirrored_only_where_labels_allow():
    images = torch.zeros(400, 1, 8, 8)
    images[..., :4] = 1
    draws = draws_of(400, "flip")
    assert torch.equal(_moved(images, draws, False), images)
    assert (_moved(images, draws, True)[:, 0, 0, 0] == 0).double().mean().item() == pytest.approx(0.5, abs=0.08)


def test_at_the_cap_the_unchanged_remains_the_likeliest():
    """Else the generator could not tell which way round images were, or where they stood."""
    count = 4000
    draws = _Draws(count, 0.8, torch_generator(3, "test"), torch.device("cpu"))
    assert (draws.chosen("flip") & (draws.even("flip") < 0.5)).double().mean() < 0.45
    shifts = torch.round((2 * draws.even("shift_x") - 1) * 4).int()
    counts = {shift: (shifts == shift).sum().item() for shift in range(-4, 5)}
    assert max(counts, key=counts.get) == 0 and counts[0] > 2 * counts[1]
    for kind in ("part_x", "zoom", "brightness", "contrast"):
        assert (draws.normal(kind) == 0).double().mean().item() == pytest.approx(0.2, abs=0.03)


def test_alpha_moves_with_the_rest_and_keeps_its_values():
    images = images_of(50, 4)
    draws = draws_of(50, "brightness", "contrast", "saturation")
    changed = _recoloured(images, draws)
    assert torch.equal(changed[:, 3], images[:, 3]) and not torch.equal(changed[:, :3], images[:, :3])


def test_the_generators_slope_passes_through():
    images = images_of(4).double().requires_grad_()
    augmentation = Augmentation(True)
    augmentation.strength = 0.8

    def changed(pixels):
        return augmentation(pixels, torch_generator(2, "test")).double().square().sum()

    (slope,) = torch.autograd.grad(changed(images), images)
    step = torch.zeros_like(images)
    step[1, 0, 3, 3], step[2, 0, 8, 5] = 0.05, -0.05
    with torch.no_grad():
        rise = (changed(images + step) - changed(images - step)) / 2
    assert rise.item() == pytest.approx((slope * step).sum().item(), rel=1e-3, abs=1e-5)
    assert slope.any()


def test_equal_generators_give_equal_bits():
    augmentation = Augmentation(True)
    augmentation.strength = 0.5
    told = [augmentation(images_of(channels=3), torch_generator(seed, "test")) for seed in (0, 0, 1)]
    assert torch.equal(told[0], told[1]) and not torch.equal(told[0], told[2])
