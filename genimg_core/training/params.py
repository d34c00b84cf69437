"""What every training run is told, whatever its family. Light to import: no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from genimg_core.params import Name, Section, Share
from genimg_core.training.adapt import AdaptParams

Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""Every random draw of a run comes from a generator seeded by this number and the draw's purpose."""

Threads = Annotated[int, Field(ge=1, le=256)]
"""CPU threads; sums are taken in another order with another number, so it is part of what makes equal runs equal."""


class WatchParams(Section):
    """What counts as a run gone wrong, and how often it may start over from where it was still well."""

    restarts: Annotated[int, Field(ge=0, le=10)] = 3
    """Times that a run may go back to its last good snapshot, with half the learning rate; then it fails. 0 fails at
    the first finding. The last time a game that is out of balance goes back to its start."""
    gradient_factor: Annotated[float, Field(gt=1)] = 100.0
    """A gradient's norm over this many times its median so far has exploded."""
    critic_share: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """A discriminator whose loss stays under this part of what guessing costs has won outright; 0 never looks."""
    collapse_share: Share = 0.6
    """Drawn samples whose variety and coverage are both under this part of the best so far, twice running, have
    collapsed; 0 never looks."""
    looks: Annotated[int, Field(ge=0, le=1000)] = 20
    """Looks at drawn samples, evenly spread over the budget, in families that draw in one pass; in others only where
    `adapt` goes by them."""


class TrainParams(Section):
    """A training run. Budgets are images seen, never seconds."""

    NEUTRAL: ClassVar[frozenset[str]] = frozenset({"processes", "adapt"})

    dataset: Name
    """The entry of `datasets` to learn from (its train split)."""
    seen_images: Annotated[int, Field(ge=1, le=10**12)] = 180_000
    """The budget: images shown in all, epoch after epoch; the last batch may pass it by a part of a batch."""
    batch: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Images per step. In a short run many small steps teach more than few large ones."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 4e-3
    """The highest rate of AdamW; a family may scale it for its parts."""
    class_rate: Annotated[float, Field(gt=0, le=1_000)] = 10.0
    """Rate of the class embeddings, times learning_rate: each is seen seldom, and a new one has far to go."""
    warm_up: Share = 0.05
    """Part of the budget over which the rate rises from 0; afterwards it falls to 0 along a cosine."""
    ema_half_life: Annotated[int, Field(ge=0, le=10**12)] = 10_000
    """Half-life of the averaged weights, in images; 0 averages nothing."""
    ema_ramp: Annotated[float, Field(gt=0, le=1)] = 0.05
    """The half-life is at most this part of the images seen so far, so that the first weights are soon forgotten."""
    flip: bool = False
    """Mirror half of the images from left to right: for what has no left and right (never for letters)."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16` computes in bfloat16 where it is safe (autocast); weights stay in fp32."""
    compile: bool = False
    """torch.compile: faster steps after a minute or so, hence for long runs only. It needs a C++ compiler. Penalties
    look at slopes, so a GAN's discriminator is not compiled."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` is the GPU where there is one."""
    processes: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes that train together, each with an equal part of every batch and, with `device: cuda`, a GPU of its own.
    Sums in another order change the last digits of a result, so their number is a setting like any other."""
    log_images: Annotated[int, Field(ge=1)] = 5_000
    """A line in the training log every so many images seen."""
    strips: Annotated[int, Field(ge=0, le=100)] = 5
    """Rows of samples drawn on the way, evenly spread over the budget, the last at its end."""
    snapshot_images: Annotated[int, Field(ge=1)] = 20_000
    """A snapshot to resume from every so many images seen, at the next line of the log."""
    watch: WatchParams = WatchParams()
    """Of the run's health."""
    adapt: AdaptParams = AdaptParams()
    """What follows the run's own figures on the way; nothing, unless it is named."""

    @model_validator(mode="after")
    def _shared_evenly(self) -> Self:
        if self.batch % self.processes:
            raise ValueError(f"a batch of {self.batch} cannot be shared evenly by {self.processes} processes; take "
                             f"a `batch` that is a multiple of it")
        return self
