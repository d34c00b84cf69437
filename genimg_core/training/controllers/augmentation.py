"""How strongly a discriminator's inputs are augmented: ADA's heuristic (Karras et al. 2020, section 3)."""

from __future__ import annotations

import math
from typing import Any

from genimg_core.training.adapt import AugmentParams
from genimg_core.training.augment import Augmentation
from genimg_core.training.controllers.decision import Decision, State

CERTAINTY = "discriminator.certainty"
"""In the log: the mean sign of the verdict on real images, in [-1, 1] (r_t of the paper); of pairs where the loss
compares pairs. It is 0 where the discriminator guesses, 1 where it knows all its images."""

DIGITS = 9
"""Of the strength: so that steps up and down meet where they met before."""


class AugmentationControl:
    """One step up while the discriminator is surer than `target`, one down while it is less sure.

    Args:
        params: its settings.
        augmentation: whose strength it sets.
    """

    def __init__(self, params: AugmentParams, augmentation: Augmentation) -> None:
        self.params = params
        self.augmentation = augmentation
        self._last = 0

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """See `Controller`."""
        certainty, before = line[CERTAINTY], self.augmentation.strength
        step = (line["seen_images"] - self._last) / self.params.images
        self._last = line["seen_images"]
        wanted = round(before + math.copysign(step, certainty - self.params.target), DIGITS)
        self.augmentation.strength = min(self.params.most, max(0.0, wanted))
        if self.augmentation.strength == before:
            return None
        sure = certainty > self.params.target
        return Decision("discriminator_too_sure" if sure else "discriminator_unsure",
                        f"its certainty is {certainty:.2f}, the target {self.params.target:.2f}", "augment",
                        {"augmentation": before}, {"augmentation": self.augmentation.strength})

    @property
    def in_force(self) -> dict[str, float]:
        """See `Controller`."""
        return {"adapt.augmentation": self.augmentation.strength}

    @property
    def state(self) -> State:
        """See `Controller`."""
        return {"strength": self.augmentation.strength, "last": self._last}

    def restore(self, state: State) -> None:
        """See `Controller`."""
        self.augmentation.strength, self._last = state["strength"], state["last"]
