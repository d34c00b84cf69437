"""What is run together: everything, the data, the models."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.datasets import STAGES
from assets.names import asset_key


def project_jobs(stages: Sequence[str]) -> dict[str, dg.UnresolvedAssetJobDefinition]:
    """The jobs by name.

    Args:
        stages: every stage that has an asset, as dvc.yaml names it.
    """
    data = [stage for stage in stages if stage.partition("@")[0] in STAGES]
    models = [stage for stage in stages if stage not in data]
    return {name: dg.define_asset_job(name, dg.AssetSelection.assets(*map(asset_key, chosen)), description=text)
            for name, chosen, text in (
                ("everything", stages, "From the sources to the report; what is up to date is skipped."),
                ("data_only", data, "From the sources to arrays."),
                ("models_only", models, "Training, samples, scores and the report, from the arrays as they are."))}
