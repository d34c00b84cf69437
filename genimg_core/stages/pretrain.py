"""Pretrain: a generative model from scratch (normalized => a model)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, create_model

from genimg_core.models.family import FAMILIES
from genimg_core.params import Section, nearest
from genimg_core.stages.contract import Stage, StageReport
from genimg_core.training.checks import CHECKS as CHECKS
from genimg_core.training.params import Seed, Threads, TrainParams


def _known_family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(f"there is no family of that name; {nearest(name, list(FAMILIES))}")
    return name


FamilyName = Annotated[str, AfterValidator(_known_family)]

# One section per family (`flow: {width: 48}`), so that a new line in FAMILIES is all that params.yaml needs.
FamilySections: Any = create_model("FamilySections", __base__=Section,
                                   **{name: (entry.params, entry.params()) for name, entry in FAMILIES.items()})


class PretrainParams(TrainParams, FamilySections):
    """`pretrain.<name>`: the run, the family, and a section of settings for each family (the chosen one counts)."""

    family: FamilyName = "flow"
    """`flow`, `gan` or `vae`."""

    @property
    def family_params(self) -> Section:
        """The settings of the chosen family."""
        return getattr(self, self.family)


def pretrain(*, dataset: Path, model: Path, report: Path, resume: Path, name: str, seed: int,
             threads: int, params: PretrainParams) -> StageReport:
    """Train on the train split of `dataset` and write the averaged weights to `model`.

    Raises:
        CorruptFileError: the data set cannot be read.
        EmptyDatasetError: the train split is empty.
        TrainingError: the loss is no longer finite.
    """
    from genimg_core.models.family import ModelSpec
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.session import ModelPlan, train_model

    data = NormalizedDataset(dataset)
    spec = ModelSpec(data.settings.size, data.settings.channels, len(data.settings.classes))
    plan = ModelPlan(params.family, params.family_params, spec)
    return train_model(plan, data, params, name=name, seed=seed, threads=threads,
                       model=model, report=report, resume=resume)


STAGE = Stage(
    name="pretrain",
    summary="train a generative model from scratch",
    inputs=("dataset",),
    outputs=("model",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("pretrain.{name}", PretrainParams)},
    run=pretrain,
    resumable=True,
    shared=True,
)
