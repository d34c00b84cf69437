"""Operations per image, against what a layer is known to cost."""

from __future__ import annotations

import torch
from torch import nn

from genimg_core.models.family import FAMILIES, Loss, ModelSpec, Player
from genimg_core.training.cost import operations_per_image
from tests.models.tiny import NARROW


class OneLayer:
    """A family of a single matrix."""

    players = (Player("network"),)
    class_tables = ()

    def loss(self, networks, player, images, labels, generator, progress):
        """The square of what the matrix makes of the pixels."""
        out = networks[player](images.flatten(1)).square().mean(dim=1)
        return Loss(out, {})


def test_a_matrix_costs_two_operations_a_weight_forward_and_two_for_its_slope():
    networks = nn.ModuleDict({"network": nn.Linear(64, 5, bias=False)})
    assert operations_per_image(OneLayer(), networks, ModelSpec(8, 1, 2), 4) == 2 * 2 * 64 * 5


def test_the_batch_does_not_matter_and_nothing_is_changed():
    for name, entry in FAMILIES.items():
        spec = ModelSpec(8, 1, 2)
        family = entry.load(spec, entry.params(**NARROW[name]))
        networks = family.build()
        before = {key: value.clone() for key, value in networks.state_dict().items()}
        state = torch.get_rng_state()
        costs = {operations_per_image(family, networks, spec, batch) for batch in (4, 16, 512)}
        assert len(costs) == 1 and costs.pop() > 1000, name
        assert all(torch.equal(value, before[key]) for key, value in networks.state_dict().items())
        assert all(weight.grad is None for weight in networks.parameters())
        assert torch.equal(state, torch.get_rng_state()), name
