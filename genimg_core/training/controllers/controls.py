"""All controllers of a run, as the loop sees them."""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor, nn

from genimg_core.models.family import Family
from genimg_core.training.augment import Augmentation
from genimg_core.training.controllers.augmentation import AugmentationControl
from genimg_core.training.controllers.decision import Controller, Decision, State
from genimg_core.training.controllers.kl import KlControl
from genimg_core.training.controllers.penalty import PenaltyControl
from genimg_core.training.controllers.rate import RateControl
from genimg_core.training.controllers.stop import StopControl
from genimg_core.training.params import TrainParams

BEST = "best."
"""Before the names of the best averaged weights in a snapshot."""


class Controls:
    """The controllers that params name; without any, it does nothing.

    Args:
        params: the run; `misfit` finds nothing in it.
        family: what it trains.
    """

    def __init__(self, params: TrainParams, family: Family) -> None:
        adapt = params.adapt
        self._all: dict[str, Controller] = {}
        self._stop: StopControl | None = None
        self._rate: RateControl | None = None
        self.best: dict[str, Tensor] = {}
        """The best averaged weights, where they are kept."""
        if adapt.augment is not None:
            family.knobs["augment"] = Augmentation(params.flip)
            self._all["augment"] = AugmentationControl(adapt.augment, family.knobs["augment"])
        if adapt.penalty is not None:
            self._all["penalty"] = PenaltyControl(adapt.penalty, family.knobs, family.guessing_costs)
        if adapt.kl is not None:
            self._all["kl"] = KlControl(adapt.kl, family.knobs)
        if adapt.rate is not None:
            self._all["rate"] = self._rate = RateControl(adapt.rate, measure(family))
        if adapt.stop is not None:
            self._all["stop"] = self._stop = StopControl(adapt.stop, params.seen_images)

    @property
    def rate(self) -> float:
        """What every learning rate is multiplied by."""
        return self._rate.factor if self._rate is not None else 1.0

    @property
    def stopped(self) -> bool:
        """Whether the run ends before its budget does."""
        return self._stop is not None and self._stop.stopped

    @property
    def in_force(self) -> dict[str, float]:
        """For a line of the log."""
        return {name: value for controller in self._all.values() for name, value in controller.in_force.items()}

    def observe(self, line: dict[str, Any], averaged: nn.ModuleDict, what: str) -> list[dict[str, Any]]:
        """Let each read the log's newest line; => what they decided, as events, which are told on stderr, too.

        Args:
            line: the newest.
            averaged: the averaged weights, as they are.
            what: the run, for messages.
        """
        decisions = [controller.observe(line) for controller in self._all.values()]
        if self._stop is not None and self._stop.newly_best:
            self.best = {name: tensor.detach().clone() for name, tensor in averaged.state_dict().items()}
        return [_told(decision, line, what) for decision in decisions if decision is not None]

    def at_the_end(self, line: dict[str, Any], averaged: nn.ModuleDict, what: str) -> list[dict[str, Any]]:
        """Put the best weights into the averaged ones, where they are not the last; arguments as of `observe`."""
        decision = self._stop.at_the_end(line) if self._stop is not None else None
        if decision is None:
            return []
        if decision.after:
            averaged.load_state_dict(self.best)
        return [_told(decision, line, what)]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """For a snapshot."""
        return {f"{BEST}{name}": tensor for name, tensor in self.best.items()}

    @property
    def state(self) -> dict[str, State]:
        """For a snapshot."""
        return {name: controller.state for name, controller in self._all.items()}

    def restore(self, state: dict[str, State], tensors: dict[str, Tensor]) -> None:
        """Go on from a snapshot of a run with the same params."""
        for name, controller in self._all.items():
            controller.restore(state[name])
        self.best = {name.removeprefix(BEST): tensor for name, tensor in tensors.items() if name.startswith(BEST)}


def measure(family: Family) -> str:
    """What tells progress on held-out images: the loss, unless it is a game's, which may stand still or rise."""
    return "held_out_loss" if len(family.players) == 1 else "kid"


def _told(decision: Decision, line: dict[str, Any], what: str) -> dict[str, Any]:
    print(f"{what}: {decision.cause.replace('_', ' ')} at {line['seen_images']:,} images seen ({decision.detail}): "
          f"{decision.told or 'nothing is changed'}", file=sys.stderr, flush=True)
    return decision.event(line["seen_images"])
