"""Closed forms and directions of the VAE's loss."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genimg_core.models.vae.objective import kl_from_standard_normal, vae_loss


def test_kl_against_torch_distributions():
    mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    assert torch.allclose(kl_from_standard_normal(mean, log_variance), expected, atol=1e-5)


def test_kl_is_zero_only_at_the_prior():
    assert kl_from_standard_normal(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0
    for mean, log_variance in ((0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5)):
        assert kl_from_standard_normal(torch.full((1, 4), mean), torch.full((1, 4), log_variance)).item() > 0


def test_reconstruction_in_closed_form():
    images, made = torch.zeros(2, 1, 2, 2), torch.stack([torch.full((1, 2, 2), 1.0), torch.full((1, 2, 2), -2.0)])
    loss = vae_loss(images, made, torch.zeros(2, 3), torch.zeros(2, 3), beta=1.0)
    assert loss.reconstruction.tolist() == [2.0, 8.0]
    assert loss.kl.tolist() == [0.0, 0.0]


def test_beta_weighs_the_kl_only():
    images, made, mean, spread = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2), torch.ones(2, 3), torch.zeros(2, 3)
    one, four = (vae_loss(images, made, mean, spread, beta) for beta in (1.0, 4.0))
    assert torch.equal(one.reconstruction, four.reconstruction)
    assert four.kl.tolist() == pytest.approx((4 * one.kl).tolist())
    assert one.kl.tolist() == pytest.approx([1.5, 1.5])
