"""The GAN as a Family: two players; a sample is one pass through the generator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player
from genimg_core.models.gan import GanParams
from genimg_core.models.gan.classics import NETWORKS as CLASSICS
from genimg_core.models.gan.network import Discriminator, Generator
from genimg_core.models.gan.objective import LOSSES, PAIRED, certainty, gradient_penalty, zero_centred

MODERN = {"betas": (0.0, 0.99), "learning_rate_scale": 0.075}
"""No momentum, for the game's sake, and a lower rate than a flow bears (Mescheder et al. 2018, section 5)."""
CLASSIC = {"betas": (0.5, 0.999), "learning_rate_scale": 0.05}
"""Radford et al. 2015, section 4: 2e-4 at the default learning rate of 4e-3."""


STABILISER = 3.0
"""What `stabilise` multiplies the penalties by."""


class GanFamily:
    """Class-conditional GAN."""

    one_pass = True
    class_tables = ("discriminator.class_embedding.weight", "generator.class_embedding.weight")
    uncompiled = ("discriminator",)

    def __init__(self, spec: ModelSpec, params: GanParams) -> None:
        self.spec = spec
        self.params = params
        self._stabilised = 0
        self.knobs: dict[str, Any] = {"augment": None, "penalty": 1.0}
        recipe = MODERN if params.network == "modern" else CLASSIC
        self.players = (Player("discriminator", **recipe),
                        Player("generator", **recipe, every=params.critic_steps))

    @property
    def frozen_blocks(self) -> tuple[str, ...]:
        """The discriminator's lower layers (Mo et al. 2020, FreezeD)."""
        lower = {"modern": ("encoder.stem", "encoder.shrink.0"), "dcgan": ("layers.0", "layers.2", "layers.3"),
                 "fully_connected": ("layers.1",)}[self.params.network]
        return tuple(f"discriminator.{block}" for block in lower)

    @property
    def guessing_costs(self) -> float | None:
        """The critic's loss where all logits are 0; None for a loss without such a point."""
        zero = torch.zeros(1)
        return LOSSES[self.params.loss](zero, zero).critic.item() or None

    def stabilise(self, times: int) -> dict[str, float]:
        """R1 and R2 times 3, each time: a smoother critic leaves the generator a slope everywhere.

        Where there are none, and batch normalisation does not forbid them, they come in first with a weight of 1.
        """
        self._stabilised = times
        return {name: weight for name, weight in self._penalties.items()
                if name in ("r1", "r2") and (weight or name in self._possible)}

    @property
    def _possible(self) -> tuple[str, ...]:
        """Penalties that may come in where the params have none."""
        if self.params.network == "dcgan" or self.params.loss == "wasserstein":
            return ()
        return ("r1", "r2") if self.params.loss in PAIRED else ("r1",)

    @property
    def _penalties(self) -> dict[str, float]:
        """The weights in force."""
        weights = {}
        for name, weight in self.params.penalties.items():
            if self._stabilised and name in ("r1", "r2"):
                first = 1 / STABILISER if name in self._possible else 0.0
                weight = (weight or first) * STABILISER ** self._stabilised
            weights[name] = weight * self.knobs["penalty"]
        return weights

    def build(self) -> nn.ModuleDict:
        """Both networks."""
        size, channels, classes = self.spec.size, self.spec.channels, self.spec.classes
        critic, generator = CLASSICS.get(self.params.network, (Discriminator, Generator))
        return nn.ModuleDict({
            "discriminator": critic(size, channels, classes, self.params.width),
            "generator": generator(size, channels, classes, self.params.latent, self.params.width)})

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor, generator: torch.Generator,
             progress: float) -> Loss:
        """The generator is judged on the batch's labels, so it sees the classes as often as the data has them."""
        latent = torch.randn(len(images), self.params.latent, generator=generator, device=images.device)
        if player == "generator":
            return self._generator_loss(networks, images, labels, latent, generator)
        with torch.no_grad():
            fake = networks["generator"](latent, labels)
        images, fake = self._shown(images, generator).detach(), self._shown(fake, generator).detach()
        return self._critic_loss(networks["discriminator"], images, fake, labels, generator)

    def _shown(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the discriminator sees of them."""
        augment = self.knobs["augment"]
        return images if augment is None else augment(images, generator)

    def _generator_loss(self, networks: nn.ModuleDict, images: Tensor, labels: Tensor, latent: Tensor,
                        generator: torch.Generator) -> Loss:
        critic = networks["discriminator"]
        fake = critic(self._shown(networks["generator"](latent, labels), generator), labels)
        paired = self.params.loss in PAIRED
        real = critic(self._shown(images, generator), labels) if paired else torch.zeros_like(fake)
        loss = LOSSES[self.params.loss](real, fake).generator
        return Loss(loss, {"adversarial": loss})

    def _critic_loss(self, critic: nn.Module, real: Tensor, fake: Tensor, labels: Tensor,
                     generator: torch.Generator) -> Loss:
        r1, r2, weight = self._penalties.values()
        real, fake = real.requires_grad_(r1 > 0), fake.requires_grad_(r2 > 0)
        real_logits, fake_logits = critic(real, labels), critic(fake, labels)
        parts = {"adversarial": LOSSES[self.params.loss](real_logits, fake_logits).critic}
        if r1:
            parts["r1"] = zero_centred(real_logits, real, r1)
        if r2:
            parts["r2"] = zero_centred(fake_logits, fake, r2)
        if weight:
            mix = torch.rand(len(real), generator=generator, device=real.device)
            parts["gradient_penalty"] = gradient_penalty(
                lambda between: critic(between, labels), real, fake, mix, weight)
        figures = {}
        if self.knobs["augment"] is not None:
            figures["certainty"] = certainty(self.params.loss, real_logits.detach(), fake_logits.detach())
        return Loss(sum(parts.values()), parts, figures)

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float,
               solver: str) -> Tensor:
        """One pass; `steps`, `guidance` and `solver` have no meaning here."""
        return networks["generator"](noise(self.params.latent), labels)
