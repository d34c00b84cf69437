"""`adapt` in a run's entry: what follows the run's own figures instead of standing fixed. Light to import: no torch.

All of it is off unless it is named: `adapt: {augment: {}}` switches one on with its defaults.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from genimg_core.params import Section, Share

Factor = Annotated[float, Field(gt=1, le=100)]


class AugmentParams(Section):
    """Augmentation of what the discriminator sees, as strong as its certainty asks for (Karras et al. 2020, ADA)."""

    target: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Of the discriminator's certainty: the mean sign of its verdict on real images or, where the loss compares pairs,
    of the difference to the generated image beside; over it, it begins to know the images by heart."""
    images: Annotated[int, Field(ge=1)] = 100_000
    """Images seen in which the strength may go from 0 to 1."""
    most: Annotated[float, Field(gt=0, le=0.8)] = 0.8
    """The strongest: the probability of each kind of change. From 0.8 on the generator learns to draw the changes."""


class PenaltyParams(Section):
    """The weight of a GAN's penalties: more where the discriminator wins, less where it can tell too little."""

    low: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """A discriminator whose loss is under this part of what guessing costs is held back."""
    high: Annotated[float, Field(gt=0)] = 0.95
    """Over this part, it is given room."""
    by: Factor = 1.5
    """What the weights are multiplied or divided by, at a line of the log."""
    most: Factor = 30.0
    """The weights stay between this many times their first value and that part of it."""


class RateParams(Section):
    """The learning rate: after its rise it stays up, and is lowered where held-out images no longer gain.

    The measure is the loss on held-out images, or KID where two players have a loss against each other.
    """

    patience: Annotated[int, Field(ge=1)] = 3
    """Looks without a gain before it is lowered."""
    better_by: Share = 0.01
    """What counts as a gain: this part of the best figure."""
    by: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What the rate is multiplied by."""
    least: Annotated[float, Field(gt=0, le=1)] = 0.01
    """The lowest, as a part of the highest."""


class KlParams(Section):
    """A VAE's beta, such that the latent carries so much (Shao et al. 2020, ControlVAE; Rezende and Viola 2018)."""

    target: Annotated[float, Field(gt=0, le=1e5)]
    """Nats that an image's latent shall carry: the Kullback-Leibler term without its weight."""
    gain: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the logarithm of beta, against the logarithm of what is carried over the target, at a line of the log."""
    most: Factor = 100.0
    """beta stays between this many times its first value and that part of it."""


class StopParams(Section):
    """Keeps the averaged weights that were best on held-out images, and stops a run that no longer gains."""

    patience: Annotated[int, Field(ge=1)] | None = 6
    """Looks without a better KID after which the run stops; null always spends the budget."""
    after: Share = 0.25
    """Part of the budget that is always spent."""
    least_ratio: Share = 0.7
    """Weights are kept only where their samples lie no nearer to the training images than this: the distance to the
    nearest of those over the distance to the nearest held-out one, over the same of held-out images; 1 is no nearer."""


class AdaptParams(Section):
    """The controllers of a run; null is off. Each decides at lines of the log (`log_images`), and says why."""

    augment: AugmentParams | None = None
    """GAN."""
    penalty: PenaltyParams | None = None
    """GAN."""
    rate: RateParams | None = None
    """Any family."""
    kl: KlParams | None = None
    """VAE."""
    stop: StopParams | None = None
    """Any family; a flow's looks cost as much as training on some thousand images each."""

    @property
    def named(self) -> tuple[str, ...]:
        """Those that are on."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def holds_out(self) -> bool:
        """Whether it needs looks at held-out images."""
        return self.rate is not None or self.stop is not None


OF_A_FAMILY = ("augment", "penalty", "kl")
"""Controllers that turn something of a family's own."""


def misfit(adapt: AdaptParams, family: str, family_params: Any, looks: int) -> str | None:
    """Why these controllers make no sense together, or with this family; None where they do.

    Args:
        adapt: the controllers.
        family: its name.
        family_params: its settings; `adapts`, where it has that, maps the names of controllers that it takes to None,
            or to why they make no sense with these settings.
        looks: of the watch.
    """
    takes = getattr(family_params, "adapts", {})
    for name in adapt.named:
        if name in OF_A_FAMILY and name not in takes:
            return f"adapt.{name}: the family {family} has nothing that it could turn; leave it out"
        if takes.get(name):
            return f"adapt.{name}: {takes[name]}"
    if adapt.rate is not None and adapt.kl is not None:
        return "adapt.rate and adapt.kl: while kl moves a weight of the loss, the loss says nothing of progress; " \
               "leave one of them out"
    if adapt.penalty is not None and adapt.penalty.low >= adapt.penalty.high:
        return "adapt.penalty: low must be under high"
    if adapt.holds_out and not looks:
        return "adapt.rate and adapt.stop go by looks at held-out images: let watch.looks be over 0"
    return None
