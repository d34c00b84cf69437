"""The classifier's training, shared by the stages that train one. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from genimg_core.params import Section, Share


class AugmentSettings(Section):
    """How the classifier's images are changed as they are shown, beyond small shifts; by default not at all.

    What makes one class look like another must stay off: a mirrored letter is none.
    """

    crop: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """A window of at least this much less than the whole side is cut out anywhere and enlarged: 0.25 cuts windows of
    three quarters to the whole of the side."""
    flip: bool = False
    """Mirror half of the images from left to right."""
    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Turn by up to so much either way; edge pixels are repeated."""
    colour: Share = 0.0
    """Brightness, contrast and (in colour) saturation are each multiplied by 1 plus or minus up to this."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """alpha of MixUp (Zhang et al. 2017): images and classes of two examples are blended, by Beta(alpha, alpha)."""

    @property
    def any(self) -> bool:
        """Whether anything is changed."""
        return self != AugmentSettings()


class ClassifierSettings(Section):
    """How long, how fast and on what a classifier learns."""

    NEUTRAL: ClassVar[frozenset[str]] = frozenset({"optimiser", "momentum", "nesterov", "weight_decay", "augment"})

    seen_images: Annotated[int, Field(ge=1, le=1_000_000_000)] = 40_000
    """Training budget in images seen (repeats count)."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 64
    """Images per optimiser step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    """Peak rate, after warm-up and before the cosine decay to zero; `sgd` wants some 25 times the default."""
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    """`adamw` (Loshchilov and Hutter 2017), `adam` (Kingma and Ba 2014), or `sgd` with momentum."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of `sgd`."""
    nesterov: bool = True
    """Of `sgd`: Nesterov's momentum (Sutskever et al. 2013)."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Of `adamw`, apart from the gradient; of the others a part of it (L2), where 0.01 is much and 0.0005 usual."""
    augment: AugmentSettings = AugmentSettings()
    """How its images are changed as they are shown."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.optimiser == "sgd" and self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0: write `nesterov: false` with `momentum: 0`")
        return self

    def with_budget(self, seen_images: int) -> ClassifierSettings:
        """The same training with another budget, and nothing else of a stage's settings."""
        own = {name: getattr(self, name) for name in ClassifierSettings.model_fields}
        return ClassifierSettings(**{**own, "seen_images": seen_images})
