"""The VAE as a Family: one player; a sample is one pass through the decoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player
from genimg_core.models.vae import VaeParams
from genimg_core.models.vae.network import Autoencoder
from genimg_core.models.vae.objective import (
    RECONSTRUCTIONS,
    VaeLoss,
    beta_at,
    clip_at,
    free_bits,
    kl_from_standard_normal,
)


class VaeFamily:
    """Class-conditional beta-VAE."""

    one_pass = True
    guessing_costs = None
    players = (Player("autoencoder", learning_rate_scale=0.5),)
    class_tables = ("autoencoder.class_embedding.weight", "autoencoder.decoder.class_embedding.weight")
    uncompiled = ()
    frozen_blocks = ("autoencoder.encoder",)

    def __init__(self, spec: ModelSpec, params: VaeParams) -> None:
        self.spec = spec
        self.params = params
        self.knobs: dict[str, Any] = {"beta": None}

    def stabilise(self, times: int) -> dict[str, float]:
        """Nothing to balance."""
        return {}

    def build(self) -> nn.ModuleDict:
        """One autoencoder."""
        spec, params = self.spec, self.params
        return nn.ModuleDict({
            "autoencoder": Autoencoder(spec.size, spec.channels, spec.classes, params.latent, params.width)})

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor, generator: torch.Generator,
             progress: float) -> Loss:
        """Minus the lower bound, with one draw from each posterior."""
        params = self.params
        noise = torch.randn(len(images), params.latent, generator=generator, device=images.device)
        posterior, reconstructed = networks[player](images, labels, noise)
        nats = kl_from_standard_normal(posterior.mean, posterior.log_variance)
        beta, factor = beta_at(progress, params.beta, params.beta_warm_up), self.knobs["beta"]
        loss = VaeLoss(RECONSTRUCTIONS[params.reconstruction](images, reconstructed.float(),
                                                             clip_at(progress, params.clip)),
                       (beta if factor is None else beta * factor) * free_bits(nats, params.free_bits))
        return Loss(loss.reconstruction + loss.kl, loss._asdict(), {} if factor is None else {"nats": nats.sum(dim=1)})

    def reconstruct(self, networks: nn.ModuleDict, images: Tensor, labels: Tensor) -> Tensor:
        """What the decoder makes of the posterior's mean: (B, C, H, W) => the same shape, in (-1, 1)."""
        autoencoder = networks["autoencoder"]
        return autoencoder.decode(autoencoder.encode(images, labels).mean, labels)

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float,
               solver: str) -> Tensor:
        """The decoder's mean at a latent from the prior; `steps`, `guidance` and `solver` have no meaning here."""
        return networks["autoencoder"].decode(noise(self.params.latent), labels)
