"""The networks of the first GANs: fully connected (Goodfellow et al. 2014) and DCGAN (Radford et al. 2015).

Told the class as the modern network is: the generator by an embedding beside the latent, the discriminator by
projection (Miyato and Koyama 2018). B is the batch size.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from genimg_core.models.pyramid import level_sides, level_widths

STD = 0.02
"""Of the first weights (Radford et al. 2015, section 4)."""


def _dcgan_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, std=STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class _Conditional(nn.Module):
    """Logits of features for a class: a linear score and a projection on the class's embedding."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1)
        self.class_embedding = nn.Embedding(classes, features)
        nn.init.normal_(self.class_embedding.weight, std=1 / math.sqrt(features))

    def judged(self, features: Tensor, labels: Tensor) -> Tensor:
        """(B, features), int64 (B,) => (B,)."""
        return self.score(features).squeeze(1) + (features * self.class_embedding(labels)).sum(dim=1)


class DcganDiscriminator(_Conditional):
    """Strided 4 x 4 convolutions, batch normalisation in all but the first, leaky ReLU."""

    def __init__(self, size: int, channels: int, classes: int, width: int) -> None:
        sides = level_sides(size)[1:]
        widths = level_widths(sides, width)
        super().__init__(widths[-1] * sides[-1] ** 2, classes)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for (wide, wider), side in zip(pairwise(widths), sides, strict=False):
            # An odd side is halved upwards: 7 => 4.
            layers += [nn.Conv2d(wide, wider, 4, 2, 1 + side % 2, bias=False), nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten()).apply(_dcgan_weights)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """(B, C, H, W), int64 (B,) => logits (B,)."""
        return self.judged(self.layers(images), labels)


class DcganGenerator(nn.Module):
    """Transposed 4 x 4 convolutions with batch normalisation and ReLU; tanh."""

    def __init__(self, size: int, channels: int, classes: int, latent: int, width: int) -> None:
        super().__init__()
        sides = level_sides(size)[:0:-1]
        widths = level_widths(sides, width)[::-1]
        self.sides = [*sides, size]
        self.class_embedding = nn.Embedding(classes, latent)
        self.start = nn.Linear(2 * latent, widths[0] * sides[0] ** 2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in widths)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise([*widths, channels]))
        self.apply(_dcgan_weights)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """(B, latent), int64 (B,) => (B, C, H, W) in (-1, 1)."""
        side = self.sides[0]
        h = self.start(torch.cat([latent, self.class_embedding(labels)], dim=1)).unflatten(1, (-1, side, side))
        for norm, grow, side in zip(self.norms, self.grow, self.sides[1:], strict=True):
            h = grow(torch.relu(norm(h)))[:, :, :side, :side]  # an odd side is grown one too far
        return torch.tanh(h)


class FullyConnectedDiscriminator(_Conditional):
    """Two hidden layers of 8 `width` units."""

    def __init__(self, size: int, channels: int, classes: int, width: int) -> None:
        super().__init__(8 * width, classes)
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * size**2, 8 * width), nn.LeakyReLU(0.2),
            nn.Linear(8 * width, 8 * width), nn.LeakyReLU(0.2))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """(B, C, H, W), int64 (B,) => logits (B,)."""
        return self.judged(self.layers(images), labels)


class FullyConnectedGenerator(nn.Module):
    """Two hidden layers of 8 `width` units; tanh."""

    def __init__(self, size: int, channels: int, classes: int, latent: int, width: int) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        self.class_embedding = nn.Embedding(classes, latent)
        self.layers = nn.Sequential(
            nn.Linear(2 * latent, 8 * width), nn.LeakyReLU(0.2), nn.Linear(8 * width, 8 * width), nn.LeakyReLU(0.2),
            nn.Linear(8 * width, math.prod(self.shape)), nn.Tanh())

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """(B, latent), int64 (B,) => (B, C, H, W) in (-1, 1)."""
        return self.layers(torch.cat([latent, self.class_embedding(labels)], dim=1)).unflatten(1, self.shape)


NETWORKS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "dcgan": (DcganDiscriminator, DcganGenerator),
    "fully_connected": (FullyConnectedDiscriminator, FullyConnectedGenerator)}
"""`network` in params.yaml => its discriminator and its generator."""
