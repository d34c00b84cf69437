"""The VAE as a Family: one player; a sample is one pass through the decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player
from genimg_core.models.vae import VaeParams
from genimg_core.models.vae.network import Autoencoder
from genimg_core.models.vae.objective import vae_loss


class VaeFamily:
    """Class-conditional beta-VAE."""

    players = (Player("autoencoder", learning_rate_scale=0.5),)
    class_tables = ("autoencoder.class_embedding.weight", "autoencoder.decoder.class_embedding.weight")

    def __init__(self, spec: ModelSpec, params: VaeParams) -> None:
        self.spec = spec
        self.params = params

    def build(self) -> nn.ModuleDict:
        """One autoencoder."""
        spec, params = self.spec, self.params
        return nn.ModuleDict({
            "autoencoder": Autoencoder(spec.size, spec.channels, spec.classes, params.latent, params.width)})

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor,
             generator: torch.Generator) -> Loss:
        """Minus the lower bound, with one draw from each posterior."""
        noise = torch.randn(len(images), self.params.latent, generator=generator, device=images.device)
        posterior, reconstructed = networks[player](images, labels, noise)
        loss = vae_loss(images, reconstructed, posterior.mean, posterior.log_variance, self.params.beta)
        return Loss(loss.reconstruction + loss.kl, loss._asdict())

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float) -> Tensor:
        """The decoder's mean at a latent from the prior; `steps` and `guidance` have no meaning here."""
        return networks["autoencoder"].decode(noise(self.params.latent), labels)
