"""DCGAN (Radford et al. 2015) as the paper has it, and told the class as in Mirza and Osindero 2014.

Transposed and strided 4 x 4 convolutions, batch normalisation in all but the generator's last and the discriminator's
first layer, ReLU and tanh, leaky ReLU, weights from N(0, 0.02), Adam at 2e-4 with betas 0.5 and 0.999, the
non-saturating loss. 28 px are reached by 4, 7 (a 3 x 3 kernel), 14, 28.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from genimg_core.imaging.representation import to_float, to_uint8

if TYPE_CHECKING:
    from benchmarks.timed import Draw, Job

LATENT = 100
STD = 0.02


def _weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1, std=STD)


def generator(latent: int, width: int, channels: int) -> nn.Module:
    """(B, latent, 1, 1) => (B, channels, 28, 28) in (-1, 1)."""
    return nn.Sequential(
        nn.ConvTranspose2d(latent, 4 * width, 4, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()).apply(_weights)


def discriminator(channels: int, width: int) -> nn.Module:
    """(B, channels, 28, 28) => logits (B,)."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 3, 2, 1, bias=False), nn.BatchNorm2d(4 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(4 * width, 1, 4), nn.Flatten(0)).apply(_weights)


class Dcgan:
    """Both networks, in play.

    Args:
        job: `settings` hold `width` and `batch`.
        images: uint8 (N, 28, 28, C).
        labels: int64 (N,).
    """

    def __init__(self, job: Job, images: np.ndarray, labels: np.ndarray) -> None:
        torch.manual_seed(job.seed)
        width, self.batch = job.settings["width"], job.settings["batch"]
        self._classes = job.classes if job.conditional else 0
        self._images, self._labels = torch.from_numpy(images), torch.from_numpy(labels)
        self._generator = generator(LATENT + self._classes, width, images.shape[3])
        self._discriminator = discriminator(images.shape[3] + self._classes, width)
        self.weights_drawing = sum(weight.numel() for weight in self._generator.parameters())
        self.weights = self.weights_drawing + sum(weight.numel() for weight in self._discriminator.parameters())
        self._of_generator, self._of_discriminator = (
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
            for network in (self._generator, self._discriminator))
        self._draws, self._order = torch.Generator().manual_seed(job.seed), torch.empty(0, dtype=torch.int64)

    def step(self, share: float) -> None:
        """The discriminator moves, then the generator."""
        self._generator.train()
        real, labels = self._next()
        fake = self._generate(self._latent(len(labels)), labels)
        loss = softplus(-self._judge(real, labels)) + softplus(self._judge(fake.detach(), labels))
        self._of_discriminator.zero_grad()
        loss.mean().backward()
        self._of_discriminator.step()
        loss = softplus(-self._judge(fake, labels)).mean()
        self._of_generator.zero_grad()
        loss.backward()
        self._of_generator.step()

    def samplers(self) -> dict[str, Draw]:
        """One pass, batch normalisation with its running statistics."""

        @torch.inference_mode()
        def draw(labels: np.ndarray, seed: int) -> np.ndarray:
            self._generator.eval()
            draws, parts = torch.Generator().manual_seed(seed), []
            for start in range(0, len(labels), 250):
                some = torch.from_numpy(labels[start:start + 250])
                parts.append(to_uint8(self._generate(torch.randn(len(some), LATENT, generator=draws), some)).numpy())
            return np.concatenate(parts)

        return {"one_pass": draw}

    def _next(self) -> tuple[Tensor, Tensor]:
        if len(self._order) < self.batch:
            self._order = torch.randperm(len(self._images), generator=self._draws)
        chosen, self._order = self._order[:self.batch], self._order[self.batch:]
        return to_float(self._images[chosen]), self._labels[chosen]

    def _latent(self, count: int) -> Tensor:
        return torch.randn(count, LATENT, generator=self._draws)

    def _generate(self, latent: Tensor, labels: Tensor) -> Tensor:
        if self._classes:
            latent = torch.cat([latent, one_hot(labels, self._classes).float()], dim=1)
        return self._generator(latent[:, :, None, None])

    def _judge(self, images: Tensor, labels: Tensor) -> Tensor:
        if self._classes:
            maps = one_hot(labels, self._classes).float()[:, :, None, None].expand(-1, -1, *images.shape[2:])
            images = torch.cat([images, maps], dim=1)
        return self._discriminator(images)


def load(job: Job, images: np.ndarray, labels: np.ndarray) -> Dcgan:
    """For benchmarks.timed."""
    return Dcgan(job, images, labels)
