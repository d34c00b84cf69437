"""Models, what was tried before them, and what they draw: `latin/selected_family`, `latin/pretrained_model`, …"""

from __future__ import annotations

import dagster as dg

from assets.names import asset_key
from assets.stage_asset import Workspace, stage_asset
from genimg_core.schema import Params


def model_key(params: Params, name: str) -> dg.AssetKey:
    """The asset of a model, however it was trained."""
    section = next(stage for stage, entries in (("pretrain", params.pretrain), ("import", params.imported),
                                                ("finetune", params.finetune)) if name in entries)
    return asset_key(f"{section}@{name}")


def model_assets(workspace: Workspace, params: Params) -> list[dg.AssetsDefinition]:
    """The assets of every entry of `imported`, `pretrain`, `finetune` and `generate`."""
    made = [stage_asset(workspace, f"import@{name}", [], group=name, kinds={"pytorch"}, owner="models",
                        description="A model from elsewhere, every weight checked.") for name in params.imported]
    for name, entry in params.pretrain.items():
        data = asset_key(f"normalize@{entry.dataset}")
        made.append(stage_asset(
            workspace, f"select@{name}", [data, asset_key("extractor")], group=name, kinds={"pytorch"},
            description=f"The family that {name} is of: pinned, or the best of short trials.", owner="models",
            training=True))
        made.append(stage_asset(
            workspace, f"pretrain@{name}", [data, asset_key(f"select@{name}")], group=name, kinds={"pytorch"},
            description=f"A model trained from scratch on {entry.dataset}.", owner="models", training=True))
    for name, entry in params.finetune.items():
        reads = [model_key(params, entry.parent), asset_key(f"normalize@{entry.dataset}")]
        made.append(stage_asset(
            workspace, f"recipe@{name}", [*reads, asset_key("extractor")], group=name, kinds={"pytorch"},
            description=f"How {name} is fine-tuned: pinned, or the best of short trials.", owner="models",
            training=True))
        made.append(stage_asset(
            workspace, f"finetune@{name}", [*reads, asset_key(f"recipe@{name}")], group=name, kinds={"pytorch"},
            description=f"{entry.parent}, adapted to {entry.dataset}.", owner="models", training=True))
    for name in params.generate:
        made.append(stage_asset(
            workspace, f"generate@{name}", [model_key(params, name)], group=name, kinds={"pytorch"},
            description=f"Pictures drawn by {name}, and a grid of them.", owner="models", training=True))
    return made
