"""Generator and discriminator: DCGAN-like (Radford et al. 2015), without batch normalisation."""

from __future__ import annotations

import math

from torch import Tensor, nn

from genimg_core.models.pyramid import PyramidDecoder, PyramidEncoder

Generator = PyramidDecoder


class Discriminator(nn.Module):
    """How real an image looks as one of its class: projection conditioning (Miyato and Koyama 2018)."""

    def __init__(self, size: int, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.encoder = PyramidEncoder(size, channels, width)
        self.score = nn.Linear(self.encoder.features, 1)
        self.class_embedding = nn.Embedding(classes, self.encoder.features)
        nn.init.normal_(self.class_embedding.weight, std=1 / math.sqrt(self.encoder.features))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """(B, C, H, W), int64 (B,) => logits (B,)."""
        features = self.encoder(images)
        return self.score(features).squeeze(1) + (features * self.class_embedding(labels)).sum(dim=1)
