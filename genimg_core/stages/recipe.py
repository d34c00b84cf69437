"""Recipe: how best to fine-tune, by short trials on the target's own images; or the note that it is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.finetune_params import FinetuneParams
from genimg_core.training.params import Seed, Threads
from genimg_core.trials.checks import CHECKS as CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genimg_core.store.arrays import DatasetSettings
    from genimg_core.trials.comparison import Contender


def recipe(*, parent: Path, dataset: Path, extractor: Path, selected: Path, report: Path, name: str, seed: int,
           threads: int, params: FinetuneParams) -> StageReport:
    """Write selected.json: the recipe and the learning rate. Only `recipe: auto` trains anything.

    Each candidate trains from the parent for `params.select.images` and is scored on images of the target set that were
    held out (its validation split, and part of its train split where that is small). trials/rule.py decides.

    Raises:
        CorruptFileError: the parent, the data set or the extractor cannot be read.
        ParamsError: the parent makes other images, or has no such block or no last weights.
        EmptyDatasetError: too few images to judge by, or none to learn from.
        TrainingError: no candidate could be trained.
    """
    from genimg_core.trials.selection import SelectedRecipe, write_selection

    if params.recipe != "auto":
        from genimg_core.trials.pinned import pinned

        write_selection(selected, SelectedRecipe(how="pinned", learning_rate=params.learning_rate,
                                                 **params.as_recipe.model_dump()))
        return pinned(params.recipe)
    from genimg_core.trials.comparison import compare

    index, told = compare("recipe", name, lambda data: _contenders(params, parent, data), dataset=dataset,
                          extractor=extractor, report=report, seed=seed, threads=threads, settings=params.select)
    chosen = params.select.candidates[index]
    write_selection(selected, SelectedRecipe(
        how="trials", learning_rate=chosen.learning_rate or params.learning_rate,
        **chosen.model_dump(exclude={"learning_rate"})))
    return told


def _contenders(params: FinetuneParams, parent: Path, data: DatasetSettings) -> Sequence[Contender]:
    from genimg_core.training.params import TrainParams
    from genimg_core.training.session import plan_from_parent
    from genimg_core.trials.comparison import Contender

    run = TrainParams(**params.model_dump(include=set(TrainParams.model_fields)))
    return [Contender(one.label, plan_from_parent(parent, params.parent, data, one),
                      run.model_copy(update={"learning_rate": one.learning_rate or run.learning_rate}))
            for one in params.select.candidates]


STAGE = Stage(
    name="recipe",
    summary="try ways of fine-tuning, or note the one that is pinned",
    inputs=("parent", "dataset", "extractor"),
    outputs=("selected",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("finetune.{name}", FinetuneParams)},
    run=recipe,
)
