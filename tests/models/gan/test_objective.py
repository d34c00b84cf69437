"""Closed forms and directions of the GAN's losses and penalties. A flipped sign fails."""

import math

import pytest
import torch

from genimg_core.models.gan.objective import (
    LOSSES,
    PAIRED,
    certainty,
    gradient_penalty,
    minimax,
    non_saturating,
    squared_slope,
    zero_centred,
)

LOG2 = math.log(2)
AT_ZERO = {"non_saturating": (2 * LOG2, LOG2), "minimax": (2 * LOG2, -LOG2), "least_squares": (0.5, 0.5),
           "wasserstein": (0.0, 0.0), "hinge": (2.0, 0.0), "relativistic": (LOG2, LOG2)}
"""Loss => what critic and generator pay where every logit is 0."""
every_loss = pytest.mark.parametrize("name", LOSSES)


def slopes(name, real, fake):
    """Of the critic's and of the generator's loss, each by real and by fake logit."""
    logits = torch.tensor([real], requires_grad=True), torch.tensor([fake], requires_grad=True)
    told = []
    for loss in LOSSES[name](*logits):
        told += [0.0 if slope is None else slope.item()
                 for slope in torch.autograd.grad(loss.sum(), logits, retain_graph=True, allow_unused=True)]
    return told


@every_loss
def test_closed_forms_at_logit_zero(name):
    told = LOSSES[name](torch.zeros(3), torch.zeros(3))
    assert told.critic.tolist() == pytest.approx([AT_ZERO[name][0]] * 3)
    assert told.generator.tolist() == pytest.approx([AT_ZERO[name][1]] * 3)


@every_loss
def test_certainty_is_1_for_a_critic_that_is_right_and_minus_1_for_one_that_is_wrong(name):
    """Whatever the loss: at its own point between real and generated, or between the two of a pair."""
    right = {"least_squares": (0.9, 0.1)}.get(name, (0.4, -0.4))
    for (real, fake), sure in ((right, 1.0), (right[::-1], -1.0)):
        assert certainty(name, torch.full((3,), real), torch.full((3,), fake)).tolist() == [sure] * 3
    anchored = certainty(name, torch.tensor([3.0]), torch.tensor([5.0])).item()
    assert anchored == (-1 if name in ("relativistic", "wasserstein") else 1)


@every_loss
@pytest.mark.parametrize(("real", "fake"), [(0.5, 0.5), (0.3, 0.2), (-0.4, 0.6)])
def test_the_players_pull_apart(name, real, fake):
    """The critic raises real and lowers fake logits; the generator raises those of its own images."""
    critic_real, critic_fake, generator_real, generator_fake = slopes(name, real, fake)
    assert critic_real < 0 < critic_fake
    assert generator_fake < 0
    assert (generator_real > 0) == (name in PAIRED)


@every_loss
def test_losses_are_per_sample(name):
    real, fake = torch.randn(5), torch.randn(5)
    together = LOSSES[name](real, fake)
    alone = LOSSES[name](real[2:3], fake[2:3])
    assert together.critic[2] == alone.critic[0] and together.generator[2] == alone.generator[0]


def test_where_the_critic_is_sure_the_minimax_generator_learns_nothing_and_the_non_saturating_one_does():
    assert abs(slopes("minimax", 8.0, -8.0)[3]) < 1e-3
    assert slopes("non_saturating", 8.0, -8.0)[3] < -0.99


def test_the_two_share_their_critic_and_the_optimum():
    """At the best critic, log(p / q), the minimax generator pays log(1 - D): minus the critic's part for fakes."""
    real, fake = torch.randn(7), torch.randn(7)
    assert torch.equal(minimax(real, fake).critic, non_saturating(real, fake).critic)
    expected = torch.log(1 - torch.sigmoid(fake.double()))
    assert torch.allclose(minimax(real, fake.double()).generator, expected)


def test_the_hinge_critic_is_content_beyond_its_margin():
    assert slopes("hinge", 1.5, -1.5)[:2] == [0.0, 0.0]
    assert slopes("hinge", 0.5, -0.5)[:2] == [-1.0, 1.0]


def test_the_relativistic_loss_knows_differences_only():
    real, fake = torch.randn(4), torch.randn(4)
    one, other = LOSSES["relativistic"](real, fake), LOSSES["relativistic"](real + 3, fake + 3)
    assert torch.allclose(one.critic, other.critic, atol=1e-6)
    assert torch.allclose(one.generator, other.generator, atol=1e-6)


def test_r1_of_half_a_square_is_the_square():
    """A critic x^2 / 2 has the slope x, so |slope|^2 = sum x^2, and R1 is gamma / 2 of it."""
    images = torch.randn(4, 1, 3, 3, requires_grad=True)
    logits = images.square().sum(dim=(1, 2, 3)) / 2
    expected = images.detach().square().sum(dim=(1, 2, 3))
    assert torch.allclose(squared_slope(logits, images), expected)
    assert torch.allclose(zero_centred(logits, images, 3.0), 1.5 * expected)


def test_r1_can_be_lowered():
    """The penalty has a gradient with respect to the critic's weights, and going down it flattens the critic."""
    weight = torch.tensor(2.0, requires_grad=True)
    images = torch.randn(4, 1, 3, 3, requires_grad=True)
    r1 = zero_centred(weight * images.sum(dim=(1, 2, 3)), images, 1.0).mean()
    assert r1.item() == pytest.approx(0.5 * 4 * 9)
    (slope,) = torch.autograd.grad(r1, weight)
    assert slope.item() == pytest.approx(2 * 9)


@pytest.mark.parametrize(("weight", "direction"), [(2.0, 1), (1 / 9, -1)])
def test_the_gradient_penalty_wants_slopes_of_one(weight, direction):
    """A critic w * sum x has the slope w * 3 in each of 3 x 3 images: too steep goes down, too flat goes up."""
    weight = torch.tensor(weight, requires_grad=True)
    real, fake = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3)
    told = gradient_penalty(lambda x: weight * x.sum(dim=(1, 2, 3)), real, fake, torch.rand(4), 10.0)
    assert told.tolist() == pytest.approx([10 * (3 * weight.item() - 1) ** 2] * 4, rel=1e-4)
    (slope,) = torch.autograd.grad(told.mean(), weight)
    assert slope.item() * direction > 0


def test_the_gradient_penalty_looks_between_the_images():
    """Of a critic x^2 / 2 the slope is the image: at mix 1 the real one, at mix 0 the fake one."""
    real, fake = torch.full((2, 1, 2, 2), 3.0), torch.full((2, 1, 2, 2), 1.0)
    told = gradient_penalty(lambda x: x.square().sum(dim=(1, 2, 3)) / 2, real, fake, torch.tensor([1.0, 0.0]), 1.0)
    assert told.tolist() == pytest.approx([(6 - 1) ** 2, (2 - 1) ** 2])
