"""Three libraries' models by the clock, run by the peers' own Python: their networks, losses and samplers as they ship.

Only the loop around them is ours, as bare as can be: batches from memory, Adam at the rate in the settings, their own
averaging of the weights. Drawing is by 50 DDIM steps, of pythae by its Gaussian-mixture sampler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from benchmarks.timed import Draw, Job

DDIM_STEPS = 50
EMA_DECAY = 0.995
DRAW_BATCH = 250


class Peer:
    """What the three have in common: data, optimiser, counts.

    Args:
        job: `settings` hold `batch`, `rate` and the network's.
        images: uint8 (N, S, S, C).
        labels: int64 (N,).
    """

    clip: float | None = 1.0
    """Of the gradient's norm, as in the library's trainer."""

    def __init__(self, job: Job, images: np.ndarray, labels: np.ndarray) -> None:
        torch.manual_seed(job.seed)
        self.job, self.batch = job, job.settings["batch"]
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)
        self.size, self.channels = images.shape[1], images.shape[3]
        self.classes = job.classes if job.conditional else None
        self.network = self.build(job.settings)
        self.weights = sum(weight.numel() for weight in self.network.parameters() if weight.requires_grad)
        self.weights_drawing = self.weights
        self.optimiser = torch.optim.Adam(self.network.parameters(), job.settings["rate"], (0.9, 0.99))
        self._order = torch.empty(0, dtype=torch.int64)

    def build(self, settings: dict[str, Any]) -> nn.Module:
        """The network that is trained."""
        raise NotImplementedError

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Of a batch in [0, 1], the mean."""
        raise NotImplementedError

    def moved(self) -> None:
        """After each step: the averages follow."""

    def step(self, share: float) -> None:
        """One batch."""
        if len(self._order) < self.batch:
            self._order = torch.randperm(len(self.images))
        chosen, self._order = self._order[:self.batch], self._order[self.batch:]
        images = self.images[chosen].permute(0, 3, 1, 2).float().div_(255)
        self.network.train()
        self.optimiser.zero_grad()
        self.loss(images, self.labels[chosen]).backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()
        self.moved()


class Lucidrains(Peer):
    """denoising-diffusion-pytorch: its Unet, GaussianDiffusion and EMA."""

    def build(self, settings: dict[str, Any]) -> nn.Module:
        """The diffusion around the U-Net."""
        from denoising_diffusion_pytorch import GaussianDiffusion, Unet
        from ema_pytorch import EMA

        network = Unet(settings["width"], dim_mults=(1, 2, 4), channels=self.channels)
        diffusion = GaussianDiffusion(network, image_size=self.size, sampling_timesteps=DDIM_STEPS)
        self._average = EMA(diffusion, beta=EMA_DECAY, update_every=10)
        return diffusion

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Its own."""
        return self.network(images)

    def moved(self) -> None:
        """Its own average."""
        self._average.update()

    def samplers(self) -> dict[str, Draw]:
        """DDIM."""
        return {f"ddim{DDIM_STEPS}": _in_batches(lambda labels: self._average.ema_model.eval().sample(len(labels)))}


class Diffusers(Peer):
    """diffusers: UNet2DModel trained as a DDPM, drawn by its DDIMScheduler."""

    def build(self, settings: dict[str, Any]) -> nn.Module:
        """The U-Net: attention at the coarsest level only."""
        from diffusers import DDPMScheduler, UNet2DModel
        from diffusers.training_utils import EMAModel

        width = settings["width"]
        network = UNet2DModel(
            sample_size=self.size, in_channels=self.channels, out_channels=self.channels, layers_per_block=1,
            block_out_channels=(width, 2 * width, 2 * width), norm_num_groups=4, num_class_embeds=self.classes,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"))
        self._schedule = DDPMScheduler(num_train_timesteps=1000)
        self._average = EMAModel(network.parameters(), decay=EMA_DECAY, use_ema_warmup=True)
        return network

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Squared error of the noise."""
        images = images * 2 - 1
        noise, times = torch.randn_like(images), torch.randint(0, 1000, (len(images),))
        noisy = self._schedule.add_noise(images, noise, times)
        told = self.network(noisy, times, class_labels=labels if self.classes else None).sample
        return nn.functional.mse_loss(told, noise)

    def moved(self) -> None:
        """Its own average."""
        self._average.step(self.network.parameters())

    def samplers(self) -> dict[str, Draw]:
        """DDIM."""
        from diffusers import DDIMScheduler

        self._average.copy_to(self.network.parameters())
        steps = DDIMScheduler(num_train_timesteps=1000)

        def draw(labels: Tensor) -> Tensor:
            self.network.eval()
            images = torch.randn(len(labels), self.channels, self.size, self.size)
            steps.set_timesteps(DDIM_STEPS)
            for time in steps.timesteps:
                told = self.network(images, time, class_labels=labels if self.classes else None).sample
                images = steps.step(told, time, images).prev_sample
            return images / 2 + 0.5

        return {f"ddim{DDIM_STEPS}": _in_batches(draw)}


class Pythae(Peer):
    """pythae's VAE with its default networks and its Gaussian-mixture sampler."""

    clip = None

    def build(self, settings: dict[str, Any]) -> nn.Module:
        """Fully connected, 512 units."""
        from pythae.models import VAE, VAEConfig

        return VAE(VAEConfig(input_dim=(self.channels, self.size, self.size), latent_dim=settings["latent"]))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Its own."""
        return self.network({"data": images}).loss

    def samplers(self) -> dict[str, Draw]:
        """The mixture is fitted to 10,000 training images."""
        from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig

        self.network.eval()
        sampler = GaussianMixtureSampler(self.network, GaussianMixtureSamplerConfig(n_components=10))
        some = self.images[:10_000].permute(0, 3, 1, 2).float().div(255)
        sampler.fit(some)
        return {"mixture": _in_batches(lambda labels: sampler.sample(len(labels), batch_size=len(labels)))}


def _in_batches(some: Any) -> Draw:
    """`some`: int64 labels (B,) => images in [0, 1], (B, C, S, S)."""

    @torch.no_grad()
    def draw(labels: np.ndarray, seed: int) -> np.ndarray:
        torch.manual_seed(seed)
        np.random.seed(seed)  # the mixture draws from it
        starts = range(0, len(labels), DRAW_BATCH)
        images = torch.cat([some(torch.from_numpy(labels[start:start + DRAW_BATCH])) for start in starts])
        images = images.clamp(0, 1).mul(255).round()
        return images.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()

    return draw


def load(job: Job, images: np.ndarray, labels: np.ndarray) -> Peer:
    """For benchmarks.timed."""
    return {"lucidrains": Lucidrains, "diffusers": Diffusers, "pythae": Pythae}[job.system](job, images, labels)
