"""Averaged weights: the half-life, the ramp, and the direction."""

import pytest
import torch
from torch import nn

from genimg_core.training.ema import Ema, ema_decay


def network(value):
    layer = nn.Linear(2, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return nn.ModuleDict({"network": layer})


def test_after_a_half_life_half_of_the_old_weights_is_left():
    ema = Ema(network(1.0), half_life=1000, ramp=1.0)
    target = network(0.0)
    for _ in range(10):
        ema.update(target, seen_images=10**6, batch=100)
    assert ema.networks["network"].weight.tolist()[0] == pytest.approx([0.5, 0.5])


def test_the_ramp_bounds_the_half_life():
    assert ema_decay(0, 100, 1000, 0.05) == 0
    assert ema_decay(2000, 100, 1000, 0.05) == pytest.approx(0.5)
    assert ema_decay(10**9, 100, 1000, 0.05) == pytest.approx(0.5**0.1)


def test_no_half_life_is_no_average():
    ema = Ema(network(1.0), half_life=0, ramp=0.05)
    ema.update(network(3.0), seen_images=5000, batch=10)
    assert ema.networks["network"].weight.tolist()[0] == [3.0, 3.0]


def test_the_average_is_a_copy_that_needs_no_gradients():
    followed = network(1.0)
    ema = Ema(followed, 1000, 1.0)
    with torch.no_grad():
        followed["network"].weight.fill_(9.0)
    assert ema.networks["network"].weight.tolist()[0] == [1.0, 1.0]
    assert not ema.networks["network"].weight.requires_grad
