"""What the classifier's images go through before they are shown. Every draw comes from the generator that is given.

B is the batch size; images are float (B, C, S, S) in [-1, 1]; of four channels the last is alpha, whose colour stays.
What lies outside an image is its nearest edge pixel, as in `fit.shifted`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from genimg_core.models.classifier.settings import AugmentSettings

LUMA = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601)."""


def augmented(images: Tensor, settings: AugmentSettings, draws: np.random.Generator) -> Tensor:
    """All that the settings ask for, but for MixUp, which changes classes, too: (B, C, S, S)."""
    if settings.flip:
        images = mirrored(images, draws)
    if settings.crop:
        images = cropped(images, settings.crop, draws)
    if settings.rotate_degrees:
        images = rotated(images, settings.rotate_degrees, draws)
    return recoloured(images, settings.colour, draws) if settings.colour else images


def mirrored(images: Tensor, draws: np.random.Generator) -> Tensor:
    """Each image, with probability one half, from left to right."""
    chosen = torch.from_numpy(draws.random(len(images)) < 0.5)
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def cropped(images: Tensor, share: float, draws: np.random.Generator) -> Tensor:
    """A square window of each image, anywhere in it, enlarged to the whole.

    Args:
        images: see above.
        share: of the side that is cut off at most, in [0, 1).
        draws: of sizes and places.
    """
    sides = 1 - share * draws.random(len(images))
    places = (1 - sides)[:, None] * draws.uniform(-1, 1, (len(images), 2))  # centres, in half sides
    return _moved(images, sides[:, None, None] * np.eye(2), places)


def rotated(images: Tensor, degrees: float, draws: np.random.Generator) -> Tensor:
    """Each image turned about its centre by up to `degrees` either way."""
    angles = np.radians(degrees) * draws.uniform(-1, 1, len(images))
    turns = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    return _moved(images, turns, np.zeros((len(images), 2)))


def recoloured(images: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """Brightness, contrast (about the image's mean brightness) and saturation times 1 plus or minus `strength`."""
    factors = torch.from_numpy(1 + strength * draws.uniform(-1, 1, (3, len(images), 1, 1, 1))).to(images.dtype)
    brightness, contrast, saturation = factors
    colours, alpha = (images[:, :3], images[:, 3:]) if images.shape[1] > 1 else (images, images[:, 1:])
    light = (colours + 1) / 2 * brightness
    middle = _luma(light).mean(dim=(2, 3), keepdim=True)
    light = middle + contrast * (light - middle)
    grey = _luma(light)
    light = grey + saturation * (light - grey)
    return torch.cat([light.clamp(0, 1) * 2 - 1, alpha], dim=1)


def mixed(images: Tensor, labels: Tensor, classes: int, alpha: float,
          draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """MixUp (Zhang et al. 2017, section 2): each example blended with another of the batch, all by one draw.

    Args:
        images: see above.
        labels: int64 (B,).
        classes: how many there are.
        alpha: of Beta(alpha, alpha), above 0.
        draws: of the blend and of the pairs.

    Returns:
        Images, and what stands for classes: probabilities (B, classes).
    """
    share = float(draws.beta(alpha, alpha))
    other = torch.from_numpy(draws.permutation(len(images)))
    chances = torch.nn.functional.one_hot(labels, classes).to(images.dtype)
    return share * images + (1 - share) * images[other], share * chances + (1 - share) * chances[other]


def _moved(images: Tensor, turn: np.ndarray, place: np.ndarray) -> Tensor:
    """Each image as seen through a window: its place in the source is `turn @ (x, y) + place`, in half sides."""
    window = torch.from_numpy(np.concatenate([turn, place[:, :, None]], axis=2)).to(images.dtype)
    grid = affine_grid(window, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _luma(colours: Tensor) -> Tensor:
    """(B, 1 or 3, S, S) => (B, 1, S, S)."""
    if colours.shape[1] == 1:
        return colours
    return (colours * torch.tensor(LUMA, dtype=colours.dtype)[:, None, None]).sum(dim=1, keepdim=True)
