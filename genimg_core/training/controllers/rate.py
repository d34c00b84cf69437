"""The learning rate, lowered where held-out images no longer gain (the usual schedule by plateaus)."""

from __future__ import annotations

import math
from typing import Any

from genimg_core.training.adapt import RateParams
from genimg_core.training.controllers.decision import Decision, State


class RateControl:
    """A factor on every learning rate.

    Args:
        params: its settings.
        measure: the entry of the log that shall fall; only lines with a look have it.
    """

    def __init__(self, params: RateParams, measure: str) -> None:
        self.params = params
        self.measure = measure
        self.factor = 1.0
        self._best = math.inf
        self._waited = 0

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """See `Controller`."""
        if self.measure not in line:
            return None
        figure = line[self.measure]
        if not math.isfinite(self._best) or figure < self._best - self.params.better_by * abs(self._best):
            self._best, self._waited = figure, 0
            return None
        self._waited += 1
        before = self.factor
        if self._waited < self.params.patience or before <= self.params.least:
            return None
        self._waited = 0
        self.factor = max(self.params.least, before * self.params.by)
        return Decision("plateau", f"{self.measure.replace('_', ' ')} {figure:.4g}, no better than {self._best:.4g} in "
                                   f"{self.params.patience} looks", "rate", {"rate_factor": before},
                        {"rate_factor": self.factor})

    @property
    def in_force(self) -> dict[str, float]:
        """See `Controller`."""
        return {"adapt.rate_factor": self.factor}

    @property
    def state(self) -> State:
        """See `Controller`."""
        best = self._best if math.isfinite(self._best) else None
        return {"factor": self.factor, "best": best, "waited": self._waited}

    def restore(self, state: State) -> None:
        """See `Controller`."""
        self.factor, self._waited = state["factor"], state["waited"]
        self._best = math.inf if state["best"] is None else state["best"]
