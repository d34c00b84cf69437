"""Cells: a benchmark's measurements, one file each, done once, resumable.

    benchmarks/results/cells/<benchmark>/<cell>.json    what was measured, with which settings: committed
    .genimg/bench/made/<kind>-<label>-<key>/            what it was measured on (data, models): local, may be deleted

A cell stands while its key does, and the key is the hash of its settings (the pipeline's defaults among them) and of
the cells it needs. Code is not in the key: every edit would throw away hours of training. The file says at which
revision it was measured, `--list` tells where the code has changed since, and `--again` measures anew. What lies under
`made` is named by settings and code, so a new measurement never rests on what older code has made.

The same command, run twice at once, shares the work: a file is locked while it is measured or made.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, machine
from genimg_core.stages.closure import code_hash
from genimg_core.stages.contract import write_json

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / ".genimg" / "bench"
SMOKE = ROOT / ".genimg" / "bench-smoke"


@dataclass(frozen=True)
class Recipe:
    """Something made on disk that cells measure: a data set, a model, a judge."""

    kind: str
    label: str
    """Readable, for the folder's name."""
    settings: dict[str, Any]
    """All that decides what is made; another Recipe among the values stands for what that makes."""
    code: tuple[str, ...]
    """Modules of genimg_core, or files beside this one, whose code decides it, too."""
    make: Callable[[Bench, Path], None]
    """Fills the folder. After an interruption it is called again with what the folder holds by then."""

    @property
    def id(self) -> str:
        """Kind, label and a hash of the settings."""
        return f"{self.kind}-{self.label}-{_hash(plain(self.settings))[:12]}"


@dataclass(frozen=True)
class Cell:
    """One measurement."""

    benchmark: str
    name: str
    """`[a-z0-9_.-]+`, readable; unique in the benchmark."""
    settings: dict[str, Any]
    """All that decides the result; Recipes stand for what they make."""
    measure: Callable[[Bench], dict[str, Any]]
    """=> the result, which JSON can hold."""
    code: tuple[str, ...] = ()
    """As of Recipe: only told, not in the key."""
    needs: tuple[Cell, ...] = ()
    """Cells whose results `measure` reads."""

    @property
    def key(self) -> str:
        """sha256 over settings and needs."""
        return _hash({"benchmark": self.benchmark, "name": self.name, "settings": plain(self.settings),
                      "needs": {cell.name: cell.key for cell in self.needs}})

    @property
    def id(self) -> str:
        """`benchmark/name`."""
        return f"{self.benchmark}/{self.name}"


@dataclass(frozen=True)
class Bench:
    """Where results and what they rest on lie.

    Args:
        results: the folder of results.
        state: for what is made on the way.
        smoke: budgets of a few seconds, for the tests of these scripts; such figures mean nothing.
    """

    results: Path = RESULTS
    state: Path = BENCH
    smoke: bool = False
    _spent: dict[str, float] = field(default_factory=dict)

    @classmethod
    def for_smoke(cls, state: Path = SMOKE) -> Bench:
        """Tiny budgets, and nothing under benchmarks/results."""
        return cls(state / "results", state, True)

    def made(self, recipe: Recipe) -> Path:
        """The folder of what the recipe makes; makes it where that is not done."""
        code = code_of(recipe.code)
        folder = self.state / "made" / f"{recipe.id}-{code[:8]}"
        told = folder / "made.json"
        if not told.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with self._alone(folder.name):
                if not told.is_file():
                    self._make(recipe, folder, told, code)
        self._spent[recipe.id] = json.loads(told.read_text(encoding="utf8"))["seconds"]
        return folder

    def _make(self, recipe: Recipe, folder: Path, told: Path, code: str) -> None:
        spent, started = folder / "spent.json", time.perf_counter()
        before = json.loads(spent.read_text(encoding="utf8"))["seconds"] if spent.is_file() else 0.0
        print(f"making {recipe.id}" + (" (going on)" if before else ""), file=sys.stderr, flush=True)
        try:
            recipe.make(self, folder)
        finally:
            write_json(spent, {"seconds": before + time.perf_counter() - started})
        seconds = json.loads(spent.read_text(encoding="utf8"))["seconds"]
        write_json(told, {"settings": plain(recipe.settings), "code": code, "seconds": round(seconds, 1)})

    def path_of(self, cell: Cell) -> Path:
        """Where a cell's result lies."""
        return self.results / "cells" / cell.benchmark / f"{cell.name}.json"

    def record(self, cell: Cell) -> dict[str, Any] | None:
        """What stands of a cell: its file, if that was measured with these settings."""
        try:
            tree = json.loads(self.path_of(cell).read_text(encoding="utf8"))
        except (OSError, ValueError):
            return None
        return tree if isinstance(tree, dict) and tree.get("key") == cell.key and "result" in tree else None

    def result(self, cell: Cell) -> dict[str, Any] | None:
        """What was measured, or None."""
        record = self.record(cell)
        return None if record is None else record["result"]

    def measure(self, cell: Cell, again: bool = False) -> dict[str, Any]:
        """The cell's result; measured now if it does not stand, or `again`; the cells it needs are measured first.

        Where another process is at it, this one waits for what it finds.
        """
        standing = self.result(cell)
        if standing is not None and not again:
            return standing
        with self._alone(f"{cell.benchmark}-{cell.name}"):
            standing = self.result(cell)
            return standing if standing is not None and not again else self._measure(cell)

    def busy(self, cell: Cell) -> bool:
        """Whether another process is at it."""
        with self._alone(f"{cell.benchmark}-{cell.name}", wait=False) as mine:
            return not mine

    @contextlib.contextmanager
    def _alone(self, name: str, wait: bool = True) -> Iterator[bool]:
        """Hold a lock file; yields False where another process holds it and this one does not `wait`."""
        (self.state / "locks").mkdir(parents=True, exist_ok=True)
        with (self.state / "locks" / name).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def _measure(self, cell: Cell) -> dict[str, Any]:
        for need in cell.needs:
            self.measure(need)
        self._spent.clear()
        print(f"measuring {cell.id}", file=sys.stderr, flush=True)
        started = time.perf_counter()
        result = cell.measure(self)
        path = self.path_of(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        write_json(draft, {
            "key": cell.key, "cell": cell.name, "settings": plain(cell.settings), "result": result,
            "needs": [need.name for need in cell.needs], "seconds": round(time.perf_counter() - started, 1),
            "made_seconds": dict(self._spent), "machine": machine(), "date": datetime.now(UTC).date().isoformat(),
            "revision": revision(), "code": code_of(cell.code)})
        draft.replace(path)
        return result


def plain(value: Any) -> Any:
    """What JSON can hold: a Recipe becomes its id, a tuple a list, a params Section its fields.

    (Fields that came after cells had been measured, and change nothing at their defaults, are left out there.)
    """
    if isinstance(value, Recipe):
        return value.id
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.recorded(by_alias=True) if hasattr(value, "recorded") else value


def code_of(modules: Iterable[str]) -> str:
    """sha256 over the import closures of modules of genimg_core, and over files of this folder (`judge.py`)."""
    running = hashlib.sha256()
    for module in modules:
        running.update(f"{module} {_code(module)}\n".encode())
    return running.hexdigest()


@lru_cache
def _code(module: str) -> str:
    """As it was when this process began to work: what is imported does not change under it."""
    if module.endswith(".py"):
        return hashlib.sha256((Path(__file__).parent / module).read_bytes()).hexdigest()
    return code_hash(module)


def revision() -> str:
    """The commit, `-dirty` where files differ from it; `unknown` outside git."""
    words = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _hash(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
