"""How the family puts the VAE's losses together."""

import pytest
import torch

from genimg_core.models.family import ModelSpec
from genimg_core.models.vae import VaeParams
from genimg_core.models.vae.family import VaeFamily
from genimg_core.training.generators import torch_generator


def parts(progress=1.0, **settings):
    family = VaeFamily(ModelSpec(8, 1, 2), VaeParams(width=8, **settings))
    torch.manual_seed(0)
    networks = family.build()
    torch.nn.init.normal_(networks["autoencoder"].posterior.weight, std=0.1)  # away from the prior, where KL is 0
    images = torch.linspace(-1, 1, 4 * 64).reshape(4, 1, 8, 8)
    labels = torch.arange(4) % 2
    return family.loss(networks, "autoencoder", images, labels, torch_generator(0, "draws"), progress).parts


def test_beta_weighs_the_kl_only():
    one, four = parts(beta=1.0), parts(beta=4.0)
    assert torch.equal(one["reconstruction"], four["reconstruction"])
    assert (one["kl"] > 0).all()
    assert four["kl"].tolist() == pytest.approx((4 * one["kl"]).tolist())


def test_the_warm_up_follows_the_budget():
    early, late = parts(0.1, beta_warm_up=0.4), parts(0.9, beta_warm_up=0.4)
    assert early["kl"].tolist() == pytest.approx((late["kl"] / 4).tolist())
    assert torch.equal(early["reconstruction"], late["reconstruction"])
