"""Models and what they draw: `latin/pretrained_model`, `greek/finetuned_model`, `greek/samples`."""

from __future__ import annotations

import dagster as dg

from assets.names import asset_key
from assets.stage_asset import Workspace, stage_asset
from genimg_core.schema import Params


def model_key(params: Params, name: str) -> dg.AssetKey:
    """The asset of a model, however it was trained."""
    return asset_key(f"{'pretrain' if name in params.pretrain else 'finetune'}@{name}")


def model_assets(workspace: Workspace, params: Params) -> list[dg.AssetsDefinition]:
    """The assets of every entry of `pretrain`, `finetune` and `generate`."""
    made = []
    for name, entry in params.pretrain.items():
        made.append(stage_asset(
            workspace, f"pretrain@{name}", [asset_key(f"normalize@{entry.dataset}")], group=name, kinds={"pytorch"},
            description=f"A model trained from scratch on {entry.dataset}.", owner="models", training=True))
    for name, entry in params.finetune.items():
        made.append(stage_asset(
            workspace, f"finetune@{name}", [model_key(params, entry.parent), asset_key(f"normalize@{entry.dataset}")],
            group=name, kinds={"pytorch"}, description=f"{entry.parent}, adapted to {entry.dataset}.", owner="models",
            training=True))
    for name in params.generate:
        made.append(stage_asset(
            workspace, f"generate@{name}", [model_key(params, name)], group=name, kinds={"pytorch"},
            description=f"Pictures drawn by {name}, and a grid of them.", owner="models", training=True))
    return made
