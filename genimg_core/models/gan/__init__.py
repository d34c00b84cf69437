"""`gan`: class-conditional GAN, non-saturating loss with R1 (Goodfellow et al. 2014; Mescheder et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from genimg_core.params import Section

if TYPE_CHECKING:
    from genimg_core.models.family import Family, ModelSpec


class GanParams(Section):
    """The GAN's networks and objective."""

    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels at the finest level of both networks; each coarser level has twice as many, up to four times."""
    latent: Annotated[int, Field(ge=1, le=1024)] = 64
    """Length of the latent vector."""
    r1: Annotated[float, Field(ge=0, le=1e4)] = 1.0
    """Weight gamma of the R1 penalty."""


def load(spec: ModelSpec, params: GanParams) -> Family:
    """The family, bound to a model's shape and settings (imports torch)."""
    from genimg_core.models.gan.family import GanFamily

    return GanFamily(spec, params)
