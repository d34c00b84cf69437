"""The classifier's network: convolution, GroupNorm, ReLU, pooling, down to 3 or 4 pixels a side, then a 128-d feature.

B is the batch size; images are (B, C, S, S) in [-1, 1].
"""

from __future__ import annotations

from torch import Tensor, nn

FEATURE_DIM = 128
"""Length of the penultimate feature, the one that scores are measured in."""
WIDTH = 16
"""Channels of the first block; each block doubles them, up to MAX_WIDTH."""
MAX_WIDTH = 128
SMALLEST_SIDE = 4
"""Pooling stops here: where a stroke lies still counts, so there is no global average."""


class ClassifierNetwork(nn.Module):
    """Logits of each class, and the feature before them.

    GroupNorm, not BatchNorm: an image's feature does not depend on the others of its batch, in training or after.

    Args:
        size: side S of the images in pixels, a multiple of 4.
        channels: 1, 3 or 4.
        classes: how many logits.
    """

    def __init__(self, size: int, channels: int, classes: int) -> None:
        super().__init__()
        # Folding pixels into channels keeps every pixel and spares the costly convolutions at full size.
        fold = 1 if size <= 48 else 2 if size <= 96 else 4
        side, depth, width = size // fold, channels * fold**2, WIDTH
        blocks: list[nn.Module] = [nn.PixelUnshuffle(fold)] if fold > 1 else []
        while side > SMALLEST_SIDE:
            blocks.append(_block(depth, width))
            side, depth, width = -(-side // 2), width, min(2 * width, MAX_WIDTH)
        self.body = nn.Sequential(*blocks, nn.Flatten())
        self.feature = nn.Sequential(nn.Linear(depth * side**2, FEATURE_DIM), nn.ReLU())
        self.head = nn.Linear(FEATURE_DIM, classes)

    def features(self, images: Tensor) -> Tensor:
        """(B, C, S, S) => (B, FEATURE_DIM), at least 0."""
        return self.feature(self.body(images))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) => logits (B, classes)."""
        return self.head(self.features(images))


def _block(depth: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(depth, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.ReLU(),
                         nn.MaxPool2d(2, ceil_mode=True))
