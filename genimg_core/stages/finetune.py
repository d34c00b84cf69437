"""Finetune: adapt a trained model to another data set (a model, normalized => a model)."""

from __future__ import annotations

from pathlib import Path

from genimg_core.errors import ParamsError
from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.checks import CHECKS as CHECKS
from genimg_core.training.finetune_params import FinetuneParams, Recipe
from genimg_core.training.params import Seed, Threads


def finetune(*, parent: Path, dataset: Path, model: Path, report: Path, resume: Path, name: str, seed: int,
             threads: int, params: FinetuneParams, selected: Path | None = None) -> StageReport:
    """Train the parent's weights further on `dataset`, with fresh optimisers: all of them, or those of the recipe.

    A class keeps its embedding by name; a new one starts at the mean of the parent's.

    Raises:
        CorruptFileError: the parent, the data set or `selected` cannot be read.
        ParamsError: the parent makes images of another size or other channels, has no such block or no last weights;
            `selected` is of other params, or `recipe: auto` comes without it.
        EmptyDatasetError: the train split is empty.
        TrainingError: the loss is no longer finite.
    """
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.session import plan_from_parent, train_model

    data = NormalizedDataset(dataset)
    recipe, rate = _selected(selected, name, params)
    plan = plan_from_parent(parent, params.parent, data.settings, recipe, keep_last=params.keep_last)
    params = params.model_copy(update={"learning_rate": rate})
    return train_model(plan, data, params, name=name, seed=seed, threads=threads,
                       model=model, report=report, resume=resume)


def _selected(path: Path | None, name: str, params: FinetuneParams) -> tuple[Recipe, float]:
    """The recipe and the learning rate: as the stage recipe wrote them down, else as params say."""
    from genimg_core.trials.selection import SelectedRecipe, read_selection

    remedy = f"run `genimg run recipe@{name}`, which decides"
    if path is None:
        if params.recipe == "auto":
            raise ParamsError(f"'finetune.{name}.recipe' is auto, and nothing was selected", remedy)
        return params.as_recipe, params.learning_rate
    found = read_selection(path, SelectedRecipe, f"recipe@{name}")
    if params.recipe not in ("auto", found.recipe) or (params.recipe == "auto") != (found.how == "trials"):
        raise ParamsError(f"{path} says {found.recipe} ({found.how}), 'finetune.{name}.recipe' is {params.recipe}",
                          remedy)
    return Recipe(recipe=found.recipe, freeze=found.freeze, start=found.start), found.learning_rate


STAGE = Stage(
    name="finetune",
    summary="adapt a trained model to another data set",
    inputs=("parent", "dataset", "selected"),
    outputs=("model",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("finetune.{name}", FinetuneParams)},
    run=finetune,
    resumable=True,
    optional=("selected",),
    shared=True,
)
