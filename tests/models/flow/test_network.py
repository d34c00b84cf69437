"""The flow's network and sampler against independent forms."""

import pytest
import torch

from genimg_core.models.family import ModelSpec
from genimg_core.models.flow import FlowParams
from genimg_core.models.flow.family import FlowFamily
from genimg_core.models.flow.network import FlowNetwork, preconditioning
from genimg_core.models.flow.objective import path_point
from genimg_core.models.pyramid import level_sides


def test_levels():
    assert level_sides(16) == [16, 8, 4]
    assert level_sides(14) == [14, 7, 4]
    assert level_sides(4) == [4]


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9, 1.0])
def test_preconditioning_is_the_best_linear_guess(t):
    """Against least squares on Gaussian data: the slope of velocity on x, and the spread of what it leaves."""
    generator = torch.Generator().manual_seed(0)
    data = 0.5 * torch.randn(200_000, 1, 1, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(200_000, 1, 1, 1, generator=generator, dtype=torch.float64)
    point = path_point(data, noise, torch.full((200_000,), t, dtype=torch.float64))
    x, v = point.x.flatten(), point.velocity.flatten()
    slope = (x * v).mean() / (x * x).mean()
    scales = preconditioning(torch.tensor([t], dtype=torch.float64), 0.5)
    assert scales.skip_scale.item() == pytest.approx(slope.item(), abs=0.02)
    assert scales.out_scale.item() == pytest.approx((v - slope * x).std().item(), abs=0.01)
    assert scales.in_scale.item() == pytest.approx(1 / x.std().item(), rel=0.02)


def test_a_fresh_network_makes_the_linear_guess():
    network = FlowNetwork(8, 1, 2, 8, 1)
    x, t = torch.randn(3, 1, 8, 8), torch.tensor([0.2, 0.5, 0.9])
    assert torch.equal(network(x, t, torch.tensor([0, 1, 0])), preconditioning(t).skip_scale[:, None, None, None] * x)


def test_a_dropped_label_has_no_effect():
    network = FlowNetwork(8, 1, 2, 8, 1)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    x, t = torch.randn(1, 1, 8, 8), torch.tensor([0.5])
    hidden, shown = torch.tensor([True]), torch.tensor([False])
    zero, one = torch.tensor([0]), torch.tensor([1])
    assert torch.equal(network(x, t, zero, hidden), network(x, t, one, hidden))
    assert not torch.equal(network(x, t, zero, shown), network(x, t, one, shown))
    assert torch.equal(network(x, t, zero, shown), network(x, t, zero))


class _Towards(torch.nn.Module):
    """The exact velocity field towards one point, with a decay: dx/dt = -(x - target)."""

    def forward(self, x, t, labels, dropped=None):
        return -(x - 2.0)


@pytest.mark.parametrize(("solver", "shrinks"), [("euler", 1.7), ("midpoint", 3.7), ("heun", 3)])
def test_order_of_the_solvers(solver, shrinks):
    """x(1) = 2 + (x0 - 2) / e; twice the steps, half the error of the first order, a quarter of the second's.

    (Heun's is a little more, since its last step is Euler's.)
    """
    family = FlowFamily(ModelSpec(8, 1, 1), FlowParams())
    networks = torch.nn.ModuleDict({"network": _Towards()})
    start = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    label = torch.zeros(1, dtype=torch.int64)
    ends = [family.sample(networks, label, lambda *s: start, steps, 1.0, solver)[0, 0, 0, 0].item()
            for steps in (8, 16, 32)]
    errors = [abs(end - (2 - 2 / torch.e)) for end in ends]
    assert errors[0] > shrinks * errors[1] > shrinks**2 * errors[2]
