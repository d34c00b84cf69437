"""Encoder and decoder of the VAE, both told the class (Sohn et al. 2015)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from genimg_core.models.pyramid import PyramidDecoder, PyramidEncoder


class Posterior(NamedTuple):
    """A normal law over the latent, with a diagonal covariance."""

    mean: Tensor          # (B, latent)
    log_variance: Tensor  # (B, latent)


class Autoencoder(nn.Module):
    """q(z | image, class) and the mean of p(image | z, class)."""

    def __init__(self, size: int, channels: int, classes: int, latent: int, width: int) -> None:
        super().__init__()
        self.encoder = PyramidEncoder(size, channels, width)
        self.class_embedding = nn.Embedding(classes, self.encoder.features)
        self.posterior = nn.Linear(self.encoder.features, 2 * latent)
        self.decoder = PyramidDecoder(size, channels, classes, latent, width)
        nn.init.zeros_(self.posterior.weight)  # starts at the prior
        nn.init.zeros_(self.posterior.bias)

    def encode(self, images: Tensor, labels: Tensor) -> Posterior:
        """(B, C, H, W), int64 (B,) => the posterior."""
        features = self.encoder(images) + self.class_embedding(labels)
        return Posterior(*self.posterior(features).float().chunk(2, dim=1))

    def decode(self, latent: Tensor, labels: Tensor) -> Tensor:
        """(B, latent), int64 (B,) => (B, C, H, W) in (-1, 1)."""
        return self.decoder(latent, labels)

    def forward(self, images: Tensor, labels: Tensor, noise: Tensor) -> tuple[Posterior, Tensor]:
        """The posterior, and the reconstruction from one draw of it, made of `noise` (B, latent)."""
        posterior = self.encode(images, labels)
        return posterior, self.decode(posterior.mean + torch.exp(posterior.log_variance / 2) * noise, labels)
