"""Convolutional pyramids between an image and a vector: the GAN's and the VAE's networks are made of them.

B is the batch size. Images are folded 2 x 2 into channels first: a quarter of the cost of convolutions at full size.
No layer looks across the batch.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 2
COARSEST = 4
WIDEST = 4
"""Channels grow up to this many times the finest level's."""


def level_sides(side: int) -> list[int]:
    """Sides of the levels, finest first, each half of the last, rounded up: 16 => [16, 8, 4], 14 => [14, 7, 4]."""
    sides = [side]
    while sides[-1] > COARSEST:
        sides.append((sides[-1] + 1) // 2)
    return sides


def level_widths(sides: list[int], width: int) -> list[int]:
    """Channels of the levels, finest first: w, 2 w, 4 w, 4 w …"""
    return [width * min(2**level, WIDEST) for level in range(len(sides))]


class PyramidEncoder(nn.Module):
    """Image (B, C, H, W) => features (B, `features`), without normalisation (R1 wants a smooth critic)."""

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        sides = level_sides(size // PATCH)
        widths = level_widths(sides, width)
        self.stem = nn.Conv2d(channels * PATCH**2, width, 3, padding=1)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.features = widths[-1] * sides[-1] ** 2

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) => (B, features)."""
        h = F.leaky_relu(self.stem(F.pixel_unshuffle(images, PATCH)), 0.2)
        for shrink in self.shrink:
            h = F.leaky_relu(shrink(h), 0.2)
        return h.flatten(1)


class PyramidDecoder(nn.Module):
    """Latent (B, `latent`) and class (B,) => image (B, C, H, W) in (-1, 1)."""

    def __init__(self, size: int, channels: int, classes: int, latent: int, width: int) -> None:
        super().__init__()
        self.sides = level_sides(size // PATCH)[::-1]
        widths = level_widths(self.sides, width)[::-1]
        self.class_embedding = nn.Embedding(classes, latent)
        self.start = nn.Linear(2 * latent, widths[0] * self.sides[0] ** 2)
        self.norms = nn.ModuleList(nn.GroupNorm(w // 8, w) for w in widths)
        self.grow = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[-1], channels * PATCH**2, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """(B, latent), int64 (B,) => (B, C, H, W)."""
        side = self.sides[0]
        h = self.start(torch.cat([latent, self.class_embedding(labels)], dim=1)).unflatten(1, (-1, side, side))
        for index, grow in enumerate(self.grow):
            h = F.leaky_relu(self.norms[index](h), 0.2)
            h = grow(F.interpolate(h, size=(self.sides[index + 1],) * 2, mode="nearest"))
        h = F.leaky_relu(self.norms[-1](h), 0.2)
        return torch.tanh(F.pixel_shuffle(self.head(h), PATCH))
