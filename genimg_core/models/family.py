"""What a family of generative models is, and the table of them. Light to import: torch comes with `load`.

The training loop, the model file and the stages know a family only by this Protocol. B is the batch size;
images are float (B, C, H, W) in [-1, 1]; labels are int64 (B,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from genimg_core.models import flow, gan, vae
from genimg_core.params import Section

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


SolverName = Literal["euler", "midpoint", "heun"]
"""How a family that integrates takes its steps."""
SOLVER: SolverName = "heun"
"""The usual one; what is drawn with it does not name it."""


@dataclass(frozen=True)
class ModelSpec:
    """The images a model makes."""

    size: int
    """Side in pixels, a multiple of 4, at least 8."""
    channels: int
    """1, 3 or 4."""
    classes: int
    """At least 1."""


@dataclass(frozen=True)
class Player:
    """A part of a model that has an optimiser of its own; in each step the players move one after the other."""

    name: str
    """Its key in the networks."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Of AdamW."""
    weight_decay: float = 0.0
    learning_rate_scale: float = 1.0
    """Its learning rate is this times the run's."""
    every: int = 1
    """It moves in every so many steps only."""


class Loss(NamedTuple):
    """A player's loss on a batch; the loop reduces it and goes backward."""

    total: Tensor  # (B,)
    parts: dict[str, Tensor]  # name in the training log => (B,)
    figures: dict[str, Tensor] = {}  # what else is to be logged: name => (B,)


class Noise(Protocol):
    """Standard normal draws, each sample's row from a generator of its own."""

    def __call__(self, *shape: int) -> Tensor:
        """(B, *shape), on the networks' device."""
        ...


class Family(Protocol):
    """One kind of generative model, bound to a ModelSpec and to its settings."""

    one_pass: bool
    """Whether a sample costs one pass through a network: then samples are looked at on the way."""
    players: tuple[Player, ...]
    """In the order in which they move; the last one makes the images, and its loss is the run's `loss`."""
    class_tables: tuple[str, ...]
    """Entries of the networks' state with a row per class: what finetune maps from the parent's classes to its own."""
    uncompiled: tuple[str, ...]
    """Networks that `compile` leaves as they are: a loss may look at their slopes, which it cannot differentiate."""

    @property
    def frozen_blocks(self) -> tuple[str, ...]:
        """What `recipe: frozen` holds still unless told otherwise: beginnings of weights' names (`network.down`).

        Early layers, which see what is common to all images. One that a small network does not have holds nothing.
        """
        ...

    @property
    def guessing_costs(self) -> float | None:
        """The first player's loss (its part `adversarial`) where it cannot tell anything; None if there is no such."""
        ...

    knobs: dict[str, Any]
    """What controllers turn on the way: `augment`, how a discriminator's inputs are changed (None: not at all),
    `penalty` and `beta`, factors on weights. A family heeds those that it names."""

    def stabilise(self, times: int) -> dict[str, float]:
        """Take what holds a game in balance, `times` times over from the params; => the settings now in force, by name.

        Empty where a family has nothing of the kind.
        """
        ...

    def build(self) -> nn.ModuleDict:
        """Networks with fresh weights from torch's global generator; one entry per player."""
        ...

    def loss(self, networks: nn.ModuleDict, player: str, images: Tensor, labels: Tensor, generator: torch.Generator,
             progress: float) -> Loss:
        """The loss that `player` lowers.

        Random draws come from `generator`, which lives on the images' device. `progress` is the part of the budget that
        is over, in [0, 1].
        """
        ...

    def sample(self, networks: nn.ModuleDict, labels: Tensor, noise: Noise, steps: int, guidance: float,
               solver: SolverName) -> Tensor:
        """Images (B, C, H, W), nominally in [-1, 1], one per label.

        Sample i may depend on nothing but the weights, its label, its row of the noise, `steps`, `guidance` and
        `solver`: so no statistics over the batch. A family that has no use for one of these ignores it.
        """
        ...


@dataclass(frozen=True)
class FamilyEntry:
    """A family's settings, and how to get it."""

    params: type[Section]
    load: Callable[[ModelSpec, Any], Family]


FAMILIES: dict[str, FamilyEntry] = {
    "flow": FamilyEntry(flow.FlowParams, flow.load),
    "gan": FamilyEntry(gan.GanParams, gan.load),
    "vae": FamilyEntry(vae.VaeParams, vae.load),
}
"""The name in params.yaml => the family. The shared contract test goes through this table."""
