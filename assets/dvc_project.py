"""A DVC project as a planner sees it: its stages, and how each stands.

Knows nothing of images, of this program, or of Dagster.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assets.dvc_state import PlannedStage, ProjectBusyError, StageState, md5_of, read_plan, read_states

ATTEMPTS = 5
"""At a picture of the project in which dvc.lock does not change meanwhile."""


class ProjectBrokenError(Exception):
    """dvc.yaml or params.yaml cannot be read; the message is DVC's."""


class DvcProject:
    """A folder with a dvc.yaml. Reads only; running is left to the `dvc` command.

    Args:
        root: the folder.
        is_source: tells of a file that no stage writes whether it stands for data (else it is part of a program).
    """

    def __init__(self, root: Path, is_source: Callable[[str], bool]) -> None:
        self.root = root.resolve()
        self.is_source = is_source
        self._plan: tuple[object, dict[str, PlannedStage]] | None = None

    def plan(self) -> dict[str, PlannedStage]:
        """Every stage of dvc.yaml, each after those it reads from. Read again only if dvc.yaml or params.yaml changed.

        Raises:
            ProjectBrokenError: with DVC's message.
        """
        stamp = self._stamp()
        if self._plan is None or self._plan[0] != stamp:
            with self._open() as repo:
                self._plan = stamp, read_plan(repo, self.is_source)
        return self._plan[1]

    def made_from(self, stage: str) -> set[str]:
        """The stage and all those before it that it hangs on; nothing if there is no such stage. Raises as `plan`."""
        plan = self.plan()
        found: set[str] = set()
        ahead = [stage] if stage in plan else []
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += plan[name].upstream
        return found

    def states(self, only: Collection[str] | None = None) -> dict[str, StageState]:
        """How the stages stand, in the order of `plan`. A stage that a dvc is running just now is left out.

        Args:
            only: these; all without it.

        Raises:
            ProjectBusyError: a dvc holds the lock (only for moments: not while a stage's command runs).
            ProjectBrokenError: with DVC's message.
        """
        lock = self.root / "dvc.lock"
        for _ in range(ATTEMPTS):
            before = lock.stat().st_mtime_ns if lock.is_file() else None
            with self._open() as repo:
                states = read_states(repo, self.root, self.is_source, only)
            if before == (lock.stat().st_mtime_ns if lock.is_file() else None):
                return states
        raise ProjectBusyError("dvc.lock changes too often just now")

    @contextmanager
    def turn(self, stage: str) -> Iterator[None]:
        """Held by whoever runs a stage and then tells of it; waits for its turn. Ends with the process."""
        with self._turn_file(stage).open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def taken(self, stage: str) -> bool:
        """Whether somebody is at work on the stage and will tell of it."""
        with self._turn_file(stage).open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _turn_file(self, stage: str) -> Path:
        folder = self.root / ".dvc" / "tmp" / "turns"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{stage}.lock"

    def file_version(self, path: str) -> str:
        """md5 of a file as it is on disk, comparable with dvc.lock's; `missing` without one."""
        file = self.root / path
        return md5_of(file) if file.is_file() else "missing"

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        files = [self.root / name for name in ("dvc.yaml", "params.yaml")]
        return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())

    def _open(self) -> _Opened:
        return _Opened(self.root)


class _Opened:
    """`with`: DVC's Repo, its errors turned into ours."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> Any:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        try:
            self.repo = Repo(str(self.root))
        except DvcException as error:
            raise ProjectBrokenError(_all_causes(error)) from None
        return self.repo

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        from dvc.exceptions import DvcException

        self.repo.close()
        if isinstance(error, DvcException):
            raise ProjectBrokenError(_all_causes(error)) from None


def _all_causes(error: BaseException) -> str:
    said = [str(error)]
    while error.__cause__ is not None:
        error = error.__cause__
        said.append(str(error))
    return ": ".join(" ".join(text.split()) for text in said)
