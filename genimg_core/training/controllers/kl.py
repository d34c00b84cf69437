"""beta of a VAE, such that its latent carries a set amount: a controller of the KL term (Shao et al. 2020, ControlVAE).

As in Rezende and Viola 2018 (GECO, algorithm 1) the multiplier of a constraint grows by a factor while the constraint
is broken and shrinks by one while it is not: integral control of the logarithm of beta, which so stays positive and
needs no gain that knows the scale of the reconstruction error.
"""

from __future__ import annotations

import math
from typing import Any

from genimg_core.training.adapt import KlParams
from genimg_core.training.controllers.decision import Decision, State

NATS = "autoencoder.nats"
"""In the log: the KL term without its weight, in nats."""
CLOSE = 0.02
"""Off by less than this part of the target, beta stays."""
STRONGEST = math.log(2)
"""Of a step of log beta."""


class KlControl:
    """A factor on beta.

    Args:
        params: its settings.
        knobs: of the family; `beta` is the factor.
    """

    def __init__(self, params: KlParams, knobs: dict[str, Any]) -> None:
        self.params = params
        self.knobs = knobs
        self.knobs["beta"] = 1.0

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """See `Controller`."""
        nats, before, params = line[NATS], self.knobs["beta"], self.params
        if abs(nats - params.target) <= CLOSE * params.target:
            return None
        off = math.log(max(nats, _LEAST * params.target) / params.target)
        step = min(STRONGEST, max(-STRONGEST, params.gain * off))
        after = min(params.most, max(1 / params.most, before * math.exp(step)))
        if after == before:
            return None
        self.knobs["beta"] = after
        return Decision("carries_too_much" if off > 0 else "carries_too_little",
                        f"the latent carries {nats:.3g} nats, the target is {params.target:g}", "kl",
                        {"beta_factor": before}, {"beta_factor": after})

    @property
    def in_force(self) -> dict[str, float]:
        """See `Controller`."""
        return {"adapt.beta_factor": self.knobs["beta"]}

    @property
    def state(self) -> State:
        """See `Controller`."""
        return {"factor": self.knobs["beta"]}

    def restore(self, state: State) -> None:
        """See `Controller`."""
        self.knobs["beta"] = state["factor"]


_LEAST = 1e-6
"""Of the target: a latent that carries nothing has no logarithm."""
