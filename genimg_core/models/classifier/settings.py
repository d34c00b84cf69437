"""The classifier's training budget, shared by the stages that train one. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genimg_core.params import Section


class ClassifierSettings(Section):
    """How long and how fast a classifier learns."""

    seen_images: Annotated[int, Field(ge=1, le=1_000_000_000)] = 40_000
    """Training budget in images seen (repeats count)."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 64
    """Images per optimiser step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    """Peak rate of Adam, after warm-up and before the cosine decay to zero."""
