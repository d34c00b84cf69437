"""The flow as a Family: one network, one player; samples by integrating its velocity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genimg_core.models.family import Loss, ModelSpec, Noise, Player, SolverName
from genimg_core.models.flow import FlowParams
from genimg_core.models.flow.attention import AttentionNetwork
from genimg_core.models.flow.network import FlowNetwork
from genimg_core.models.flow.objective import draw_times, flow_loss, guided, path_point
from genimg_core.models.flow.solvers import integrate


class FlowFamily:
    """Class-conditional flow matching."""

    one_pass = False
    guessing_costs = None
    players = (Player("network", weight_decay=0.01),)
    class_tables = ("network.class_embedding.weight",)
    uncompiled = ()
    frozen_blocks = ("network.stem", "network.down", "network.shrink")

    def __init__(self, spec: ModelSpec, params: FlowParams) -> None:
        self.spec = spec
        self.params = params
        self.knobs: dict[str, Any] = {}

    def stabilise(self, times: int) -> dict[str, float]:
        """Nothing to balance."""
        return {}

    def build(self) -> nn.ModuleDict:
        """One U-Net."""
        spec, params = self.spec, self.params
        shape = (spec.size, spec.channels, spec.classes, params.width, params.blocks)
        return nn.ModuleDict({"network": AttentionNetwork(*shape, params.attention_side)
                              if params.network == "attention" else FlowNetwork(*shape)})

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor,
             generator: torch.Generator, progress: float) -> Loss:
        """Velocity error at one random time per image; part of the labels hidden."""
        device = images.device
        noise = torch.randn(images.shape, generator=generator, device=device)
        t = draw_times(len(images), self.params.time_mean, self.params.time_std, generator)
        dropped = torch.rand(len(images), generator=generator, device=device) < self.params.label_dropout
        point = path_point(images, noise, t)
        loss = flow_loss(networks[player](point.x, t, labels, dropped), point.velocity)
        return Loss(loss.velocity, {"velocity": loss.velocity})

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float,
               solver: SolverName) -> Tensor:
        """From noise (t = 0) to an image (t = 1) in equal steps; each evaluation counts twice with guidance."""
        x = noise(self.spec.channels, self.spec.size, self.spec.size)
        return integrate(lambda x, t: self._velocity(networks["network"], x, t, labels, guidance), x, steps, solver)

    def _velocity(self, network: nn.Module, x: Tensor, t: float, labels: Tensor, guidance: float) -> Tensor:
        times = torch.full((len(x),), t, device=x.device)
        told = network(x, times, labels)
        if guidance == 1:
            return told
        untold = network(x, times, labels, torch.ones_like(labels, dtype=torch.bool))
        return guided(told, untold, guidance)
