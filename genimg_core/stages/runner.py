"""Runs one stage: params in, outputs whole or not at all, report and metrics beside them."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from genimg_core import params as params_file
from genimg_core.disk_faults import disk_fault
from genimg_core.errors import GateFailedError, ParamsError, SourceError
from genimg_core.stages.closure import code_hash
from genimg_core.stages.contract import Stage, StageReport, write_json
from genimg_core.stages.placing import put_in_place, recover
from genimg_core.training.companions import companions, place_here

STATE = Path(".genimg")
"""Everything that is not an output: ignored by git and by DVC, safe to delete."""

STAGES: dict[str, str] = {
    "collect": "genimg_core.stages.collect",
    "profile": "genimg_core.stages.profile",
    "validate": "genimg_core.stages.validate",
    "clean": "genimg_core.stages.clean",
    "label": "genimg_core.stages.label",
    "normalize": "genimg_core.stages.normalize",
    "import": "genimg_core.stages.import_model",
    "select": "genimg_core.stages.select",
    "pretrain": "genimg_core.stages.pretrain",
    "recipe": "genimg_core.stages.recipe",
    "finetune": "genimg_core.stages.finetune",
    "generate": "genimg_core.stages.generate",
    "extractor": "genimg_core.stages.extractor",
    "evaluate": "genimg_core.stages.evaluate",
    "report": "genimg_core.stages.report",
}
"""Stage -> module, in the order of the pipeline. A module is imported only when its stage is asked for."""


def load_stage(name: str) -> Stage:
    """The `STAGE` of the stage's module."""
    return importlib.import_module(STAGES[name]).STAGE


def run_stage(
    stage: Stage, name: str | None, paths: dict[str, Path], report: Path | None, metrics: Path | None
) -> StageReport:
    """Run `stage` and put its outputs in place. A companion of a training in several processes only helps it.

    Args:
        stage: what to run.
        name: the instance (`base`), None for a stage without instances.
        paths: a path for each of the stage's inputs (those that are optional may be left out) and outputs.
        report: the folder for report.json and its pictures; None puts them into the stage's first output.
        metrics: the file for the flat numbers.

    Raises:
        GateFailedError: a blocking check did not hold; the report lies under `.genimg/gates/`.
        SetupError: the disk is full, or a folder may not be written; the earlier outputs are as they were.
        GenimgError: whatever the stage raises; nothing was written.
    """
    instance = stage.name if name is None else f"{stage.name}-{name}"
    try:
        return _run_stage(stage, name, instance, paths, report, metrics)
    except OSError as error:
        fault = disk_fault(error, f"{instance} wrote nothing, and earlier outputs are whole")
        if fault is None:
            raise
        raise fault from error


def _run_stage(
    stage: Stage, name: str | None, instance: str, paths: dict[str, Path], report: Path | None, metrics: Path | None
) -> StageReport:
    started = time.monotonic()
    settings = _settings(stage, name)
    given = {key: paths.get(key) if key in stage.optional else paths[key] for key in stage.inputs}
    for key in stage.inputs:
        if key not in stage.optional and not paths[key].exists():
            raise SourceError(
                f"{instance} needs {paths[key]}, which is not there",
                f"run the stages before it (`genimg run {'@'.join([stage.name, *([name] if name else [])])}`)",
            )
    # Trials, which read the same entry, are short and train in one.
    processes = settings["params"].processes if stage.shared else 1
    helps = processes > 1 and place_here().rank > 0
    workspace = STATE / "partial" / (f"{instance}.{place_here().rank}" if helps else instance)
    shelf = STATE / "former" / instance
    if not helps:
        recover([*(paths[key] for key in stage.outputs), *filter(None, (report, metrics))], shelf)
    shutil.rmtree(workspace, ignore_errors=True)
    drafts = {key: workspace / key / paths[key].name for key in stage.outputs}
    for draft in drafts.values():
        (draft.parent if draft.suffix else draft).mkdir(parents=True)
    report_draft = workspace / "report" if report else drafts[stage.outputs[0]]
    report_draft.mkdir(parents=True, exist_ok=True)
    extra: dict[str, Any] = {}
    if stage.named:
        extra["name"] = name
    resume = STATE / "resume" / instance
    if stage.resumable:
        extra["resume"] = _resume_folder(resume, stage, paths, settings, tidy=not helps)
    try:
        with companions(_command(stage, name, paths, report, metrics), processes):
            result = stage.run(
                **given, **drafts, **settings, **extra, report=report_draft
            )
        if helps:
            return result
        result.write(report_draft, stage.name, name)
        gate = STATE / "gates" / instance
        if result.failed:
            put_in_place([(report_draft, gate)], shelf)
            raise GateFailedError(
                f"{instance} did not pass:\n"
                + "\n".join(
                    f"  - {c.description}: observed {_shown(c.observed)}, threshold {_shown(c.threshold)}"
                    for c in result.failed
                ),
                f"look at {gate}/report.json; mend the data, or set another threshold in {params_file.PARAMS_FILE}",
            )
        finished = [(draft, paths[key]) for key, draft in drafts.items()]
        if report:
            finished.append((report_draft, report))
        if metrics is not None:
            write_json(workspace / "metrics.json", result.metrics)
            finished.append((workspace / "metrics.json", metrics))
        put_in_place(finished, shelf)
        shutil.rmtree(gate, ignore_errors=True)
        shutil.rmtree(resume, ignore_errors=True)
    finally:
        _clear(workspace)
    _note_time(instance, time.monotonic() - started)
    _note_work(instance, result.work)
    return result


