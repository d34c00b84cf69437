"""Runs `dvc repro` as a command, and tells what it did. (The command only: this package never imports dvc.)

Both doors come through here: `genimg run` for a whole pipeline, a Dagster asset for one stage.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genimg_core.lifeline import tethered
from genimg_core.preloading.launch import Headstart, Preloading

Action = Literal["ran", "cached", "skipped"]
"""What became of a stage: its command ran; its outputs came from the run cache; nothing had changed."""

TAIL_LINES = 60
STEPS = ((signal.SIGINT, 4.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""How a run is ended: each signal goes to the whole group, then so many seconds are given to it."""
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
STOPPING = "stopping: what is running is ended, and its earlier outputs are put back …"
"""The last line of an interrupted run."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0

SKIPPED = re.compile(r"^Stage '(?P<stage>[^']+)' didn't change, skipping")
CACHED = re.compile(r"^Stage '(?P<stage>[^']+)' is cached")
RUNNING = re.compile(r"^Running stage '(?P<stage>[^']+)':")
FAILED = re.compile(r"^ERROR: failed to reproduce '(?P<stage>[^']+)'(?:: (?P<why>.*))?")
"""What dvc says of a stage; verbs/story.py tells it to people."""
_EXIT = re.compile(r", exited with (?P<code>-?\d+)$")
_BUSY = ("is busy, it is being blocked by", "Unable to acquire lock")


@dataclass(frozen=True)
class ReproResult:
    """What one `dvc repro` did."""

    exit_code: int
    """0; else the exit code of the failed stage's command (3: a gate), or dvc's own (255) where no command failed."""
    actions: dict[str, Action] = field(default_factory=dict)
    """Per stage that succeeded, in the order of the run."""
    failed_stage: str | None = None
    """The stage that failed."""
    errors: tuple[str, ...] = ()
    """dvc's own `ERROR:` lines, without the word."""
    tail: str = ""
    """The last lines of the output."""
    restored: bool = False
    """Whether the failed stage's outputs are what they were before."""

    @property
    def succeeded(self) -> bool:
        """Everything asked for is up to date."""
        return self.exit_code == 0


class ReproInterruptedError(KeyboardInterrupt):
    """Ctrl-C while dvc was at work; by now the processes are gone and the outputs restored.

    Args:
        result: what had been done until then.
    """

    def __init__(self, result: ReproResult) -> None:
        super().__init__("interrupted")
        self.result = result


def dvc_command(*arguments: str) -> list[str]:
    """The dvc of this environment; it waits for another dvc's lock instead of throwing a finished result away."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process's variables; PATH begins beside this Python, so that dvc.yaml's `genimg` is this environment's."""
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    first = path if path.split(os.pathsep)[0] == here else os.pathsep.join([here, path])
    return {**os.environ, "PYTHONUNBUFFERED": "1", **(extra or {}), "PATH": first}


def reproduce(root: Path, targets: Sequence[str] = (), single: bool = False, on_line: Callable[[str], None] = print,
              env: Mapping[str, str] | None = None, headstart: Headstart | None = None) -> ReproResult:
    """Bring stages (or everything) up to date; after a failure put the failed stage's earlier outputs back.

    A dvc kept from starting by another dvc is tried again, with growing pauses, for as long as that takes (a training
    may hold a lock for hours).

    Args:
        root: the project's folder.
        targets: stages (`clean@base`, or `clean` for all of them); none for the whole pipeline.
        single: only these stages, without the ones before them.
        on_line: called with each line of output as it comes.
        env: variables to add.
        headstart: libraries to be loaded for the later stages while the first one runs.

    Raises:
        ReproInterruptedError: Ctrl-C, from the first line of dvc on.
        BaseException: whatever else interrupts it (Dagster's); by then the processes are gone and the outputs restored.
    """
    words = ["repro", *(["--single-item"] if single else []), *targets]
    pause = FIRST_PAUSE_S
    while True:
        result = _attempt(root, words, on_line, env, headstart)
        if result.succeeded or not _only_busy(result):
            return result
        on_line(f"another dvc is at work here; trying again in {pause:g} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _attempt(root: Path, words: list[str], on_line: Callable[[str], None],
             env: Mapping[str, str] | None, headstart: Headstart | None) -> ReproResult:
    """One dvc, from start to end."""
    told = _Narrator()
    exit_code: int | None = None
    restored = interrupted = False
    try:
        with (closing(Preloading(root, environment(env), _kill)) as preloading,
              _running(dvc_command(*words), root, preloading.environment) as process):
            try:
                for line in _lines(process):
                    told.hear(line)
                    if headstart and told.running in headstart.stages and told.actions.get(told.running) == "ran":
                        preloading.start(headstart.libraries)
                    on_line(line)
                exit_code = process.wait()
            except KeyboardInterrupt:
                interrupted = True
                on_line(STOPPING)
    finally:
        spoiled = told.failed or told.running  # a dvc that was killed names no failed stage
        if exit_code != 0 and spoiled and not told.busy:
            with _uninterrupted():
                restored = _restore(root, spoiled, env)
    if interrupted:
        raise ReproInterruptedError(ReproResult(INTERRUPTED, told.actions, spoiled, tuple(told.errors),
                                                "\n".join(told.tail), restored))
    return ReproResult(exit_code=(told.stage_exit_code or exit_code) if exit_code else 0, actions=told.actions,
                       failed_stage=spoiled if exit_code else None, errors=tuple(told.errors),
                       tail="\n".join(told.tail), restored=restored)


