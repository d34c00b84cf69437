"""Select: which family and loss suit the data, by short trainings side by side; or the note that one is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.params import Seed, Threads
from genimg_core.training.pretrain_params import AUTO, PretrainParams
from genimg_core.trials.checks import CHECKS as CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genimg_core.store.arrays import DatasetSettings
    from genimg_core.trials.comparison import Contender


def select(*, dataset: Path, extractor: Path, selected: Path, report: Path, name: str, seed: int, threads: int,
           params: PretrainParams) -> StageReport:
    """Write selected.json: the family, its settings, the learning rate. Only `family: auto` trains anything.

    Each candidate trains on the train split for `params.select.images`, by the loop and the settings of the run to
    come, and is scored on the validation split; the test split stays unseen. trials/rule.py decides.

    Raises:
        CorruptFileError: the data set or the extractor cannot be read.
        EmptyDatasetError: too few images to judge by, or none to learn from.
        TrainingError: no candidate could be trained.
    """
    from genimg_core.trials.selection import SelectedFamily, write_selection

    if params.family != AUTO:
        from genimg_core.trials.pinned import pinned

        write_selection(selected, SelectedFamily(
            how="pinned", learning_rate=params.learning_rate, family=params.family,
            family_params=params.family_params.model_dump(mode="json")))
        return pinned(params.family)
    from genimg_core.trials.comparison import compare

    index, told = compare("select", name, lambda data: _contenders(params, data), dataset=dataset, extractor=extractor,
                          report=report, seed=seed, threads=threads, settings=params.select)
    chosen = params.select.candidates[index]
    write_selection(selected, SelectedFamily(
        how="trials", learning_rate=chosen.learning_rate or params.learning_rate, family=chosen.family,
        family_params=params.settings_of(chosen).model_dump(mode="json")))
    return told


def _contenders(params: PretrainParams, data: DatasetSettings) -> Sequence[Contender]:
    from genimg_core.models.family import ModelSpec
    from genimg_core.training.params import TrainParams
    from genimg_core.training.session import ModelPlan
    from genimg_core.trials.comparison import Contender

    spec = ModelSpec(data.size, data.channels, len(data.classes))
    run = TrainParams(**params.model_dump(include=set(TrainParams.model_fields)))
    return [Contender(one.label, ModelPlan(one.family, params.settings_of(one), spec),
                      run.model_copy(update={"learning_rate": one.learning_rate or run.learning_rate}))
            for one in params.select.candidates]


STAGE = Stage(
    name="select",
    summary="try families and losses, or note the one that is pinned",
    inputs=("dataset", "extractor"),
    outputs=("selected",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("pretrain.{name}", PretrainParams)},
    run=select,
)
