"""What runs by itself: telling Dagster of outside runs and edits (on), and looking for new files (off)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from assets.dvc_project import ProjectBrokenError
from assets.dvc_state import ProjectBusyError
from assets.stage_asset import Workspace
from orchestration.provenance import Provenance

OUTSIDE_INTERVAL_S = 10
NEW_FILES_INTERVAL_S = 300
TICK_LIMIT = "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"
"""Dagster's variable for how long a sensor may take."""


def outside_runs_sensor(provenance: Provenance) -> dg.SensorDefinition:
    """Tells Dagster what `dvc repro` did in a terminal, and which settings, code and sources were edited."""

    @dg.sensor(name="outside_runs_sensor", minimum_interval_seconds=OUTSIDE_INTERVAL_S,
               default_status=dg.DefaultSensorStatus.RUNNING,
               description="Reports runs outside Dagster, and edits of settings, code and sources.")
    def outside_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            events = provenance.news(context.instance)
        except ProjectBusyError:
            return dg.SkipReason("dvc is at work; looking again at the next tick")
        except ProjectBrokenError as error:
            return dg.SkipReason(f"DVC cannot read the project: {error}")
        if not events:
            return dg.SkipReason("nothing was run or edited outside")
        return dg.SensorResult(asset_events=events)

    return outside_runs


def new_files_sensor(workspace: Workspace, stages: Sequence[str],
                     job: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Scans the sources, and asks for `job` when one has changed; off until switched on."""
    locks = {stage.partition("@")[2]: workspace.root / "data" / "datasets" / stage.partition("@")[2] / "source.lock"
             for stage in stages if stage.startswith("collect@")}

    @dg.sensor(name="new_files_sensor", job=job, minimum_interval_seconds=NEW_FILES_INTERVAL_S,
               default_status=dg.DefaultSensorStatus.STOPPED,
               description="Scans the sources, and runs everything when one has changed.")
    def new_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        before = context.cursor or _content(locks)
        try:
            done = workspace.look_at(list(locks), limit_s=_time_for_a_tick() - 10)
        except subprocess.TimeoutExpired:
            return dg.SkipReason("the sources are too large to look at in a sensor's time: use the nightly schedule, "
                                 f"or start Dagster with a larger {TICK_LIMIT}")
        if done.returncode != 0:
            return dg.SkipReason(f"the sources cannot be used: {done.stdout.strip()[-500:]}")
        context.update_cursor(now := _content(locks))
        return dg.SkipReason("the sources are as they were") if now == before else dg.RunRequest()

    return new_files


def _content(locks: Mapping[str, Path]) -> str:
    """What the sources held when they were looked at last."""
    seen = [(name, lock.read_text(encoding="utf8") if lock.is_file() else None) for name, lock in sorted(locks.items())]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _time_for_a_tick() -> float:
    return float(os.environ.get(TICK_LIMIT, "60"))
