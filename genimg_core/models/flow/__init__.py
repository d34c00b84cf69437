"""`flow`: class-conditional flow matching (Lipman et al. 2022; Liu et al. 2022), the default family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from genimg_core.params import Section, Share

if TYPE_CHECKING:
    from genimg_core.models.family import Family, ModelSpec


class FlowParams(Section):
    """The flow's network and objective."""

    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels at the finest level; the coarser ones have twice as many."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 1
    """Residual blocks per level on the way down, and as many on the way up."""
    label_dropout: Share = 0.1
    """Part of the images shown without their label, which is what guidance needs (Ho and Salimans 2022)."""
    time_mean: Annotated[float, Field(ge=-3, le=3)] = 0.0
    """Of the logit-normal law of t (Esser et al. 2024); higher trains more on nearly clean images."""
    time_std: Annotated[float, Field(gt=0, le=5)] = 1.0
    """Of the same law."""


def load(spec: ModelSpec, params: FlowParams) -> Family:
    """The family, bound to a model's shape and settings (imports torch)."""
    from genimg_core.models.flow.family import FlowFamily

    return FlowFamily(spec, params)
