"""The GAN as a Family: two players; a sample is one pass through the generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player
from genimg_core.models.gan import GanParams
from genimg_core.models.gan.network import Discriminator, Generator
from genimg_core.models.gan.objective import critic_loss, generator_loss


class GanFamily:
    """Class-conditional GAN."""

    # No momentum, for the game's sake, and a lower rate than a flow bears (Mescheder et al. 2018, section 5).
    players = (Player("discriminator", betas=(0.0, 0.99), learning_rate_scale=0.075),
               Player("generator", betas=(0.0, 0.99), learning_rate_scale=0.075))
    class_tables = ("discriminator.class_embedding.weight", "generator.class_embedding.weight")

    def __init__(self, spec: ModelSpec, params: GanParams) -> None:
        self.spec = spec
        self.params = params

    def build(self) -> nn.ModuleDict:
        """Both networks."""
        size, channels, classes = self.spec.size, self.spec.channels, self.spec.classes
        return nn.ModuleDict({
            "discriminator": Discriminator(size, channels, classes, self.params.width),
            "generator": Generator(size, channels, classes, self.params.latent, self.params.width)})

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor,
             generator: torch.Generator) -> Loss:
        """The generator is judged on the batch's labels, so it sees the classes as often as the data has them."""
        latent = torch.randn(len(images), self.params.latent, generator=generator, device=images.device)
        if player == "generator":
            made = generator_loss(networks["discriminator"](networks["generator"](latent, labels), labels))
            return Loss(made.adversarial, made._asdict())
        with torch.no_grad():
            fake = networks["generator"](latent, labels)
        real = images.detach().requires_grad_(self.params.r1 > 0)
        critic = networks["discriminator"]
        judged = critic_loss(critic(real, labels), critic(fake, labels), real, self.params.r1)
        return Loss(judged.adversarial + judged.r1, judged._asdict())

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float) -> Tensor:
        """One pass; `steps` and `guidance` have no meaning here."""
        return networks["generator"](noise(self.params.latent), labels)
