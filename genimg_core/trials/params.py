"""What trials are told: the budget, the same for all. Light to import: no torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genimg_core.params import Section


class TrialParams(Section):
    """Trials at equal budgets, scored on images that neither they nor the final scores use."""

    images: Annotated[int, Field(ge=1, le=10**12)] = 20_000
    """The budget of each: images shown in all."""
    seeds: Annotated[int, Field(ge=1, le=20)] = 1
    """Trainings of each candidate; with more, its interval also holds what the seed does."""
    samples: Annotated[int, Field(ge=10, le=20_000)] = 500
    """Images drawn and scored of each, at most as many as there are to hold them against."""
