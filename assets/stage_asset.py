"""An asset that runs one stage of dvc.yaml by `dvc repro`, and tells what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import dagster as dg

from assets.checks import check_results, check_specs
from assets.dvc_project import DvcProject
from assets.dvc_state import StageState
from assets.names import STAGE_KEY, asset_key, file_key, instance, settings_key
from assets.previews import events_markdown, picture_markdown, table_markdown
from genimg_core.decisions.files import ensure_files
from genimg_core.errors import GateFailedError
from genimg_core.lifeline import tethered
from genimg_core.repro import ReproResult, environment, reproduce
from genimg_core.stages.runner import STATE

TRAINING_POOL = "training"
"""One at a time: a second training on the same cores would cost both two thirds of their speed."""
ACTION_TAG = "dvc/action"
CODE_VERSION = "dvc"
"""The same for ever. A code version is fixed when definitions load: in a running UI it would call an asset stale that
was made after an edit, until somebody reloads. Command and code are part of what `clean_settings` stands for.
"""
NO_FACTS = {"metrics", "checks", "pictures", "stage", "name", "events", "table"}
"""Keys of report.json that stand elsewhere."""
LONGEST_FACTS = 20_000
"""Characters of JSON that go into an asset's metadata."""


class Provenance(Protocol):
    """Keeps Dagster's records and dvc.lock in step (orchestration/provenance.py)."""

    def before(self, context: dg.AssetExecutionContext, stage: str) -> StageState | None:
        """Tell Dagster of what was run outside, so that the asset's inputs are the ones on disk.

        Returns:
            How the stage stands; None while another dvc runs it.
        """

    def after(self, context: dg.AssetExecutionContext, stage: str,
              state: StageState | None) -> tuple[str, Mapping[str, str]]:
        """The data version of the stage's outputs, and the tags that say what they were made from.

        Args:
            context: the run's.
            stage: the one that ran.
            state: how it stands; None to look.
        """


