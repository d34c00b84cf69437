"""Maps a function over many items in worker processes; an item that hangs, crashes or eats memory costs itself alone.

Items go out in chunks. A chunk whose worker dies is done again item by item, each in a task of its own, so that the
culprit is found and its neighbours are not lost. Results come in the order of the items.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from genimg_core.environment import variables
from genimg_core.errors import SetupError

Item = TypeVar("Item")
Result = TypeVar("Result")

WALL_FACTOR = 4
"""An item may wait (for a busy disk or processor) this many times its processor seconds before it is stopped."""
POOL_FACTOR = 2
"""A worker stops itself; the pool stops it, chunk and all, only this much later."""
CHUNKS_AHEAD = 4
"""Chunks handed out per worker: enough to keep it busy, few enough that an interrupt is quick and memory is bounded."""
BROKEN_POOLS = 3
"""How often a pool may break as a whole (all its workers killed) before the items in hand count as crashed, or, if
no worker was ever ready for an item, the map ends: it is no fault of the items."""
START_PATIENCE_S = 3.0
"""How long the end of a map waits for workers that are still starting."""
WORKERS_ENVIRONMENT = {
    # Threads of as many processes as there are processors would only wait on each other.
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    # glibc hands the memory of every picture back to the system and asks for it again with the next one (58 page faults
    # a photo, a tenth of the time). What is as large as 8 MiB is handed back all the same.
    "MALLOC_TRIM_THRESHOLD_": str(32 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(8 * 2**20)}
_ALONE_PAUSE_S = 0.02
"""Gives the pool time to note who has the item: without it, a worker that dies at once looks like one that hangs."""


@dataclass(frozen=True)
class Limits:
    """What one item may take."""

    seconds: float
    """Of processor time; WALL_FACTOR times that by the clock."""
    memory_mib: int
    """On top of what a worker needs at rest."""


@dataclass(frozen=True)
class Failure:
    """An item that gave no result."""

    reason: str
    """decoder_timeout, decoder_crashed or out_of_memory."""
    detail: str


def worker_count() -> int:
    """GENIMG_WORKERS, or the number of processors this process may use. No result depends on it."""
    given = os.environ.get("GENIMG_WORKERS", "")
    if given.isdigit():
        return max(1, int(given))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_workers(function: Callable[[Item], Result], items: Iterable[Item], limits: Limits, chunk: int = 32,
                   workers: int | None = None) -> Iterator[Result | Failure]:
    """Yield `function(item)`, or a Failure, for each item, in order.

    Args:
        function: of a module's top level, or a `functools.partial` of one; imported anew in each worker. What it raises
            (other than MemoryError) ends the map: it is for `function` to turn bad data into a result.
        items: small things: they and the results travel through pipes.
        limits: what one item may take.
        chunk: items to a task.
        workers: processes; `worker_count()` by default.
    """
    processes = workers or worker_count()
    remaining = iter(items)
    parts = iter(lambda: list(itertools.islice(remaining, chunk)), [])
    first = list(itertools.islice(parts, processes))  # no more workers than there are chunks
    parts = itertools.chain(first, parts)
    waiting: deque[_Task] = deque()
    with _Workers(function, limits, max(1, len(first))) as pool:
        while True:
            while len(waiting) < processes * CHUNKS_AHEAD and (part := next(parts, None)):
                waiting.append(pool.start(part))
            if not waiting:
                return
            task = waiting.popleft()
            outcome = pool.outcome(task)
            yield from pool.one_by_one(task.items) if isinstance(outcome, Failure) else outcome


@dataclass
class _Task:
    """Items in a worker's hands."""

    items: list[Any]
    alone: bool
    pool: ProcessPool
    future: ProcessFuture


