"""The flow's larger network, for a GPU and for 64 px and more: a U-Net on the pixels with attention where they are few.

Residual blocks, concatenated skips and attention at coarse levels (Ho et al. 2020, appendix B), adaptive group
normalisation, heads of 64 channels and widths of 1, 2, 3 and 4 times the finest (Dhariwal and Nichol 2021, section 3).
B is the batch size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genimg_core.models.flow.network import ResidualBlock, VelocityNetwork

COARSEST = 8
"""Pixels a side, at most, of the coarsest level."""
WIDEST = 4
HEAD_CHANNELS = 64


class SelfAttention(nn.Module):
    """Every pixel looks at every other one, with a shortcut.

    Written out, not torch's fused kernel: at these sides it costs little, its operations are counted, and its slopes
    have the same bits from run to run on every device.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = heads_of(width)
        self.norm = nn.GroupNorm(width // 8, width)
        self.looks = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)  # starts as the identity
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) => the same shape."""
        query, key, value = self.looks(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, -1)).unbind(1)
        likeness = (query * query.shape[2] ** -0.5).transpose(2, 3) @ key  # (B, heads, h w, h w)
        seen = value @ likeness.softmax(dim=3).transpose(2, 3)
        return x + self.out(seen.flatten(1, 2).unflatten(2, x.shape[2:]))


class Step(nn.Module):
    """A residual block and, where it is wanted, attention after it."""

    def __init__(self, width: int, out: int, embedding: int, attends: bool) -> None:
        super().__init__()
        self.block = ResidualBlock(width, out, embedding)
        self.attention = SelfAttention(out) if attends else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, width, h, w), (B, embedding) => (B, out, h, w)."""
        return self.attention(self.block(x, embedding))


class AttentionNetwork(VelocityNetwork):
    """Velocity of an image at time t, given its class or none.

    Args:
        size: side in pixels.
        channels: 1, 3 or 4.
        classes: at least 1.
        width: channels at the finest level, a multiple of 8.
        blocks: residual blocks per level on the way down; one more on the way up.
        attention_side: levels of at most so many pixels a side have attention.
    """

    def __init__(self, size: int, channels: int, classes: int, width: int, blocks: int, attention_side: int) -> None:
        embedding = 4 * width
        super().__init__(classes, embedding)
        sides = attention_levels(size)
        widths = [width * min(level + 1, WIDEST) for level in range(len(sides))]
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        here, skips = width, [width]
        for level, (side, wide) in enumerate(zip(sides, widths, strict=True)):
            for _ in range(blocks):
                self.down.append(Step(here, wide, embedding, side <= attention_side))
                here = wide
                skips.append(wide)
            if level + 1 < len(sides):
                self.shrink.append(nn.Conv2d(wide, wide, 3, stride=2, padding=1))
                skips.append(wide)
        self.middle = nn.ModuleList([Step(here, here, embedding, True), Step(here, here, embedding, False)])
        for level, (side, wide) in reversed([*enumerate(zip(sides, widths, strict=True))]):
            for _ in range(blocks + 1):
                self.up.append(Step(here + skips.pop(), wide, embedding, side <= attention_side))
                here = wide
            if level:
                self.grow.append(nn.Conv2d(wide, wide, 3, padding=1))
        self.blocks = blocks
        self.norm = nn.GroupNorm(width // 8, width)
        self.head = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        """See VelocityNetwork."""
        h = self.stem(x)
        skips = [h]
        for index, step in enumerate(self.down):
            h = step(h, embedding)
            skips.append(h)
            level, rest = divmod(index + 1, self.blocks)
            if not rest and level <= len(self.shrink):
                h = self.shrink[level - 1](h)
                skips.append(h)
        for step in self.middle:
            h = step(h, embedding)
        for index, step in enumerate(self.up):
            h = step(torch.cat([h, skips.pop()], dim=1), embedding)
            level, rest = divmod(index + 1, self.blocks + 1)
            if not rest and level <= len(self.grow):
                h = self.grow[level - 1](F.interpolate(h, size=skips[-1].shape[2:], mode="nearest"))
        return self.head(F.silu(self.norm(h)))


def attention_levels(size: int) -> list[int]:
    """Sides of the levels, finest first, each half of the last, rounded up: 64 => [64, 32, 16, 8]."""
    sides = [size]
    while sides[-1] > COARSEST:
        sides.append((sides[-1] + 1) // 2)
    return sides


def heads_of(width: int) -> int:
    """Heads of at least HEAD_CHANNELS channels each, of equal size; one where there are fewer channels."""
    return next(heads for heads in range(max(1, width // HEAD_CHANNELS), 0, -1) if width % heads == 0)