@dataclass(frozen=True)
class Workspace:
    """Where the project is, and how its sources are looked at."""

    root: Path
    scan: Sequence[str] = (sys.executable, "-m", "genimg_core.cli", "scan")
    """The command to which a data set's name is added."""
    project: DvcProject = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "project", DvcProject(self.root, is_source=lambda path: file_key(path) is not None))

    def look_at(self, datasets: Sequence[str], limit_s: float | None = None) -> subprocess.CompletedProcess[str]:
        """Scan the sources of these data sets; what was said is in `stdout`.

        Raises:
            subprocess.TimeoutExpired: it took longer than `limit_s`.
        """
        return subprocess.run(tethered([*self.scan, *datasets]), cwd=self.root, env=environment(), timeout=limit_s,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")


def stage_asset(workspace: Workspace, stage: str, deps: Sequence[dg.AssetKey], *, group: str, kinds: set[str],
                description: str, owner: str, training: bool = False, scan: str | None = None) -> dg.AssetsDefinition:
    """The asset of one stage.

    Args:
        workspace: the project.
        stage: as in dvc.yaml, `clean@base`.
        deps: the assets it reads from; the stage's settings are added.
        group: the group it is shown in.
        kinds: what it is made with, for its badge.
        description: for its page.
        owner: a team.
        training: whether it must have the machine's cores to itself.
        scan: the data set whose source is looked at first.
    """
    key = asset_key(stage)
    kind, _, name = stage.partition("@")
    tags = {"stage": kind, **({"name": name} if name else {})}

    @dg.asset(key=key, deps=[*deps, settings_key(stage)], group_name=group, kinds={"dvc", *kinds},
              owners=[f"team:{owner}"], description=description, tags=tags,
              metadata={STAGE_KEY: stage}, check_specs=check_specs(stage), pool=TRAINING_POOL if training else None,
              code_version=CODE_VERSION, required_resource_keys={"provenance"})
    def run(context):
        provenance: Provenance = context.resources.provenance
        with workspace.project.turn(stage):
            _ensure_decisions(workspace, stage)
            if scan:
                _scan(context, workspace, scan)
            action = "skipped"
            state = provenance.before(context, stage)
            if state is not None and not state.changes:
                context.log.info(f"{stage} is up to date: dvc has nothing to run")
            else:
                result = reproduce(workspace.root, [stage], single=True, on_line=context.log.info,
                                   env={"GENIMG_RUN": context.run.run_id})
                if not result.succeeded:
                    yield from _failed(context, workspace, stage, result)
                action, state = result.actions[stage], None
            version, tags = provenance.after(context, stage, state)
            yield _materialized(context, workspace, stage, action, version, tags)

    return run


def _ensure_decisions(workspace: Workspace, stage: str) -> None:
    """Begin the files that are not there (nobody has decided anything, no scan was made): DVC wants them to be."""
    for path in map(PurePosixPath, workspace.project.plan()[stage].files):
        if path.parent.name == "decisions":
            ensure_files(path.parts[2], workspace.root)


def _scan(context: dg.AssetExecutionContext, workspace: Workspace, dataset: str) -> None:
    """`genimg scan D`: source.lock says what the source holds now."""
    done = workspace.look_at([dataset])
    for line in done.stdout.splitlines():
        context.log.info(line)
    if done.returncode != 0:
        raise dg.Failure(description=f"The source of {dataset} cannot be used.\n{done.stdout.strip()[-2000:]}",
                         allow_retries=False)


def _materialized(context: dg.AssetExecutionContext, workspace: Workspace, stage: str, action: str, version: str,
                  tags: Mapping[str, str]) -> dg.MaterializeResult:
    folder = report_folder(workspace, stage)
    report = read_report(folder)
    checks, undeclared = check_results(stage, report)
    for check in undeclared:
        context.log.warning(f"{stage} reports the check '{check['name']}', which its module does not declare")
    metadata = stage_metadata(workspace, stage, report, folder) | {"action": action, "hash": version}
    if undeclared:
        metadata["undeclared_checks"] = dg.MetadataValue.json(undeclared)
    return dg.MaterializeResult(asset_key=asset_key(stage), data_version=dg.DataVersion(version), metadata=metadata,
                                check_results=checks, tags={ACTION_TAG: action, **tags})


def _failed(context: dg.AssetExecutionContext, workspace: Workspace, stage: str,
            result: ReproResult) -> Iterator[dg.AssetCheckResult]:
    """Show a failed gate's figures, then fail."""
    kept = "Earlier outputs were restored." if result.restored else ""
    if result.exit_code != GateFailedError.exit_code:
        why = "\n".join(result.errors) or result.tail
        raise dg.Failure(description=f"{stage} failed with exit code {result.exit_code}. {kept}\n{why}",
                         metadata={"output": dg.MetadataValue.text(result.tail)}, allow_retries=False)
    folder = workspace.root / STATE / "gates" / instance(stage)
    report = read_report(folder)
    checks, _ = check_results(stage, report)
    yield from checks
    broken = [check for check in report.get("checks", []) if check["blocking"] and not check["passed"]]
    context.log.error(f"{len(broken)} conditions of {stage} do not hold")
    told = "\n".join(f"- {check['description']}: observed {check['observed']}, threshold {check['threshold']}"
                     for check in broken)
    raise dg.Failure(description=f"The gate of {stage} does not hold. {kept}\n{told}", allow_retries=False,
                     metadata=stage_metadata(workspace, stage, report, folder))


def report_folder(workspace: Workspace, stage: str) -> Path:
    """Where a stage's report.json lies: its folder in data/reports, else its first output."""
    outputs = workspace.project.plan()[stage].outputs
    return workspace.root / next((path for path in outputs if path.startswith("data/reports/")), outputs[0])


def read_report(folder: Path) -> dict[str, Any]:
    """A stage's report.json; empty without one."""
    file = folder / "report.json"
    return json.loads(file.read_text(encoding="utf8")) if file.is_file() else {}


def stage_metadata(workspace: Workspace, stage: str, report: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What an asset's page shows of a stage's report: numbers (plotted over time), pictures, places."""
    metadata: dict[str, Any] = dict(report.get("metrics", {}))
    for picture in report.get("pictures", []):
        shown = picture_markdown(folder / picture["file"], picture["title"])
        metadata[f"picture: {Path(picture['file']).stem.replace('_', ' ')}"] = dg.MetadataValue.md(shown)
    if report.get("events"):
        metadata["events"] = dg.MetadataValue.md(events_markdown(report["events"]))
    if table := report.get("table"):
        metadata["table"] = dg.MetadataValue.md(table_markdown(table))
    facts = {key: value for key, value in report.items() if key not in NO_FACTS}
    if facts and len(json.dumps(facts)) <= LONGEST_FACTS:
        metadata["facts"] = dg.MetadataValue.json(facts)
    metadata["path"] = dg.MetadataValue.path(workspace.root / workspace.project.plan()[stage].outputs[0])
    metadata["report"] = dg.MetadataValue.path(folder)
    return metadata
