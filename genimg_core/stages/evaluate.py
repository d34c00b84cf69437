"""Evaluate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genimg_core.params import Section, Share


class EvaluateParams(Section):
    """How samples are compared with real images."""

    max_images: Annotated[int, Field(ge=10, le=20_000)] = 5000
    """At most this many images on each side (time grows with the square)."""
    min_real_images: Annotated[int, Field(ge=10)] = 50
    """A test split smaller than this is joined by the validation split, and if still too small replaced by the train split."""
    resamples: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Half-samples behind each interval."""
    interval: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Nominal probability of each interval."""
    neighbours: Annotated[int, Field(ge=1, le=50)] = 5
    """k of coverage: the neighbour whose distance is a real image's radius."""
    min_coverage_share: Share = 0.25
    """A warning when coverage is below this part of its real-vs-real floor."""
