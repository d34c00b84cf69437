"""All of params.yaml as one model, and the rules that hold between its sections.

Imports the params model of every stage, and so is never imported by a stage.
"""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Any

from pydantic import Field

from genimg_core.errors import ParamsError
from genimg_core.models.import_params import ImportParams
from genimg_core.params import PARAMS_FILE, ImageParams, Name, Section, nearest, parse, read
from genimg_core.sources.registry import SourceParams
from genimg_core.stages.clean import CleanParams
from genimg_core.stages.evaluate import EvaluateParams
from genimg_core.stages.extractor import ExtractorParams
from genimg_core.stages.generate import GenerateParams
from genimg_core.stages.label import LabelParams
from genimg_core.stages.normalize import NormalizeParams
from genimg_core.stages.profile import ProfileParams
from genimg_core.stages.validate import ValidateParams
from genimg_core.training.finetune_params import FinetuneParams
from genimg_core.training.pretrain_params import PretrainParams


class DatasetParams(Section):
    """One data set: where its images come from, and what each data stage does with them."""

    source: SourceParams
    profile: ProfileParams
    validation: Annotated[ValidateParams, Field(alias="validate")]
    clean: CleanParams
    label: LabelParams
    normalize: NormalizeParams


class Params(Section):
    """The whole file."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    threads: Annotated[int, Field(ge=1, le=256)]
    image: ImageParams
    datasets: Annotated[dict[Name, DatasetParams], Field(min_length=1)]
    pretrain: dict[Name, PretrainParams]
    finetune: dict[Name, FinetuneParams]
    generate: dict[Name, GenerateParams]
    extractor: ExtractorParams
    evaluate: EvaluateParams
    imported: dict[Name, ImportParams] = {}
    """Models from elsewhere, to fine-tune from; a file without this section has none."""


def load_params(tree: dict[str, Any] | None = None) -> Params:
    """params.yaml, checked as a whole.

    Raises:
        ParamsError: an unknown or missing key, a value out of range, or a name that nothing bears.
    """
    params = parse(Params, read() if tree is None else tree, "")
    _check_names(params)
    return params


def _check_names(params: Params) -> None:
    datasets = list(params.datasets)
    for one, other in combinations(("pretrain", "finetune", "imported"), 2):
        twice = sorted(set(getattr(params, one)) & set(getattr(params, other)))
        if twice:
            raise ParamsError(f"'{twice[0]}' stands under {one} and under {other}", "give one of the two another name")
    trained_on = {name: entry.dataset for name, entry in [*params.pretrain.items(), *params.finetune.items()]}
    for section in ("pretrain", "finetune", "generate"):
        for name, entry in getattr(params, section).items():
            _known(entry.dataset, datasets, f"{section}.{name}.dataset", "data set")
    _known(params.extractor.dataset, datasets, "extractor.dataset", "data set")
    for name, entry in params.finetune.items():
        _known(entry.parent, [*trained_on, *params.imported], f"finetune.{name}.from", "model")
    _check_no_circle(params)
    for name, entry in params.generate.items():
        if name in params.imported:
            raise ParamsError(f"'generate.{name}' would draw from an imported model, which has no data set here",
                              f"draw from it with `genimg sample --model {name}`, or fine-tune it first")
        _known(name, list(trained_on), f"generate.{name}", "model")
        if entry.dataset != trained_on[name]:
            raise ParamsError(
                f"'generate.{name}.dataset' is {entry.dataset}, but {name} is trained on {trained_on[name]}",
                f"write `dataset: {trained_on[name]}` under generate.{name}",
            )


def _check_no_circle(params: Params) -> None:
    for name in params.finetune:
        here, walked = name, [name]
        while here in params.finetune:
            here = params.finetune[here].parent
            if here in walked:
                raise ParamsError(
                    f"'finetune.{name}' starts from itself ({' <- '.join([*walked, here])})",
                    "let the chain start at a pretrain entry",
                )
            walked.append(here)


def _known(value: str, known: list[str], where: str, what: str) -> None:
    if value not in known:
        raise ParamsError(
            f"'{where}' names the {what} '{value}', which {PARAMS_FILE} does not have", nearest(value, known)
        )
