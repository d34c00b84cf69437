"""`vae`: class-conditional convolutional beta-VAE (Kingma and Welling 2013; Higgins et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from genimg_core.params import Section, Share

if TYPE_CHECKING:
    from genimg_core.models.family import Family, ModelSpec


class VaeParams(Section):
    """The VAE's networks and objective."""

    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels at the finest level of both networks; each coarser level has twice as many, up to four times."""
    latent: Annotated[int, Field(ge=1, le=1024)] = 32
    """Length of the latent vector."""
    reconstruction: Literal["squared", "clipped", "cross_entropy"] = "squared"
    """How a reconstruction is held against its image: squared error; the same with each pixel's part clipped;
    cross-entropy, for what is nearly black and white."""
    clip: Annotated[float, Field(gt=0, le=4)] = 2.0
    """Of `clipped`: the greatest squared error of a pixel that counts, pixels being in [-1, 1]; in the first half of
    the budget it falls to this from 4."""
    beta: Annotated[float, Field(ge=0, le=1e4)] = 1.0
    """Weight of the Kullback-Leibler term."""
    beta_warm_up: Share = 0.0
    """Part of the budget over which beta rises from 0."""
    free_bits: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Nats that each coordinate of the latent may use before it costs more."""

    @property
    def adapts(self) -> dict[str, str | None]:
        """Controllers that these settings take => None, or why they make no sense (see training/adapt.py)."""
        return {"kl": None if self.beta else "a beta of 0 stays 0, whatever it is multiplied by; set another"}


def load(spec: ModelSpec, params: VaeParams) -> Family:
    """The family, bound to a model's shape and settings (imports torch)."""
    from genimg_core.models.vae.family import VaeFamily

    return VaeFamily(spec, params)
