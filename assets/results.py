"""How good the models are: the feature extractor, each model's scores, the report."""

from __future__ import annotations

import dagster as dg

from assets.datasets import STAGES
from assets.names import asset_key
from assets.stage_asset import Workspace, stage_asset
from genimg_core.schema import Params

GROUP = "results"


def result_assets(workspace: Workspace, params: Params) -> list[dg.AssetsDefinition]:
    """The assets of the extractor, of every model's evaluation, and of the report."""
    extractor = stage_asset(
        workspace, "extractor", [asset_key(f"normalize@{params.extractor.dataset}")], group=GROUP, kinds={"pytorch"},
        description="The feature network that scores are measured with.", owner="models", training=True)
    evaluations = [stage_asset(
        workspace, f"evaluate@{name}",
        [asset_key(f"generate@{name}"), asset_key("extractor"), asset_key(f"normalize@{entry.dataset}")], group=GROUP,
        kinds={"pytorch"}, description=f"{name}'s scores against real images held out of training.", owner="models",
        training=True) for name, entry in params.generate.items()]
    report = stage_asset(workspace, "report", [asset_key(stage) for stage in reporting_stages(params)], group=GROUP,
                         kinds={"html"}, description="One self-contained page of everything.", owner="models")
    return [extractor, *evaluations, report]


def reporting_stages(params: Params) -> list[str]:
    """Every stage with a folder in data/reports, which is every one but the report itself."""
    return [*(f"{stage}@{name}" for name in params.datasets for stage in STAGES),
            *(f"import@{name}" for name in params.imported),
            *(f"{stage}@{name}" for name in params.pretrain for stage in ("select", "pretrain")),
            *(f"{stage}@{name}" for name in params.finetune for stage in ("recipe", "finetune")),
            *(f"{stage}@{name}" for name in params.generate for stage in ("generate", "evaluate")), "extractor"]
