"""What pretrain and finetune share: from a plan and a data set to a model on disk and the stage's report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genimg_core.errors import EmptyDatasetError, ParamsError
from genimg_core.models.family import FAMILIES, Family, ModelSpec
from genimg_core.models.model_file import ModelSettings, TrainedModel, load_last, load_model, save_last, save_model
from genimg_core.params import Section
from genimg_core.reports.pictures import contact_sheet, even_strides, save_png
from genimg_core.stages.contract import Picture, StageReport
from genimg_core.store.arrays import DatasetSettings, NormalizedDataset
from genimg_core.training.adapt import AdaptParams, misfit
from genimg_core.training.checks import training_checks
from genimg_core.training.controllers.controls import measure
from genimg_core.training.controllers.curves import draw_controls
from genimg_core.training.cost import operations_per_image
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing, together
from genimg_core.training.finetune_params import Recipe
from genimg_core.training.generators import weights_from
from genimg_core.training.held_out import HeldOut
from genimg_core.training.log import draw_losses, write_events, write_log
from genimg_core.training.looks import Looks
from genimg_core.training.loop import Trainer, train
from genimg_core.training.params import TrainParams
from genimg_core.training.transfer import described, frozen_weights, hold_still, keep_statistics

FULL = Recipe()
STRIP_IMAGES = 16
"""In a row of the strips; with more classes than this, evenly spread ones are shown."""


@dataclass(frozen=True)
class ModelPlan:
    """What is to be trained, and from where."""

    family: str
    family_params: Section
    spec: ModelSpec
    start: dict[str, Tensor] | None = None
    """Weights to start from; None starts fresh."""
    parent: str | None = None
    parent_sha256: str | None = None
    transfer: dict[str, Any] | None = None
    """Of a fine-tuned model: `recipe`, `start`, and `frozen`, the names of the weights that do not move."""
    keep_last: bool = False
    """Whether the last weights are kept beside the averaged ones."""


def plan_from_parent(folder: Path, parent: str, dataset: DatasetSettings, recipe: Recipe = FULL,
                     keep_last: bool = False) -> ModelPlan:
    """Start from a trained model; its class tables are mapped to the data set's classes.

    Raises:
        CorruptFileError: the parent cannot be read.
        ParamsError: it makes images of another size or other channels; or lacks what the recipe asks for.
    """
    model = load_model(folder)
    known = model.settings
    if (known.size, known.channels) != (dataset.size, dataset.channels):
        raise ParamsError(f"the model {parent} makes images of {known.size} px and {known.channels} channel(s), the "
                          f"data set {dataset.dataset} has {dataset.size} px and {dataset.channels}",
                          f"bring {parent} up to date with `genimg run`: `image` in params.yaml holds for all of them")
    weights = model.networks.state_dict() if recipe.start == "average" else load_last(folder, model)
    start = {name: tensor.detach().clone() for name, tensor in weights.items()}
    for name in model.family.class_tables:
        start[name] = mapped_classes(start[name], known.classes, dataset.classes)
    return ModelPlan(known.family, FAMILIES[known.family].params(**known.family_params),
                     ModelSpec(dataset.size, dataset.channels, len(dataset.classes)), start, parent, known.sha256,
                     described(recipe, frozen_weights(model.family, recipe)), keep_last)


def mapped_classes(table: Tensor, known: tuple[str, ...], wanted: tuple[str, ...]) -> Tensor:
    """Rows of `wanted`: the same name keeps its row, a new one gets the mean of all.

    Args:
        table: (len(known), D).
        known: the parent's classes.
        wanted: the new model's.

    Returns:
        (len(wanted), D).
    """
    mean = table.mean(dim=0)
    return torch.stack([table[known.index(name)] if name in known else mean for name in wanted])


def train_model(plan: ModelPlan, data: NormalizedDataset, params: TrainParams, *, name: str, seed: int, threads: int,
                model: Path, report: Path, resume: Path) -> StageReport:
    """Train, write the model and its log, draw the pictures; of several processes only the leading one does the latter.

    Args:
        plan: what is trained.
        data: its train split teaches.
        params: the run.
        name: the model's.
        seed: of params.yaml.
        threads: CPU threads.
        model: the folder for the model.
        report: the folder for pictures.
        resume: see `train`.

    Raises:
        EmptyDatasetError: the train split is empty.
        TrainingError: the loss is no longer finite, or another process is lost.
    """
    described = data.settings
    if described.counts["train"] == 0:
        raise EmptyDatasetError(f"the train split of {described.dataset} is empty",
                                "look at its clean report, or give it more images")
    wrong = misfit(params.adapt, plan.family, plan.family_params, params.watch.looks)
    if wrong:
        raise ParamsError(f"{name}: {wrong}", "correct it in params.yaml")
    family = FAMILIES[plan.family].load(plan.spec, plan.family_params)
    with computing(params.device, threads) as device, together(params.processes, device) as team:
        networks = _networks(family, plan, seed).to(device)
        hold_still(networks, tuple(plan.transfer["frozen"]) if plan.transfer else ())
        trainer = Trainer(family, networks, TrainSet(data.images("train"), data.labels("train"), device), params, seed,
                          team)
        keep_statistics(networks)
        operations = operations_per_image(family, networks, plan.spec, params.batch)
        drawing = TrainedModel(_settings(plan, described, params, trainer, name, seed), family,
                               trainer.ema.networks, device)
        strip = _strip_labels(described.class_counts["train"])
        train(trainer, resume, f"training {name}",
              (lambda: drawing.sample(strip, seed, what="")) if team.leads else None,
              _looking(drawing, Looks(data.images("train"), data.labels("train")), data, params.adapt, seed))
        if not team.leads:
            return StageReport()
        settings = save_model(model, trainer.ema.networks, _settings(plan, described, params, trainer, name, seed))
        if plan.keep_last:
            save_last(model, trainer.networks, settings)
        write_log(model / "log.jsonl", trainer.log)
        write_events(model / "events.jsonl", trainer.events)
        draw_losses(report / "losses.png", trainer.log)
        draw_controls(report / "controls.png", trainer.log, params.adapt)
        _draw_strips(report / "strips.png", trainer.strips)
    return _report(settings, trainer, params, operations, plan.transfer)


def _looking(drawing: TrainedModel, looks: Looks, data: NormalizedDataset, adapt: AdaptParams,
             seed: int) -> Callable[[], dict[str, float]] | None:
    """How the averaged weights are looked at on the way; None where that would cost much, or tell nothing."""
    watching = drawing.family.one_pass and looks.possible
    held_out = HeldOut(data) if adapt.holds_out else None
    wants_loss = adapt.rate is not None and measure(drawing.family) == "held_out_loss"
    wants_samples = adapt.stop is not None or (adapt.rate is not None and not wants_loss)

    def look() -> dict[str, float]:
        told = looks.look(drawing.sample(looks.labels, seed, what="")) if watching else {}
        if held_out is not None and wants_samples:
            told |= held_out.look(drawing.sample(held_out.labels, seed, what=""))
        if held_out is not None and wants_loss:
            told |= held_out.loss(drawing.family, drawing.networks, seed)
        return told

    return look if watching or held_out is not None else None


def _settings(plan: ModelPlan, data: DatasetSettings, params: TrainParams, trainer: Trainer, name: str,
              seed: int) -> ModelSettings:
    return ModelSettings(
        model=name, family=plan.family, family_params=plan.family_params.recorded(),
        size=plan.spec.size, channels=plan.spec.channels, classes=data.classes, class_counts=data.class_counts["train"],
        background=data.background, dataset=data.dataset, dataset_sha256=data.sha256,
        parent=plan.parent, parent_sha256=plan.parent_sha256, seen_images=trainer.seen_images,
        train_params={name: value for name, value in params.recorded().items()
                      if name in TrainParams.model_fields} | _unusual(plan),
        seed=seed)


def _unusual(plan: ModelPlan) -> dict[str, Any]:
    """Of the recipe what is not as in a model of the usual one, whose settings name none of it."""
    transfer = plan.transfer or {}
    usual = {"recipe": FULL.recipe, "start": FULL.start, "frozen": []}
    return {name: value for name, value in transfer.items() if value != usual[name]}


def _networks(family: Family, plan: ModelPlan, seed: int) -> nn.ModuleDict:
    with weights_from(seed, "train/weights"):
        networks = family.build()
    if plan.start is not None:
        networks.load_state_dict(plan.start)
    return networks


def _strip_labels(class_counts: tuple[int, ...]) -> np.ndarray:
    """The classes of a strip: those the model learns from, evenly spread and repeated; int64 (STRIP_IMAGES,)."""
    learnt = np.flatnonzero(class_counts)
    return np.resize(learnt[even_strides(len(learnt), STRIP_IMAGES)], STRIP_IMAGES)


def _draw_strips(path: Path, strips: list[tuple[int, np.ndarray]]) -> None:
    """A row for each time, the images seen until then under its first image."""
    if strips:
        images = [image for _, row in strips for image in row]
        captions = [caption for seen, row in strips for caption in (f"{seen:,}", *[""] * (len(row) - 1))]
        save_png(contact_sheet(images, captions, columns=STRIP_IMAGES, tile_px=max(48, images[0].shape[0])), path)


def _report(settings: ModelSettings, trainer: Trainer, params: TrainParams, operations: int,
            transfer: dict[str, Any] | None) -> StageReport:
    weights = {name: sum(weight.numel() for weight in network.parameters())
               for name, network in trainer.networks.items()}
    trained = sum(weight.numel() for weight in trainer.networks.parameters() if weight.requires_grad)
    told_of_transfer = {"transfer": {**transfer, "trained_weights": trained}} if transfer else {}
    losses = [float(line["loss"]) for line in trainer.log]
    told = ("model", "family", "family_params", "train_params", "dataset", "dataset_sha256", "parent", "parent_sha256",
            "size", "channels")
    return StageReport(
        facts={**{key: getattr(settings, key) for key in told}, "model_sha256": settings.sha256, "weights": weights,
               "events": trainer.events, **told_of_transfer, **({"stopped": True} if trainer.controls.stopped else {}),
               "classes": dict(zip(settings.classes, settings.class_counts, strict=True)),
               "cost": {"seen_images": trainer.seen_images, "operations_per_image": operations,
                        "operations": operations * trainer.seen_images}},
        metrics={"seen_images": trainer.seen_images, "weights": sum(weights.values()), "loss": losses[-1],
                 "restarts": len(trainer.restarts),
                 "train_images": len(trainer.data), "operations": operations * trainer.seen_images},
        checks=training_checks(losses, trainer.seen_images, params.seen_images, trainer.controls.stopped),
        pictures=(*([Picture("strips.png", "The same classes and noise as training went on, with the images seen")]
                    if trainer.strips else []), Picture("losses.png", "Losses"),
                  *([Picture("controls.png", "What followed the run's figures, and the figures it followed")]
                    if params.adapt.named else [])))
