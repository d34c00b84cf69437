"""Closed forms and directions of the VAE's losses."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from genimg_core.models.vae.objective import (
    RECONSTRUCTIONS,
    beta_at,
    clip_at,
    clipped_squared_error,
    cross_entropy,
    free_bits,
    kl_from_standard_normal,
    squared_error,
)


def test_kl_against_torch_distributions():
    mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_from_standard_normal(mean, log_variance), expected, atol=1e-5)


def test_kl_is_zero_only_at_the_prior():
    assert not kl_from_standard_normal(torch.zeros(1, 4), torch.zeros(1, 4)).any()
    for mean, log_variance in ((0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5)):
        assert (kl_from_standard_normal(torch.full((1, 4), mean), torch.full((1, 4), log_variance)) > 0).all()


def test_squared_error_in_closed_form():
    images, made = torch.zeros(2, 1, 2, 2), torch.stack([torch.full((1, 2, 2), 1.0), torch.full((1, 2, 2), -2.0)])
    assert squared_error(images, made, 0.5).tolist() == [2.0, 8.0]


def test_the_clip_stops_what_a_pixel_far_off_pulls():
    images = torch.zeros(1, 1, 1, 3)
    made = torch.tensor([0.5, 1.0, -1.0]).reshape(1, 1, 1, 3).requires_grad_()
    loss = clipped_squared_error(images, made, 0.5)
    assert loss.item() == pytest.approx((0.25 + 0.5 + 0.5) / 2)
    (slope,) = torch.autograd.grad(loss.sum(), made)
    assert slope.flatten().tolist() == [0.5, 0.0, 0.0]


def test_a_wide_clip_is_the_squared_error():
    images, made = torch.rand(3, 1, 4, 4) * 2 - 1, torch.rand(3, 1, 4, 4) * 2 - 1
    assert torch.equal(clipped_squared_error(images, made, 4.0), squared_error(images, made, 4.0))


def test_cross_entropy_against_torch_distributions():
    bits = (torch.rand(3, 1, 4, 4) > 0.5).float()
    made = torch.rand(3, 1, 4, 4) * 1.8 - 0.9
    expected = -Bernoulli((made + 1) / 2).log_prob(bits).sum(dim=(1, 2, 3))
    assert torch.allclose(cross_entropy(bits * 2 - 1, made, 0.5), expected, rtol=1e-5)


def test_cross_entropy_is_finite_where_the_decoder_is_sure_and_wrong():
    made = torch.ones(1, 1, 2, 2, requires_grad=True)
    loss = cross_entropy(-torch.ones(1, 1, 2, 2), made, 0.5)
    assert loss.isfinite().all() and loss > 10


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_every_reconstruction_pulls_towards_the_image(name):
    images = torch.tensor([0.2, -0.6, 0.9, -0.1]).reshape(1, 1, 2, 2)
    made = torch.tensor([0.6, -0.2, 0.5, -0.5]).reshape(1, 1, 2, 2).requires_grad_()
    (slope,) = torch.autograd.grad(RECONSTRUCTIONS[name](images, made, 0.5).sum(), made)
    assert torch.equal(slope.sign(), (made - images).detach().sign())


def test_free_bits_in_closed_form():
    """Batch means 0.1 and 2 with 0.5 nats free: the first coordinate costs 0.5 for everybody, the second what it is."""
    kl = torch.tensor([[0.0, 1.0], [0.2, 3.0]], requires_grad=True)
    told = free_bits(kl, 0.5)
    assert told.tolist() == pytest.approx([1.5, 3.5])
    (slope,) = torch.autograd.grad(told.sum(), kl)
    assert slope.tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert torch.equal(free_bits(kl, 0.0), kl.sum(dim=1))


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 0.0), (0.1, 1.0), (0.2, 2.0), (0.9, 2.0)])
def test_beta_rises(progress, expected):
    assert beta_at(progress, 2.0, 0.2) == pytest.approx(expected)
    assert beta_at(progress, 2.0, 0.0) == 2.0


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
@pytest.mark.parametrize("colour", [-1.0, 1.0])
def test_nothing_is_too_far_off_to_be_learnt_at_the_start(name, colour):
    """Clipped from the first step, an error would leave the rarer colour for ever."""
    images = torch.tensor([[[[-1.0, 1.0]]]])
    made = torch.full_like(images, 0.99 * colour, requires_grad=True)
    RECONSTRUCTIONS[name](images, made, clip_at(0.0, 0.5)).sum().backward()
    assert made.grad[0, 0, 0, 0] > 0 > made.grad[0, 0, 0, 1]


def test_the_clip_falls_over_the_first_half():
    assert [clip_at(progress, 1.0) for progress in (0.0, 0.25, 0.5, 1.0)] == [4.0, 2.5, 1.0, 1.0]
