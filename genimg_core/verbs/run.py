"""`genimg run`: scan the sources, then let DVC bring everything that is stale up to date."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import GateFailedError, SetupError, StageFailedError
from genimg_core.stages.runner import STATE

if TYPE_CHECKING:
    from rich.console import Console

PAGE = Path("data/report/index.html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg run`."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="STAGE",
        help="stages to bring up to date with all they need, such as clean@base (default: everything)",
    )
    parser.add_argument("--no-scan", action="store_true", help="trust source.lock as it stands")


def main(arguments: argparse.Namespace) -> int:
    """Run; exit code 0, 2 (an error, earlier outputs restored) or 3 (a gate did not hold)."""
    from genimg_core.repro import reproduce
    from genimg_core.schema import load_params

    started = time.monotonic()
    check_setup(Path.cwd())
    params = load_params()
    if not arguments.no_scan:
        from genimg_core.verbs.scan import scan_datasets

        scan_datasets(None)
    run = uuid.uuid4().hex
    filtered = _Lines()
    result = reproduce(Path.cwd(), targets=arguments.targets, on_line=filtered.show, env={"GENIMG_RUN": run})
    if result.failed_stage is not None:
        _raise_failure(result.failed_stage, result.exit_code, filtered.told)
    if not result.succeeded:
        raise StageFailedError(
            f"dvc could not run the pipeline: {'; '.join(result.errors) or f'exit code {result.exit_code}'}",
            "`dvc repro --verbose` tells more",
        )
    _summary(result.actions, _seconds(run), time.monotonic() - started, params.generate)
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


class _Lines:
    """Shows what stages and dvc say, less dvc's repetitions of a stage's own error."""

    NOISE = (
        "ERROR: failed to reproduce",
        "Use `dvc push`",
        "To track the changes",
        "git add",
        "Updating lock file",
        "> genimg ",
        "To enable auto staging",
        "dvc config core.autostage",
        "Generating lock file",
        "Verifying data sources",
        "Restored stage",
    )

    def __init__(self) -> None:
        self.told = False
        """Whether a stage has said in its own words why it failed."""

    def show(self, line: str) -> None:
        if line.startswith("genimg: "):
            self.told = True
        if line.strip() and not line.lstrip().startswith(self.NOISE) and not line.endswith("didn't change, skipping"):
            print(line.rstrip(), flush=True)


def _raise_failure(stage: str, exit_code: int, told: bool) -> None:
    if exit_code == GateFailedError.exit_code:
        raise GateFailedError(
            f"the gate of {stage} did not hold (its figures stand above); earlier outputs were restored",
            f"look at {STATE}/gates/{stage.replace('@', '-')}/report.json",
        )
    cause = f"{stage} failed" + (", for the reason above" if told else f" with exit code {exit_code}")
    raise StageFailedError(
        f"{cause}; earlier outputs were restored",
        "put that right and run `genimg run` again: what is done is not done twice",
    )


def _seconds(run: str) -> dict[str, float]:
    """Stage instance -> seconds in this run, from the runner's notes."""
    path = STATE / "timings.jsonl"
    if not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    return {row["stage"]: row["seconds"] for row in rows if row["run"] == run}


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
            spent = seconds.get(stage.replace("@", "-"))
            table.add_row(
                stage,
                {"ran": "ran", "cached": "restored from the cache"}[action],
                "" if spent is None else f"{spent:.1f}",
            )
        console.print(table)
    unchanged = len(actions) - len(worked)
    console.print(f"{len(worked)} stages ran, {unchanged} were up to date, in {total:.0f} s.")
    _scores(console, models)
    if PAGE.is_file():
        console.print(f"The report: {PAGE.resolve()}", soft_wrap=True)


def _scores(console: Console, models: Iterable[str]) -> None:
    """The models' scores side by side, as they stand on disk."""
    from rich.table import Table

    table = Table("model", "data set", "KID", "FD", "coverage", title="Scores, and in brackets what real images score")
    table.title_justify = "left"
    for name in models:
        path = Path("data/evaluation") / name / "scores.json"
        if path.is_file():
            tree = json.loads(path.read_text(encoding="utf8"))
            for scores in tree["scores"].values():
                figures = [
                    f"{scores[metric]['value']:.4f} ({scores[metric]['floor']:.4f})"
                    for metric in ("kid", "fd", "coverage")
                ]
                table.add_row(tree["model"], tree["dataset"], *figures)
    if table.row_count:
        console.print(table)
        console.print("Lower KID and FD are better, and higher coverage.")
