"""The one Definitions object: `dg`, the webserver and the daemon load it from here."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

import assets
from assets.names import stage_of
from orchestration.jobs import project_jobs
from orchestration.provenance import Provenance
from orchestration.schedules import nightly
from orchestration.sensors import new_files_sensor, outside_runs_sensor


@dg.definitions
def defs() -> dg.Definitions:
    """The project in the working directory."""
    return build(assets.Workspace(Path.cwd()))


def build(workspace: assets.Workspace) -> dg.Definitions:
    """Everything of one project.

    Raises:
        ParamsError: params.yaml cannot be used; it names the key and the remedy.
    """
    made = assets.load_assets(workspace)
    stages = [stage for asset in made if (stage := stage_of(asset))]
    provenance = Provenance(workspace, frozenset(stages))
    jobs = project_jobs(stages)
    return dg.Definitions(
        assets=made,
        jobs=list(jobs.values()),
        schedules=[nightly(jobs["everything"])],
        sensors=[outside_runs_sensor(provenance), new_files_sensor(workspace, stages, jobs["everything"])],
        resources={"provenance": provenance},
        # A stage's work is a process of its own (dvc's), so that a process per step would only add its start-up.
        executor=dg.in_process_executor,
    )
