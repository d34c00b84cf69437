"""Closed forms and directions of the GAN's losses."""

import math

import pytest
import torch

from genimg_core.models.gan.objective import critic_loss, generator_loss, squared_slope


def test_closed_forms_at_logit_zero():
    zeros = torch.zeros(3)
    judged = critic_loss(zeros, zeros, torch.zeros(3, 1, 2, 2), gamma=0)
    assert judged.adversarial.tolist() == pytest.approx([2 * math.log(2)] * 3)
    assert generator_loss(zeros).adversarial.tolist() == pytest.approx([math.log(2)] * 3)


def test_the_critic_wants_real_high_and_fake_low():
    images = torch.zeros(1, 1, 2, 2)

    def loss(real, fake):
        return critic_loss(torch.tensor([real]), torch.tensor([fake]), images, gamma=0).adversarial.item()

    assert loss(1.0, 0.0) < loss(0.0, 0.0) < loss(-1.0, 0.0)
    assert loss(0.0, -1.0) < loss(0.0, 0.0) < loss(0.0, 1.0)


def test_the_generator_wants_its_images_high():
    fake = torch.tensor([-8.0, 0.0, 8.0], requires_grad=True)
    loss = generator_loss(fake).adversarial
    assert loss[0] > loss[1] > loss[2]
    (slope,) = torch.autograd.grad(loss.sum(), fake)
    assert slope[0] < -0.99  # does not saturate where the discriminator is sure


def test_r1_of_half_a_square_is_the_square():
    """A critic x^2 / 2 has the slope x, so |slope|^2 = sum x^2, and R1 is gamma / 2 of it."""
    images = torch.randn(4, 1, 3, 3, requires_grad=True)
    logits = images.square().sum(dim=(1, 2, 3)) / 2
    expected = images.detach().square().sum(dim=(1, 2, 3))
    assert torch.allclose(squared_slope(logits, images), expected)
    assert torch.allclose(critic_loss(logits, torch.zeros(4), images, gamma=3.0).r1, 1.5 * expected)


def test_r1_can_be_lowered():
    """The penalty has a gradient with respect to the critic's weights, and going down it flattens the critic."""
    weight = torch.tensor(2.0, requires_grad=True)
    images = torch.randn(4, 1, 3, 3, requires_grad=True)
    r1 = critic_loss(weight * images.sum(dim=(1, 2, 3)), torch.zeros(4), images, gamma=1.0).r1.mean()
    assert r1.item() == pytest.approx(0.5 * 4 * 9)
    (slope,) = torch.autograd.grad(r1, weight)
    assert slope.item() == pytest.approx(2 * 9)
