"""beta-VAE: squared error plus beta times the Kullback-Leibler term (Kingma and Welling 2013; Higgins et al. 2017).

B is the batch size; images are (B, C, H, W) in [-1, 1], the posterior's mean and log-variance (B, D).
Losses are per sample; the caller reduces.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class VaeLoss(NamedTuple):
    """What the autoencoder lowers: the sum of both."""

    reconstruction: Tensor  # (B,)
    kl: Tensor              # (B,) weighted by beta


def vae_loss(images: Tensor, reconstructed: Tensor, mean: Tensor, log_variance: Tensor, beta: float) -> VaeLoss:
    """Minus the evidence lower bound, up to a constant, for a normal p(image | z) of unit variance."""
    error = (images - reconstructed.float()).square().sum(dim=(1, 2, 3)) / 2
    return VaeLoss(error, beta * kl_from_standard_normal(mean, log_variance))


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)), (B,), in nats (Kingma and Welling 2013, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
