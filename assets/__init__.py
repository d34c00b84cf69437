"""WHAT: one thin Dagster asset per DVC stage, made from the names in params.yaml. No image work here."""

from __future__ import annotations

import dagster as dg

from assets.datasets import dataset_assets
from assets.models import model_assets
from assets.names import settings_specs
from assets.results import result_assets
from assets.stage_asset import Workspace
from genimg_core.params import read
from genimg_core.schema import Params, load_params

__all__ = ["Workspace", "load_assets"]


def load_assets(workspace: Workspace) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the project, and what they start from: the sources and each stage's settings.

    Raises:
        ParamsError: params.yaml cannot be used; it names the key and the remedy.
    """
    params: Params = load_params(read(workspace.root / "params.yaml"))
    made = [*dataset_assets(workspace, params), *model_assets(workspace, params), *result_assets(workspace, params)]
    return [*made, *settings_specs(made)]