class _Narrator:
    """Reads dvc's story off its lines."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.running: str | None = None
        self.failed: str | None = None
        self.stage_exit_code: int | None = None
        self.errors: list[str] = []
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.busy = False

    def hear(self, line: str) -> None:
        """Take in one line."""
        self.tail.append(line)
        if match := FAILED.match(line):
            self.failed = match["stage"]
            self.actions.pop(self.failed, None)
        elif match := RUNNING.match(line):
            self.running = match["stage"]
            self.actions[match["stage"]] = "ran"
        elif match := SKIPPED.match(line):
            self.actions[match["stage"]] = "skipped"
        elif match := CACHED.match(line):
            self.running = match["stage"]
            self.actions[match["stage"]] = "cached"
        if self.failed and self.stage_exit_code is None and (code := _EXIT.search(line)):
            self.stage_exit_code = int(code["code"])
        if line.startswith("ERROR: "):
            self.errors.append(line.removeprefix("ERROR: "))
            self.busy = self.busy or any(phrase in line for phrase in _BUSY)


def _only_busy(result: ReproResult) -> bool:
    """Another dvc was in the way, and nothing was executed before that showed."""
    executed = any(action != "skipped" for action in result.actions.values())
    return not executed and any(phrase in error for error in result.errors for phrase in _BUSY)


def _restore(root: Path, stage: str, env: Mapping[str, str] | None) -> bool:
    """Put a failed stage's outputs back.

    dvc deleted them before the run. `checkout` brings back what dvc.lock names, and removes a half-written output that
    has no earlier version.
    """
    command = tethered(dvc_command("checkout", "--force", stage))
    done = subprocess.run(command, cwd=root, env=environment(env), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", start_new_session=True)
    return done.returncode == 0 or "No file hash info found" in done.stderr


@contextmanager
def _running(command: list[str], root: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process in a session of its own, gone with everything it started when the block is left, however it is left."""
    process = subprocess.Popen(tethered(command), cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", bufsize=1, start_new_session=True)
    try:
        yield process
    finally:
        with _uninterrupted():
            terminate(process)
            process.stdout.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C does not cut short the cleaning up after the first. (Only where Ctrl-C means what Python's own
    handler makes of it: Dagster has its own.)
    """
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, lambda *_: print("stopping already; a moment …", file=sys.stderr, flush=True))
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    for line in process.stdout:
        if text := line.rstrip():
            yield text


def terminate(process: subprocess.Popen[str], steps: Sequence[tuple[signal.Signals, float]] = STEPS) -> None:
    """End a process that leads a group, and its group: SIGINT, SIGTERM, SIGKILL, in twelve seconds at the most."""
    for sign, patience in steps:
        if not _group_lives(process):
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        deadline = time.monotonic() + patience
        while _group_lives(process) and time.monotonic() < deadline:
            time.sleep(0.05)


def _kill(process: subprocess.Popen[str]) -> None:
    """What has nothing to lose, and a group that may still write."""
    with _uninterrupted():
        terminate(process, STEPS[-1:])


def _group_lives(process: subprocess.Popen[str]) -> bool:
    """Whether any process of the group still runs; the leader is reaped here.

    Where nobody reaps orphans (a container whose first process is no init), those that have ended stay in the group.
    """
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS answers so for a group of zombies
        return process.returncode is None
    lives = sys.platform != "linux" or any(_runs_in(stat, process.pid) for stat in Path("/proc").glob("[0-9]*/stat"))
    process.poll()  # it may have ended during the look
    return lives


def _runs_in(status: Path, group: int) -> bool:
    """Whether that is the status of a process of the group, and of one that has not ended."""
    try:
        state, _, its_group = status.read_text(encoding="utf8", errors="replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):  # it ended meanwhile
        return False
    return int(its_group) == group and state not in "ZX"
