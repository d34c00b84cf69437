"""A data set's way from its source to arrays: `base/raw_images` … `base/normalized_images`."""

from __future__ import annotations

import dagster as dg

from assets.names import DECISIONS, asset_key, decisions_key, source_key
from assets.stage_asset import Workspace, stage_asset
from genimg_core.schema import Params

STAGES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "collect": ((), "python", "The source's original bytes in tar shards, and a manifest with a row per file."),
    "profile": (("collect",), "pillow", "Every per-image figure, and each image at training size, from one decode."),
    "validate": (("profile",), "greatexpectations", "Gate: the raw data is good enough to go on."),
    "clean": (("profile", "validate"), "pillow", "Every image kept or rejected, with the reason; near-duplicates."),
    "label": (("profile", "clean"), "pytorch", "A label per kept image: given, or predicted with a confidence."),
    "normalize": (("profile", "label"), "numpy", "Splits without leaks, uint8 arrays, the train split's mean and std."),
}
"""Stage -> the stages of the same data set it reads from, what it works with, what it makes."""
READS_DECISIONS = {"collect": ("forgotten",), "clean": ("verdicts",), "label": ("verdicts", "labels")}
"""Stage -> what people decided that it reads (genimg_core/decisions/files.py)."""
TRAINS = {"label"}


def dataset_assets(workspace: Workspace, params: Params) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of every entry of `datasets`."""
    return [asset for name in params.datasets for asset in _one(workspace, name, params.datasets[name].source.kind)]


def _one(workspace: Workspace, name: str, source: str) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    made: list[dg.AssetsDefinition | dg.AssetSpec] = [
        dg.AssetSpec(source_key(name), group_name=name, kinds={source}, owners=["team:data"],
                     description=f"The images of {name} where they come from, as `genimg scan {name}` saw them last.")]
    made += [dg.AssetSpec(decisions_key(name, which), group_name=name, kinds={"json"}, owners=["team:data"],
                          description=f"What people decided about single images of {name} (`genimg decisions`).")
             for which in DECISIONS]
    for stage, (reads, kind, description) in STAGES.items():
        deps = [asset_key(f"{other}@{name}") for other in reads] or [source_key(name)]
        deps += [decisions_key(name, which) for which in READS_DECISIONS.get(stage, ())]
        made.append(stage_asset(workspace, f"{stage}@{name}", deps, group=name, kinds={kind}, description=description,
                                owner="data", training=stage in TRAINS, scan=None if reads else name))
    return made
