"""`finetune.<name>` of params.yaml, which the stages recipe and finetune both read. Light to import: no torch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from genimg_core.params import Name, Section
from genimg_core.training.params import TrainParams
from genimg_core.trials.params import TrialParams

Block = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=200)]
"""`network.down.0`: the weights whose names begin so."""
Rate = Annotated[float, Field(gt=0, le=1)]
Method = Literal["full", "frozen", "small"]
Start = Literal["average", "last"]


class Recipe(Section):
    """How a parent's weights are taken over, and which of them move."""

    recipe: Method = "full"
    """`full` trains every weight. `frozen` holds some blocks still (`freeze`). `small` trains biases, norms and scales
    only (of a GAN's generator; its discriminator must follow, and trains in full). Class embeddings always train."""
    freeze: tuple[Block, ...] = ()
    """With `frozen`: the blocks held still, `[network.stem, network.down.0]`; none named takes the family's."""
    start: Start = "average"
    """Which of the parent's weights to start from: the averaged ones, or the last (the parent needs `keep_last`)."""

    @model_validator(mode="after")
    def _freeze_belongs_to_frozen(self) -> Recipe:
        if self.freeze and self.recipe != "frozen":
            raise ValueError(f"`freeze` belongs to `recipe: frozen`, this is `recipe: {self.recipe}`")
        return self


class RecipeCandidate(Recipe):
    """One of `select.candidates`."""

    learning_rate: Rate | None = None
    """Null takes the entry's."""

    @property
    def label(self) -> str:
        """`full, learning rate 0.0005`"""
        told = [self.recipe, *([f"freeze {' '.join(self.freeze)}"] if self.freeze else []),
                *(["from the last weights"] if self.start == "last" else []),
                *([f"learning rate {self.learning_rate:g}"] if self.learning_rate is not None else [])]
        return ", ".join(told)


def _of_name(value: Any) -> Any:
    return {"recipe": value} if isinstance(value, str) else value


DEFAULT_CANDIDATES: tuple[Any, ...] = (
    "full", {"recipe": "full", "learning_rate": 5e-4}, "frozen", {"recipe": "small", "learning_rate": 4e-3})


class RecipeTrials(TrialParams):
    """`select` of an entry: what `recipe: auto` tries."""

    candidates: Annotated[tuple[Annotated[RecipeCandidate, BeforeValidator(_of_name)], ...],
                          Field(min_length=1, max_length=50, validate_default=True)] = DEFAULT_CANDIDATES
    """`full`, `frozen`, `small`, or `{recipe: frozen, freeze: [network.stem], learning_rate: 0.001}`."""

    @model_validator(mode="after")
    def _different(self) -> RecipeTrials:
        labels = [candidate.label for candidate in self.candidates]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"the candidate '{twice[0]}' stands there twice")
        return self


class FinetuneParams(TrainParams, Recipe):
    """`finetune.<name>`: the run; family and network are the parent's."""

    NEUTRAL: ClassVar[frozenset[str]] = TrainParams.NEUTRAL | {"recipe", "freeze", "start", "select", "keep_last"}

    parent: Annotated[Name, Field(alias="from")]
    """The parent: an entry of `pretrain`, `finetune` or `imported`."""
    seen_images: Annotated[int, Field(ge=1, le=10**12)] = 60_000
    """The budget: images shown in all."""
    learning_rate: Rate = 2e-3
    """The highest rate; lower than pretrain's, for the parent's weights to be bent and not broken."""
    recipe: Method | Literal["auto"] = "full"
    """As of Recipe; `auto` tries several first (`select`)."""
    select: RecipeTrials = RecipeTrials()
    """What `recipe: auto` tries, and how long; without effect where the recipe is pinned."""
    keep_last: bool = False
    """Keep the last weights beside the averaged ones, for another entry's `start: last`."""

    @property
    def as_recipe(self) -> Recipe:
        """The pinned recipe alone."""
        return Recipe(recipe=self.recipe, freeze=self.freeze, start=self.start)
