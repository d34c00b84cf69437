"""Finetune: adapt a trained model to another data set (a model, normalized => a model)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from genimg_core.params import Name
from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.checks import CHECKS as CHECKS
from genimg_core.training.params import Seed, Threads, TrainParams


class FinetuneParams(TrainParams):
    """`finetune.<name>`: the run; family and network are the parent's."""

    parent: Annotated[Name, Field(alias="from")]
    """The parent: an entry of `pretrain` or `finetune`."""
    seen_images: Annotated[int, Field(ge=1, le=10**12)] = 60_000
    """The budget: images shown in all."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    """The highest rate; lower than pretrain's, for the parent's weights to be bent and not broken."""


def finetune(*, parent: Path, dataset: Path, model: Path, report: Path, resume: Path, name: str, seed: int,
             threads: int, params: FinetuneParams) -> StageReport:
    """Train the parent's averaged weights further on `dataset`, with fresh optimisers.

    A class keeps its embedding by name; a new one starts at the mean of the parent's.

    Raises:
        CorruptFileError: the parent or the data set cannot be read.
        ParamsError: the parent makes images of another size or other channels.
        EmptyDatasetError: the train split is empty.
        TrainingError: the loss is no longer finite.
    """
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.session import plan_from_parent, train_model

    data = NormalizedDataset(dataset)
    plan = plan_from_parent(parent, params.parent, data.settings)
    return train_model(plan, data, params, name=name, seed=seed, threads=threads,
                       model=model, report=report, resume=resume)


STAGE = Stage(
    name="finetune",
    summary="adapt a trained model to another data set",
    inputs=("parent", "dataset"),
    outputs=("model",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("finetune.{name}", FinetuneParams)},
    run=finetune,
    resumable=True,
    shared=True,
)
