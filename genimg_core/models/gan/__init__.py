"""`gan`: class-conditional GANs: six losses, three networks (Goodfellow et al. 2014 and what came after)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from genimg_core.params import Section

if TYPE_CHECKING:
    from genimg_core.models.family import Family, ModelSpec

Weight = Annotated[float, Field(ge=0, le=1e4)]


class GanParams(Section):
    """The GAN's networks and objective."""

    network: Literal["modern", "dcgan", "fully_connected"] = "modern"
    """`modern`: no batch normalisation, momentum-free Adam. `dcgan` and `fully_connected` are the classics, with the
    classics' Adam (2e-4 at the default learning_rate, betas 0.5 and 0.999)."""
    loss: Literal["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "relativistic"] = (
        "non_saturating")
    """What the players lower; `wasserstein` needs `gradient_penalty`, `relativistic` wants r1 and r2."""
    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels at the finest level of both networks; each coarser level has twice as many, up to four times. Of
    `fully_connected`: an eighth of the units of a layer."""
    latent: Annotated[int, Field(ge=1, le=1024)] = 64
    """Length of the latent vector."""
    r1: Weight | None = None
    """Weight gamma of the R1 penalty, at real images; null is 1 for `modern` networks (0 for `wasserstein`), else 0."""
    r2: Weight | None = None
    """Weight gamma of the R2 penalty, at generated images; null is 1 for the `relativistic` loss of `modern` networks,
    else 0."""
    gradient_penalty: Weight | None = None
    """Weight lambda of the penalty on slopes other than 1, between real and generated images; null is 10 for the
    `wasserstein` loss, else 0."""
    critic_steps: Annotated[int, Field(ge=1, le=20)] = 1
    """Moves of the discriminator for each of the generator; `wasserstein` is usually given 5."""

    @model_validator(mode="after")
    def _sound(self) -> GanParams:
        penalties = self.penalties
        if self.network == "dcgan" and any(penalties.values()):
            named = ", ".join(name for name, weight in penalties.items() if weight)
            raise ValueError(f"{named}: dcgan's batch normalisation mixes the images of a batch, so the slope at one "
                             f"of them says nothing; use `network: modern`, or a loss without penalty")
        if self.loss == "wasserstein" and not penalties["gradient_penalty"]:
            raise ValueError("the wasserstein loss has no bound without gradient_penalty: leave it out, or set it to "
                             "10")
        return self

    @property
    def adapts(self) -> dict[str, str | None]:
        """Controllers that these settings take => None, or why they make no sense (see training/adapt.py)."""
        why = None
        if self.loss == "wasserstein":
            why = "the wasserstein loss has no value for guessing to be held against; leave it out"
        elif not any(self.penalties.values()):
            why = "this GAN has no penalty (r1, r2, gradient_penalty) whose weight could move; leave it out, or set r1"
        return {"augment": None, "penalty": why}

    @property
    def penalties(self) -> dict[str, float]:
        """The weights of r1, r2 and gradient_penalty, with what null stands for."""
        modern = self.network == "modern"
        usual = {"r1": float(modern and self.loss != "wasserstein"),
                 "r2": float(modern and self.loss == "relativistic"),
                 "gradient_penalty": 10.0 if self.loss == "wasserstein" else 0.0}
        return {name: weight if (weight := getattr(self, name)) is not None else usual[name] for name in usual}


def load(spec: ModelSpec, params: GanParams) -> Family:
    """The family, bound to a model's shape and settings (imports torch)."""
    from genimg_core.models.gan.family import GanFamily

    return GanFamily(spec, params)
