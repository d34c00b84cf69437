"""What the flow's networks share, and the small one: PixelUnshuffle(2), a U-Net with added skips, PixelShuffle(2).

B is the batch size; images are (B, C, H, W). The residual block is DDPM's (Ho et al. 2020) with adaptive group
normalisation (Dhariwal and Nichol 2021).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genimg_core.models.pyramid import PATCH, level_sides

EMBEDDING = 128
FREQUENCIES = 32
DATA_STD = 0.5
"""Of pixels in [-1, 1], roughly, for any images (Karras et al. 2022, table 1)."""


class Preconditioning(NamedTuple):
    """velocity = skip * x + out * network(in * x)."""

    skip_scale: Tensor  # (B,)
    out_scale: Tensor   # (B,)
    in_scale: Tensor    # (B,)


def preconditioning(t: Tensor, data_std: float = DATA_STD) -> Preconditioning:
    """The scales of Karras et al. 2022 (eq. 7 and appendix B.6), worked out for the straight path and the velocity.

    `skip * x` is the best linear guess of the velocity for data of that standard deviation, and the network, whose
    input and target have unit variance, learns the rest. Without it a small network spends its budget on copying noise.

    Args:
        t: (B,) in [0, 1].
        data_std: of pixels in [-1, 1].
    """
    variance = (1 - t).square() + (t * data_std).square()
    return Preconditioning((t * data_std**2 - (1 - t)) / variance, data_std * variance.rsqrt(), variance.rsqrt())


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut; the embedding scales and shifts between them.

    Args:
        width: channels that come in.
        out: channels that go out, where they are others.
        embedding: length of the embedding.
    """

    def __init__(self, width: int, out: int | None = None, embedding: int = EMBEDDING) -> None:
        super().__init__()
        out = out or width
        self.norm1 = nn.GroupNorm(width // 8, width)
        self.conv1 = nn.Conv2d(width, out, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * out)
        self.norm2 = nn.GroupNorm(out // 8, out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)  # starts as the shortcut alone
        nn.init.zeros_(self.conv2.bias)
        self.shortcut = nn.Identity() if out == width else nn.Conv2d(width, out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, width, h, w), (B, embedding) => (B, out, h, w)."""
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.shortcut(x) + self.conv2(F.silu(h))


class Level(nn.Module):
    """The residual blocks of one level, on the way down or up."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, width, h, w) => the same shape."""
        for block in self.blocks:
            x = block(x, embedding)
        return x


class VelocityNetwork(nn.Module):
    """Velocity of an image at time t, given its class or none: what every network of the flow has around its body.

    Args:
        classes: at least 1.
        embedding: length of the embedding of time and class.
    """

    def __init__(self, classes: int, embedding: int) -> None:
        super().__init__()
        self.class_embedding = nn.Embedding(classes, embedding)
        self.no_class = nn.Parameter(torch.zeros(embedding))
        self.time1 = nn.Linear(2 * FREQUENCIES, embedding)
        self.time2 = nn.Linear(embedding, embedding)
        frequencies = torch.exp(torch.linspace(0, math.log(1000), FREQUENCIES))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor, dropped: Tensor | None = None) -> Tensor:
        """Velocity (B, C, H, W).

        Args:
            x: (B, C, H, W), a point on the path.
            t: (B,) in [0, 1].
            labels: int64 (B,).
            dropped: bool (B,): where the class is not told; None tells all.
        """
        embedding = self._embed(t, labels, dropped)
        skip_scale, out_scale, in_scale = (scale[:, None, None, None] for scale in preconditioning(t))
        return skip_scale * x + out_scale * self.body(in_scale * x, embedding)

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, C, H, W) of unit variance, (B, embedding) => (B, C, H, W), likewise."""
        raise NotImplementedError

    def _embed(self, t: Tensor, labels: Tensor, dropped: Tensor | None) -> Tensor:
        angle = t[:, None] * self.frequencies
        waves = torch.cat([angle.cos(), angle.sin()], dim=1)
        told = self.class_embedding(labels)
        if dropped is not None:
            told = torch.where(dropped[:, None], self.no_class, told)
        return F.silu(self.time2(F.silu(self.time1(waves))) + told)


class FlowNetwork(VelocityNetwork):
    """The small one: pixels folded 2 x 2 into channels, skips added."""

    def __init__(self, size: int, channels: int, classes: int, width: int, blocks: int) -> None:
        super().__init__(classes, EMBEDDING)
        widths = [width if level == 0 else 2 * width for level, _ in enumerate(level_sides(size // PATCH))]
        self.stem = nn.Conv2d(channels * PATCH**2, width, 3, padding=1)
        self.down = nn.ModuleList(Level(w, blocks) for w in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(Level(w, blocks) for w in widths[:-1])
        self.widen = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.norm = nn.GroupNorm(width // 8, width)
        self.head = nn.Conv2d(width, channels * PATCH**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        """See VelocityNetwork."""
        h = self.stem(F.pixel_unshuffle(x, PATCH))
        skips = []
        for index, level in enumerate(self.down):
            h = level(h, embedding)
            if index < len(self.shrink):
                skips.append(h)
                h = self.shrink[index](h)
        for index in reversed(range(len(self.up))):
            skip = skips[index]
            h = skip + F.interpolate(self.widen[index](h), size=skip.shape[2:], mode="nearest")
            h = self.up[index](h, embedding)
        return F.pixel_shuffle(self.head(F.silu(self.norm(h))), PATCH)
