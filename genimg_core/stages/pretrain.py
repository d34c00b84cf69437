"""Pretrain: a generative model from scratch (normalized => a model)."""

from __future__ import annotations

from pathlib import Path

from genimg_core.errors import ParamsError
from genimg_core.params import Section
from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.checks import CHECKS as CHECKS
from genimg_core.training.params import Seed, Threads
from genimg_core.training.pretrain_params import AUTO, PretrainParams


def pretrain(*, dataset: Path, model: Path, report: Path, resume: Path, name: str, seed: int,
             threads: int, params: PretrainParams, selected: Path | None = None) -> StageReport:
    """Train on the train split of `dataset` and write the averaged weights to `model`.

    Raises:
        CorruptFileError: the data set or `selected` cannot be read.
        ParamsError: `selected` is of other params, or `family: auto` comes without it.
        EmptyDatasetError: the train split is empty.
        TrainingError: the loss is no longer finite.
    """
    from genimg_core.models.family import ModelSpec
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.session import ModelPlan, train_model

    data = NormalizedDataset(dataset)
    spec = ModelSpec(data.settings.size, data.settings.channels, len(data.settings.classes))
    family, family_params, rate = _selected(selected, name, params)
    plan = ModelPlan(family, family_params, spec, keep_last=params.keep_last)
    params = params.model_copy(update={"learning_rate": rate})
    return train_model(plan, data, params, name=name, seed=seed, threads=threads,
                       model=model, report=report, resume=resume)


def _selected(path: Path | None, name: str, params: PretrainParams) -> tuple[str, Section, float]:
    """The family, its settings and the learning rate: as select wrote them down, else as params say."""
    from genimg_core.models.family import FAMILIES
    from genimg_core.trials.selection import SelectedFamily, read_selection

    remedy = f"run `genimg run select@{name}`, which decides"
    if path is None:
        if params.family == AUTO:
            raise ParamsError(f"'pretrain.{name}.family' is auto, and nothing was selected", remedy)
        return params.family, params.family_params, params.learning_rate
    found = read_selection(path, SelectedFamily, f"select@{name}")
    if params.family not in (AUTO, found.family) or (params.family == AUTO) != (found.how == "trials"):
        raise ParamsError(f"{path} says {found.family} ({found.how}), 'pretrain.{name}.family' is {params.family}",
                          remedy)
    return found.family, FAMILIES[found.family].params(**found.family_params), found.learning_rate


STAGE = Stage(
    name="pretrain",
    summary="train a generative model from scratch",
    inputs=("dataset", "selected"),
    outputs=("model",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("pretrain.{name}", PretrainParams)},
    run=pretrain,
    resumable=True,
    optional=("selected",),
    shared=True,
)