def _settings(stage: Stage, name: str | None) -> dict[str, Any]:
    if name is not None:
        params_file.parse(params_file.Name, name, "")
    tree = params_file.read()
    settings = {}
    for keyword, (dotted, kind) in stage.params.items():
        where = dotted.format(name=name)
        settings[keyword] = params_file.parse(kind, params_file.lookup(tree, where), where)
    return settings


def _command(stage: Stage, name: str | None, paths: dict[str, Path], report: Path | None,
             metrics: Path | None) -> list[str]:
    """`genimg <stage>` as this process runs it."""
    used = {key: paths.get(key) for key in (*stage.inputs, *stage.outputs)} | {"report": report, "metrics": metrics}
    words = [word for key, path in used.items() if path is not None for word in (f"--{key}", str(path))]
    return [sys.executable, "-m", "genimg_core.cli", stage.name, *([name] if name else []), *words]


def _resume_folder(base: Path, stage: Stage, paths: dict[str, Path], settings: dict[str, Any], tidy: bool) -> Path:
    """A folder named by the hash of inputs, params and code; to be `tidy`, those of other keys are deleted."""
    digest = hashlib.sha256(code_hash(STAGES[stage.name]).encode())
    digest.update(json.dumps({key: _plain(value) for key, value in settings.items()}, sort_keys=True).encode())
    for key in filter(paths.get, stage.inputs):  # what is optional may not be there
        files = [paths[key]] if paths[key].is_file() else sorted(p for p in paths[key].rglob("*") if p.is_file())
        for path in files:
            with path.open("rb") as stream:
                digest.update(
                    path.relative_to(paths[key]).as_posix().encode() + hashlib.file_digest(stream, "sha256").digest()
                )
    folder = base / digest.hexdigest()[:20]
    if tidy and base.is_dir():
        for old in base.iterdir():
            if old != folder:
                shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _note_work(instance: str, work: dict[str, int]) -> None:
    """What a run counted of its own work stands beside its seconds, in no output either."""
    if not work:
        return
    line = json.dumps({"stage": instance, "run": os.environ.get("GENIMG_RUN", ""), **work})
    try:
        with (STATE / "work.jsonl").open("a", encoding="utf8") as stream:
            stream.write(line + "\n")
    except OSError:  # the work is done: a disk that is full now must not spoil it
        pass


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if hasattr(value, "model_dump") else value


def _clear(workspace: Path) -> None:
    """Delete drafts, and what companions that were killed have left of theirs."""
    for folder in (workspace, *workspace.parent.glob(f"{workspace.name}.*")):
        shutil.rmtree(folder, ignore_errors=True)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _note_time(instance: str, seconds: float) -> None:
    """Seconds never stand in an output; `genimg run` reads them here."""
    line = json.dumps({"stage": instance, "seconds": round(seconds, 2), "run": os.environ.get("GENIMG_RUN", "")})
    with suppress(OSError):  # the work is done: a disk that is full now must not spoil it
        STATE.mkdir(exist_ok=True)
        with (STATE / "timings.jsonl").open("a", encoding="utf8") as stream:
            stream.write(line + "\n")


def check_stage_name(stage: str) -> str:
    """`stage`, if there is one of that name.

    Raises:
        ParamsError: with the nearest name.
    """
    if stage not in STAGES:
        raise ParamsError(f"there is no stage '{stage}'", params_file.nearest(stage, list(STAGES)))
    return stage
