"""The GAN as a Family: two players; a sample is one pass through the generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player
from genimg_core.models.gan import GanParams
from genimg_core.models.gan.classics import NETWORKS as CLASSICS
from genimg_core.models.gan.network import Discriminator, Generator
from genimg_core.models.gan.objective import LOSSES, PAIRED, gradient_penalty, zero_centred

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

    def __init__(self, spec: ModelSpec, params: GanParams) -> None:
        self.spec = spec
        self.params = params
        self._penalties = dict(params.penalties)
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
        """R1 and R2 times 3, each time: a smoother critic leaves the generator a slope everywhere."""
        self._penalties = {name: weight * (STABILISER ** times if name in ("r1", "r2") else 1)
                           for name, weight in self.params.penalties.items()}
        return {name: self._penalties[name] for name in ("r1", "r2") if self._penalties[name]}

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
            return self._generator_loss(networks, images, labels, latent)
        with torch.no_grad():
            fake = networks["generator"](latent, labels)
        return self._critic_loss(networks["discriminator"], images.detach(), fake, labels, generator)

    def _generator_loss(self, networks: nn.ModuleDict, images: Tensor, labels: Tensor, latent: Tensor) -> Loss:
        critic = networks["discriminator"]
        fake = critic(networks["generator"](latent, labels), labels)
        real = critic(images, labels) if self.params.loss in PAIRED else torch.zeros_like(fake)
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
        return Loss(sum(parts.values()), parts)

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float,
               solver: str) -> Tensor:
        """One pass; `steps`, `guidance` and `solver` have no meaning here."""
        return networks["generator"](noise(self.params.latent), labels)
