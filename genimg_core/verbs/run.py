"""`genimg run`: scan the sources, then let DVC bring everything that is stale up to date."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genimg_core.errors import GateFailedError, SetupError, StageFailedError
from genimg_core.progress import EVENTS, FORM_VARIABLE
from genimg_core.stages.runner import STATE
from genimg_core.terminal import can_draw
from genimg_core.verbs.interruption import told_of_interruption
from genimg_core.verbs.story import Story

if TYPE_CHECKING:
    from rich.console import Console

PAGE = Path("data/report/index.html")
EXAMPLES = """\
examples:
  genimg run                 everything that is out of date, and the report
  genimg run clean@base      as far as this stage, with all it needs
  genimg run evaluate        the evaluation of every model

What is done is not done twice. Ctrl-C ends the run: the same command goes on
from there, a training from its last snapshot. Exit codes: 0, 2 (an error;
earlier outputs are back in place), 3 (a gate did not hold), 130 (Ctrl-C)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg run`."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="STAGE",
        help="stages to bring up to date with all they need, such as clean@base (default: everything)",
    )
    parser.add_argument("--no-scan", action="store_true", help="trust source.lock as it stands")


def main(arguments: argparse.Namespace) -> int:
    """Run; exit code 0, 2 (an error), 3 (a gate did not hold) or 130 (interrupted); earlier outputs are restored."""
    from genimg_core.decisions.files import ensure_files
    from genimg_core.plan import needed_for, stage_instances
    from genimg_core.preloading.launch import Headstart
    from genimg_core.repro import INTERRUPTED, ReproResult, reproduce
    from genimg_core.schema import load_params

    started = time.monotonic()
    check_setup(Path.cwd())
    params = load_params()
    if not arguments.no_scan:
        from genimg_core.verbs.scan import scan_datasets

        scan_datasets(None)
    for name in params.datasets:
        ensure_files(name)
    run = uuid.uuid4().hex
    instances = stage_instances()
    wanted = needed_for(arguments.targets, instances) if arguments.targets else instances
    with _telling(len(wanted)) as (story, env):
        try:
            result = reproduce(Path.cwd(), arguments.targets, on_line=story.hear, env={"GENIMG_RUN": run, **env},
                               headstart=Headstart.of(wanted, instances))
        except KeyboardInterrupt as interrupt:
            result = getattr(interrupt, "result", ReproResult(INTERRUPTED))
        if result.succeeded:
            story.finish()
    if result.exit_code == INTERRUPTED:
        print(told_of_interruption(story, result.restored, arguments.targets), file=sys.stderr, flush=True)
        return INTERRUPTED
    if result.failed_stage is not None:
        _raise_failure(result.failed_stage, result.exit_code, story.told_error)
    if not result.succeeded:
        raise StageFailedError(
            f"dvc could not run the pipeline: {'; '.join(result.errors) or f'exit code {result.exit_code}'}",
            "`dvc repro --verbose` tells more",
        )
    _summary(result.actions, story.seconds, time.monotonic() - started, params.generate)
    return 0


def check_setup(root: Path) -> None:
    """Git and DVC as the pipeline needs them.

    Raises:
        SetupError: with the command that mends it.
    """
    if shutil.which("git") is None:
        raise SetupError("git is not installed", "install git (DVC keeps its versions beside git's)")
    inside = subprocess.run(["git", "rev-parse", "--is-inside-work-tree"], cwd=root, capture_output=True, check=False)
    if inside.returncode != 0:
        raise SetupError(f"{root} is not in a git repository", "run `git init`, or clone the project again")
    if not (root / ".dvc").is_dir():
        raise SetupError(
            f"DVC is not set up in {root}", "run `dvc init` (`dvc init --subdir` below the root of a git repository)"
        )
    if not (root / "dvc.yaml").is_file():
        raise SetupError(f"there is no dvc.yaml in {root}", "run genimg from the root of the project")


def _raise_failure(stage: str, exit_code: int, told: bool) -> None:
    if exit_code == GateFailedError.exit_code:
        raise GateFailedError(
            f"the gate of {stage} did not hold (its figures stand above); earlier outputs were restored",
            f"look at {STATE}/gates/{stage.replace('@', '-')}/report.json{_beside_the_report(stage)}",
        )
    cause = f"{stage} failed" + (", for the reason above" if told else f" with exit code {exit_code}")
    raise StageFailedError(
        f"{cause}; earlier outputs were restored",
        "put that right and run `genimg run` again: what is done is not done twice",
    )


def _beside_the_report(stage: str) -> str:
    """What else to do: a gate of an evaluation comes after the training, which must not look lost."""
    kind, _, model = stage.partition("@")
    if kind != "evaluate":
        return ""
    return (f" and the pictures beside it; the model (data/models/{model}) and its samples are kept. Train it longer "
            "or on more images, or set the threshold that is named above under `evaluate` in params.yaml: the next run "
            "then repeats only the scores")


@contextmanager
def _telling(stages: int) -> Iterator[tuple[Story, dict[str, str]]]:
    """Yield the story of the run, and the variables that make its stages tell it: bars in a terminal, else lines."""
    if not can_draw(sys.stdout):
        yield Story(stages, lambda line: print(line, flush=True), announce=True), {FORM_VARIABLE: ""}
        return
    from rich.console import Console

    from genimg_core.verbs.bars import bars

    with bars(Console(highlight=False)) as (say, watch):
        story = Story(stages, say, announce=False)
        watch(story)
        yield story, {FORM_VARIABLE: EVENTS}


def _summary(actions: dict[str, str], seconds: dict[str, float], total: float, models: Iterable[str]) -> None:
    """A table of what was done, and where to look."""
    from rich.console import Console
    from rich.table import Table

    worked = {stage: action for stage, action in actions.items() if action != "skipped"}
    console = Console(highlight=False)
    if worked:
        table = Table("stage", "", "seconds", title="What was done", title_justify="left")
        table.columns[2].justify = "right"
        for stage, action in worked.items():
            spent = seconds.get(stage)
            table.add_row(
                stage,
                {"ran": "ran", "cached": "restored from the cache"}[action],
                "" if spent is None else f"{spent:.1f}",
            )
        console.print(table)
    unchanged = len(actions) - len(worked)
    ran = f"{len(worked)} stage{'s' if len(worked) != 1 else ''} ran"
    console.print(f"{ran}, {unchanged} {'was' if unchanged == 1 else 'were'} up to date, in {total:.0f} s.")
    _scores(console, models)
    if PAGE.is_file():
        console.print(f"The report: {PAGE.resolve()}", soft_wrap=True, markup=False)


def _scores(console: Console, models: Iterable[str]) -> None:
    """The models' scores side by side, as they stand on disk."""
    from rich.table import Table

    table = Table("model", "KID", "FD", "coverage", "copies",
                  title="Scores, and in brackets what real images score", title_justify="left")
    for name in models:
        path = Path("data/evaluation") / name / "scores.json"
        if path.is_file():
            tree = json.loads(path.read_text(encoding="utf8"))
            if "lead" not in tree:  # an earlier version of genimg wrote it, and this run did not evaluate
                continue
            scores = tree["scores"][tree["lead"]]
            figures = [f"{scores[key]['value']:.{digits}f} ({scores[key]['floor']:.{digits}f})"
                       for key, digits in (("kid", 4), ("fd", 2), ("coverage", 2))]
            table.add_row(tree["model"], *figures, _copies(tree["memorization"]))
    if table.row_count:
        console.print(table)
        console.print("Lower KID and FD are better, and higher coverage; copies are of training images.")


def _copies(memorization: dict[str, Any]) -> str:
    """The copied share in the space where it is greater, and in brackets that of real images; `-` if there is none."""
    if "why" in memorization:
        return "-"
    shares = [memorization[space]["copied_share"] for space in ("pixels", "features")]
    share = max(shares, key=lambda found: found["value"])
    return f"{share['value']:.1%} ({share['expected']:.1%})"
