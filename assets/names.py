"""Stage of dvc.yaml <=> asset key: `clean@base` <=> `base/clean_images`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import dagster as dg

ASSET_OF = {
    "collect": "raw_images",
    "profile": "image_profile",
    "validate": "validated_images",
    "clean": "clean_images",
    "label": "labelled_images",
    "normalize": "normalized_images",
    "import": "imported_model",
    "select": "selected_family",
    "pretrain": "pretrained_model",
    "recipe": "selected_recipe",
    "finetune": "finetuned_model",
    "generate": "samples",
    "extractor": "feature_extractor",
    "evaluate": "evaluation",
    "report": "report",
}
DECISIONS = {"forgotten": "forgotten_images", "verdicts": "verdicts_by_hand", "labels": "labels_by_hand"}
"""File of decisions (without its suffix) -> the external asset that stands for it."""
STAGE_KEY = "dvc/stage"
"""Metadata of every asset that a stage makes: the stage's name in dvc.yaml."""
SETTINGS_GROUP = "settings"


def stage_name(stage: str, name: str | None) -> str:
    """`clean`, `base` => `clean@base`, as DVC names it."""
    return stage if name is None else f"{stage}@{name}"


def instance(stage: str) -> str:
    """`clean@base` => `clean-base`, as folders are named."""
    return stage.replace("@", "-")


def asset_key(stage: str) -> dg.AssetKey:
    """The asset that a stage makes."""
    kind, _, name = stage.partition("@")
    return dg.AssetKey([*([name] if name else []), ASSET_OF[kind]])


def settings_key(stage: str) -> dg.AssetKey:
    """The external asset that stands for a stage's settings, command and code."""
    kind, _, name = stage.partition("@")
    return dg.AssetKey([*([name] if name else []), f"{kind}_settings"])


def source_key(dataset: str) -> dg.AssetKey:
    """The external asset that stands for a data set's images where they come from."""
    return dg.AssetKey([dataset, "source"])


def decisions_key(dataset: str, which: str) -> dg.AssetKey:
    """The external asset that stands for what people decided about a data set's images: `forgotten`, `verdicts` or
    `labels`.
    """
    return dg.AssetKey([dataset, DECISIONS[which]])


def file_key(path: str) -> dg.AssetKey | None:
    """The external asset that stands for a file that a stage reads and no stage writes: a `source.lock`, decisions."""
    parts = PurePosixPath(path).parts
    if parts[:2] != ("data", "datasets"):
        return None
    if parts[3:] == ("source.lock",):
        return source_key(parts[2])
    which = parts[-1].removesuffix(".jsonl")
    return decisions_key(parts[2], which) if parts[3:-1] == ("decisions",) and which in DECISIONS else None


def stage_of(asset: dg.AssetsDefinition | dg.AssetSpec) -> str | None:
    """The stage that makes an asset; None for what no stage makes."""
    metadata = asset.metadata if isinstance(asset, dg.AssetSpec) else asset.metadata_by_key[asset.key]
    return metadata.get(STAGE_KEY)


def settings_specs(assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> list[dg.AssetSpec]:
    """The external asset of each stage's settings: its data version follows params.yaml and the code in a running UI.

    One per stage and not per data set, because an edit of `datasets.base.clean` must stale clean@base alone. A group of
    their own keeps them out of the way of the lineage.
    """
    stages = [stage for asset in assets if (stage := stage_of(asset))]
    return [dg.AssetSpec(settings_key(stage), group_name=SETTINGS_GROUP, kinds={"yaml", "python"},
                         description=f"What {stage} is made by: its entries in params.yaml, its command, its code. "
                                     "Reported by a sensor; a new version here makes that one asset stale.")
            for stage in stages]
