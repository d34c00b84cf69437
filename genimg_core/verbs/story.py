"""What `genimg run` tells of a run: dvc's words and the stages' become a line for each stage, with its key figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from genimg_core.progress import ProgressEvent, read_event
from genimg_core.repro import CACHED, FAILED, RUNNING, SKIPPED, STOPPING
from genimg_core.terminal import printable
from genimg_core.verbs.headlines import seconds

_NOISE = (
    "ERROR: failed to reproduce",
    "Use `dvc push`",
    "To track the changes",
    "git add",
    "Updating lock file",
    "To enable auto staging",
    "dvc config core.autostage",
    "Generating lock file",
    "Verifying data sources",
    "Restored stage",
)
"""What dvc says on the way, and its repetition of a stage's own error."""


@dataclass(frozen=True)
class StageAtWork:
    """The stage that is running."""

    name: str
    number: int
    """Of the run's stages, from 1; those without a change count."""
    since: float
    """On the monotonic clock."""


class Story:
    """Listens to the lines of a run.

    Args:
        total: the stages that dvc will look at.
        say: shows one line; gets no control character.
        announce: whether a stage's start gets a line too (where no bar shows it).
    """

    def __init__(self, total: int, say: Callable[[str], None], announce: bool) -> None:
        self.total = total
        self.running: StageAtWork | None = None
        self.work: list[ProgressEvent] = []
        """What the stage is at, the innermost last."""
        self.seconds: dict[str, float] = {}
        """Per stage that was run to its end."""
        self.told_error = False
        """Whether a stage has said in its own words why it failed."""
        self._say = say
        self._announce = announce
        self._numbers: dict[str, int] = {}
        self._headline = ""
        self._just_began = False
        self._stopped: float | None = None

    @property
    def done(self) -> int:
        """Stages that are behind us."""
        return len(self._numbers) - (self.running is not None)

    def hear(self, line: str) -> None:
        """Take in one line."""
        if line == STOPPING:
            self._stopped = time.monotonic()
        if event := read_event(line):
            self._follow(event)
        elif match := RUNNING.match(line):
            self.finish()
            self.running = StageAtWork(match["stage"], self._number(match["stage"]), time.monotonic())
            self._just_began = True
            if self._announce:
                self._say(f"{self._head(match['stage'])} …")
        elif match := CACHED.match(line):
            self.finish()
            self._say(f"{self._head(match['stage'])}  restored from the cache")
        elif match := SKIPPED.match(line):
            self.finish()
            self._number(match["stage"])
        elif match := FAILED.match(line):
            self._fail(match["stage"], match["why"] or "")
        elif self.running is not None and line.startswith(f"{self.running.name}: "):
            self._headline = printable(line.partition(": ")[2])
        elif line.startswith("Updating lock file"):
            self.finish()
        elif self._just_began and line.startswith("> "):  # dvc repeats the command
            self._just_began = False
        elif line.strip() and not line.lstrip().startswith(_NOISE):
            self.told_error = self.told_error or line.startswith("genimg: ")
            self._say(printable(line.rstrip()))

    @property
    def spent(self) -> float:
        """Seconds that the running stage took, up to an interruption."""
        return (self._stopped or time.monotonic()) - self.running.since if self.running else 0.0

    def finish(self) -> None:
        """The running stage has succeeded: its line."""
        if self.running is not None:
            name, spent = self.running.name, self.spent
            self.seconds[name] = spent
            self._say(f"{self._head(name)}  {seconds(spent)}  {self._headline}".rstrip())
            self._forget()

    def _fail(self, stage: str, why: str) -> None:
        spent = f" after {seconds(self.spent)}" if self.running is not None else ""
        by_dvc = bool(why) and not why.startswith("failed to run: ")  # else the stage itself has said why
        self.told_error = self.told_error or by_dvc
        self._say(f"{self._head(stage)}  failed{spent}{': ' + printable(why) if by_dvc else ''}")
        self._forget()

    def _forget(self) -> None:
        self.running, self._headline = None, ""
        self.work.clear()

    def _follow(self, event: ProgressEvent) -> None:
        known = next((i for i, e in enumerate(self.work) if e.what == event.what), None)
        if event.ended:
            if known is not None:
                del self.work[known:]
        elif known is None:
            self.work.append(event)
        else:
            self.work[known] = event

    def _number(self, stage: str) -> int:
        return self._numbers.setdefault(stage, len(self._numbers) + 1)

    def _head(self, stage: str) -> str:
        number = self._number(stage)
        total = max(self.total, len(self._numbers))
        return f"[{number:>{len(str(total))}}/{total}] {stage}"
