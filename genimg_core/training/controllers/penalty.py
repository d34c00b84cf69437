"""The weight of a GAN's penalties, such that the discriminator neither wins nor merely guesses.

The rule: its adversarial loss over what guessing costs shall lie in a band. Under it, the slopes that the generator
learns by vanish (Arjovsky and Bottou 2017, theorem 2.4), and a smoother critic is asked for; over it, the critic tells
too little, and may be sharper.
"""

from __future__ import annotations

from typing import Any

from genimg_core.training.adapt import PenaltyParams
from genimg_core.training.controllers.decision import Decision, State

ADVERSARIAL = "discriminator/adversarial"


class PenaltyControl:
    """A factor on all penalties, up or down by one step at a line outside the band.

    Args:
        params: its settings.
        knobs: of the family; `penalty` is the factor.
        guessing_costs: the discriminator's loss where it cannot tell anything.
    """

    def __init__(self, params: PenaltyParams, knobs: dict[str, Any], guessing_costs: float) -> None:
        self.params = params
        self.knobs = knobs
        self.guessing_costs = guessing_costs
        self.knobs["penalty"] = 1.0

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """See `Controller`."""
        share, before, params = line[ADVERSARIAL] / self.guessing_costs, self.knobs["penalty"], self.params
        if params.low <= share <= params.high:
            return None
        wanted = before * params.by if share < params.low else before / params.by
        after = min(params.most, max(1 / params.most, wanted))
        if after == before:
            return None
        self.knobs["penalty"] = after
        return Decision("discriminator_ahead" if share < params.low else "discriminator_behind",
                        f"its loss is {share:.2f} of what guessing costs, the band {params.low:g} to {params.high:g}",
                        "penalty", {"penalty_factor": before}, {"penalty_factor": after})

    @property
    def in_force(self) -> dict[str, float]:
        """See `Controller`."""
        return {"adapt.penalty_factor": self.knobs["penalty"]}

    @property
    def state(self) -> State:
        """See `Controller`."""
        return {"factor": self.knobs["penalty"]}

    def restore(self, state: State) -> None:
        """See `Controller`."""
        self.knobs["penalty"] = state["factor"]
