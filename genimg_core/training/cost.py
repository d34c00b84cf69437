"""What a step costs, in operations: a figure that no other machine and no busy neighbour changes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from genimg_core.models.family import Family, ModelSpec
from genimg_core.training.generators import torch_generator

MOST_IMAGES = 16


class _Counter(TorchDispatchMode):
    """torch's formulae, summed over every operation. (Its own FlopCounterMode hooks modules, which R1 forbids.)"""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, **kwargs, out_val=out)
        return out


def operations_per_image(family: Family, networks: nn.ModuleDict, spec: ModelSpec, batch: int) -> int:
    """Floating-point operations that one image costs in training, forward and backward, over all players.

    Convolutions and matrix products count (a multiplication and an addition are two), as torch's flop counter does;
    the rest is little beside them. Averages and optimisers are left out: they cost by the step, not by the image.

    Args:
        family: what is trained.
        networks: on their device; left as they were.
        spec: the images.
        batch: of the run.
    """
    networks = copy.deepcopy(networks)  # batch normalisation would learn from what is shown here
    count = min(batch, MOST_IMAGES)
    device = next(networks.parameters()).device
    images = torch.zeros(count, spec.channels, spec.size, spec.size, device=device)
    labels = torch.arange(count, device=device) % spec.classes
    with _Counter() as counter:
        for player in family.players:
            before = counter.total
            loss = family.loss(networks, player.name, images, labels, torch_generator(0, "cost", device), 0.0)
            weights = [weight for weight in networks[player.name].parameters() if weight.requires_grad]
            torch.autograd.grad(loss.total.mean(), weights)
            counter.total = before + (counter.total - before) // player.every
    return counter.total // count
