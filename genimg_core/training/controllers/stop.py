"""Which weights are kept, and when enough is enough: by held-out KID and by how near samples lie to training images."""

from __future__ import annotations

import math
from typing import Any

from genimg_core.training.adapt import StopParams
from genimg_core.training.controllers.decision import Decision, State

STILL_GAINING = 0.05
"""A last look that is better than all before by more than this part of them says that the budget was too small."""


class StopControl:
    """Remembers the best look; says when there was none better for long.

    Args:
        params: its settings.
        budget: images seen that the run may spend.
    """

    def __init__(self, params: StopParams, budget: int) -> None:
        self.params = params
        self.budget = budget
        self.stopped = False
        self.newly_best = False
        """Whether the line observed last is the best: its weights are to be kept."""
        self._best = math.inf
        self._best_at: int | None = None
        self._waited = 0
        self._gain = 0.0

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """See `Controller`."""
        self.newly_best = False
        if "kid" not in line:
            return None
        copies = line["nearest_ratio"] < self.params.least_ratio
        if line["kid"] < self._best and not copies:
            self._gain = 0.0 if self._best_at is None else 1 - line["kid"] / self._best
            self._best, self._best_at, self._waited, self.newly_best = line["kid"], line["seen_images"], 0, True
            return None
        self._waited += 1
        seen, patience = line["seen_images"], self.params.patience
        if patience is None or self._waited < patience or not self.params.after * self.budget <= seen < self.budget:
            return None
        self.stopped = True
        return Decision(
            "memorizing" if copies else "no_gain",
            f"samples lie {line['nearest_ratio']:.2f} times as far from training images as held-out ones do" if copies
            else f"KID {line['kid']:.4f}, no better in {self._waited} looks", "stop",
            {"budget": self.budget}, {"budget": seen})

    def at_the_end(self, line: dict[str, Any]) -> Decision | None:
        """Back to the best weights, where those are not the last; where they are much the best, a hint.

        Args:
            line: the log's last.
        """
        if self._best_at == line["seen_images"] and self._gain > STILL_GAINING:
            return Decision("underfitted", f"KID {self._best:.4f}, {self._gain:.0%} better than the best look before: "
                                           f"it still gains, a larger seen_images will help", "none", {}, {})
        if self._best_at is None or self._best_at == line["seen_images"]:
            return None
        told = f"KID {self._best:.4f} there" + (f", {line['kid']:.4f} at the end" if "kid" in line else "")
        return Decision("best_is_earlier", told, "keep_best", {"weights_at": line["seen_images"]},
                        {"weights_at": self._best_at})

    @property
    def in_force(self) -> dict[str, float]:
        """See `Controller`."""
        return {}

    @property
    def state(self) -> State:
        """See `Controller`."""
        best = self._best if math.isfinite(self._best) else None
        return {"best": best, "best_at": self._best_at, "waited": self._waited, "gain": self._gain}

    def restore(self, state: State) -> None:
        """See `Controller`."""
        self._best = math.inf if state["best"] is None else state["best"]
        self._best_at, self._waited, self.stopped = state["best_at"], state["waited"], False
        self._gain = state["gain"]
