"""dvc.yaml, the assets and the commands say the same: the same stages, the same edges."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.dvc_state import PlannedStage
from assets.names import ASSET_OF, asset_key, file_key, settings_key, stage_of
from genimg_core.stages.runner import STAGES


def disparities(plan: dict[str, PlannedStage], assets: Sequence[dg.AssetsDefinition | dg.AssetSpec]) -> list[str]:
    """What somebody forgot, a line each; empty if all is well.

    Args:
        plan: the stages of dvc.yaml.
        assets: the assets made from params.yaml.
    """
    made = {stage: asset for asset in assets if isinstance(asset, dg.AssetsDefinition) and (stage := stage_of(asset))}
    kinds = {stage.partition("@")[0] for stage in plan}
    told = [f"stage {stage} of dvc.yaml has no asset" for stage in plan if stage not in made]
    told += [f"asset {asset.key.to_user_string()} has no stage {stage} in dvc.yaml" for stage, asset in made.items()
             if stage not in plan]
    told += [f"stage {kind} of dvc.yaml has no command in genimg_core.stages.runner" for kind in kinds - set(STAGES)]
    told += [f"command {kind} has no asset name in assets/names.py" for kind in STAGES if kind not in ASSET_OF]
    for stage in plan.keys() & made.keys():
        reads = {*map(asset_key, plan[stage].upstream), *filter(None, map(file_key, plan[stage].files))}
        shown = set(made[stage].asset_deps[made[stage].key]) - {settings_key(stage)}
        told += [f"{stage} reads {key.to_user_string()}, its asset does not" for key in sorted(reads - shown)]
        told += [f"{stage} does not read {key.to_user_string()}, its asset does" for key in sorted(shown - reads)]
        if settings_key(stage) not in made[stage].asset_deps[made[stage].key]:
            told.append(f"the asset of {stage} does not depend on its settings")
    return sorted(told)
