"""`flow`: class-conditional flow matching (Lipman et al. 2022; Liu et al. 2022), the default family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from genimg_core.params import Section, Share

if TYPE_CHECKING:
    from genimg_core.models.family import Family, ModelSpec


class FlowParams(Section):
    """The flow's network and objective."""

    NEUTRAL: ClassVar[frozenset[str]] = frozenset({"network", "attention_side"})

    network: Literal["small", "attention"] = "small"
    """`small` folds pixels into channels and suits a few processor cores; `attention` works on the pixels themselves,
    with self-attention at its coarse levels: for a GPU, and for 64 px and more."""
    attention_side: Annotated[int, Field(ge=0, le=64)] = 16
    """Of `attention`: levels of at most so many pixels a side have self-attention, whose cost grows with the fourth
    power of the side; the coarsest one always has it."""
    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels at the finest level; the coarser ones have twice as many (of `attention`: two, three, four times)."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 1
    """Residual blocks per level on the way down, and as many on the way up."""
    label_dropout: Share = 0.1
    """Part of the images shown without their label, which is what guidance needs (Ho and Salimans 2022)."""
    time_mean: Annotated[float, Field(ge=-3, le=3)] = 0.0
    """Of the logit-normal law of t (Esser et al. 2024); higher trains more on nearly clean images."""
    time_std: Annotated[float, Field(gt=0, le=5)] = 1.0
    """Of the same law."""

    @model_validator(mode="after")
    def _of_the_network(self) -> FlowParams:
        if self.network == "small" and self.attention_side != type(self).model_fields["attention_side"].default:
            raise ValueError("attention_side: the small network has no attention; take `network: attention`, or leave "
                             "it out")
        return self


def load(spec: ModelSpec, params: FlowParams) -> Family:
    """The family, bound to a model's shape and settings (imports torch)."""
    from genimg_core.models.flow.family import FlowFamily

    return FlowFamily(spec, params)