class _Workers:
    """A pool of processes that is made anew if it breaks as a whole."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits, processes: int) -> None:
        self._function, self._limits, self._processes = function, limits, processes
        self._pool: ProcessPool | None = None
        self._broken = self._stillborn = 0

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def start(self, items: list[Any], alone: bool = False) -> _Task:
        if self._pool is not None and not self._pool.active:
            self._close()
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([getattr(self._function, "func", self._function).__module__])
            self._started = context.Semaphore(0)
            self._pool = ProcessPool(self._processes, initializer=_prepare_worker,
                                     initargs=(self._function, self._limits, self._started), context=context)
        with variables(WORKERS_ENVIRONMENT):  # workers are started within it, and inherit it
            future = self._pool.schedule(_run, (self._function, items, self._limits.seconds, alone),
                                         timeout=self._limits.seconds * WALL_FACTOR * POOL_FACTOR)
        return _Task(items, alone, self._pool, future)

    def outcome(self, task: _Task) -> list[Any] | Failure:
        """The items' results, or why their worker did not finish.

        Raises:
            SetupError: no worker can be started.
        """
        while True:
            while not wait([task.future], timeout=1).done and task.pool.active:
                continue
            if not task.future.done():
                error: BaseException | None = BrokenProcessPool("the pool ended")
            else:
                error = task.future.exception()
            if error is None:
                return task.future.result()
            if isinstance(error, TimeoutError) and error.args[:1] == ("Task timeout",):
                return self._too_slow()
            if isinstance(error, ProcessExpired):
                return self._died(error.exitcode)
            if not isinstance(error, BrokenProcessPool):
                raise error
            if task.pool is self._pool:
                self._close()
                self._broken += 1
            if self._stillborn > BROKEN_POOLS:
                raise SetupError("the processes that decode images end as they start",
                                 "run genimg as a command, or from a program that is a file (each process imports it "
                                 "anew); see that memory and `ulimit -u` leave room for more processes")
            if self._broken > BROKEN_POOLS:
                self._broken = 0
                return Failure("decoder_crashed", "all worker processes were killed")
            task = self.start(task.items, task.alone)

    def one_by_one(self, items: list[Any]) -> Iterator[Any]:
        """Each item in a task of its own."""
        for task in [self.start([item], alone=True) for item in items]:
            outcome = self.outcome(task)
            yield outcome if isinstance(outcome, Failure) else outcome[0]

    def _too_slow(self) -> Failure:
        return Failure("decoder_timeout", f"no result within {self._limits.seconds * WALL_FACTOR:g} s")

    def _died(self, exit_code: int) -> Failure:
        if exit_code == -signal.SIGPROF:
            return Failure("decoder_timeout", f"over {self._limits.seconds:g} s of processor time")
        if exit_code == -signal.SIGALRM:
            return self._too_slow()
        if exit_code < 0:
            return Failure("decoder_crashed", f"its process died of {signal.Signals(-exit_code).name}")
        return Failure("decoder_crashed", f"its process ended with exit code {exit_code}")

    def _close(self) -> None:
        if self._pool is not None:
            # pebble takes its locks away before it ends the workers: one still starting would print a traceback.
            patience = time.monotonic() + (START_PATIENCE_S if self._pool.active else 0)
            born = [self._started.acquire(timeout=max(0.0, patience - time.monotonic()))
                    for _ in range(self._processes)]
            self._stillborn = 0 if any(born) else self._stillborn + 1
            self._pool.stop()
            self._pool.join()
            self._pool = None


def _prepare_worker(function: Callable[[Any], Any], limits: Limits, started: Semaphore) -> None:
    """Runs once in each worker: quiet, bounded, and gone with its parent.

    `function` came with its module: what the import takes is not taken from the images' memory.
    """
    started.release()
    logging.disable(logging.CRITICAL)
    # Decoders' C libraries print about what they find; errors of ours travel through the pipe.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    # The default action ends the process even inside a decoder's C code, where no Python handler would run, and even
    # when the parent is gone (a worker that has no item in hand notices that by itself).
    for alarm in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(alarm, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if not statm.exists():  # macOS, which does not enforce this limit either
        return
    at_rest = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = at_rest + limits.memory_mib * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _run(function: Callable[[Any], Any], items: list[Any], seconds: float, alone: bool) -> list[Any]:
    """Runs in a worker."""
    if alone:
        time.sleep(_ALONE_PAUSE_S)
    results = []
    for item in items:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, seconds * WALL_FACTOR)
        try:
            results.append(function(item))
        except MemoryError:
            results.append(Failure("out_of_memory", "it asked for more memory than one image may have"))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
    return results
