"""Progress of long work: a bar in a terminal, a plain line every few seconds elsewhere (logs, Dagster).

Under `genimg run` in a terminal a stage writes into a pipe, and the bars are drawn at its other end: GENIMG_PROGRESS
asks for lines that a program reads (MARK, then JSON), see `ProgressEvent`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_INTERVAL_S = 10.0
QUIET_S = 15.0
"""After so long without a word `heartbeat` says that work goes on."""
EVENT_INTERVAL_S = 0.2
FORM_VARIABLE = "GENIMG_PROGRESS"
EVENTS = "lines-json"
"""The variable's value that asks for lines for a program."""
MARK = "\x1e"
"""Begins such a line: the record separator of RFC 7464, so that no text is taken for one by chance."""
LONGEST_EVENT = 4_000
LONGEST_TEXT = 200
LARGEST_COUNT = 2**63


@dataclass(frozen=True)
class ProgressEvent:
    """How far one piece of work is."""

    what: str
    """The work, in a few words."""
    done: int
    total: int
    unit: str
    """What is counted."""
    note: str = ""
    ended: bool = False

    def line(self) -> str:
        """As it goes through a pipe."""
        return MARK + json.dumps(asdict(replace(self, what=self.what[:LONGEST_TEXT], note=self.note[:LONGEST_TEXT])))


def read_event(line: str) -> ProgressEvent | None:
    """The event that a line holds; None for any other line, a malformed one among them."""
    if not line.startswith(MARK) or len(line) > LONGEST_EVENT:
        return None
    try:
        tree = json.loads(line.removeprefix(MARK))
    except (ValueError, RecursionError):
        return None
    kinds = {field.name: {"str": str, "int": int, "bool": bool}[field.type] for field in fields(ProgressEvent)}
    if not isinstance(tree, dict) or set(tree) != set(kinds):
        return None
    if not all(type(tree[name]) is kind for name, kind in kinds.items()):
        return None
    event = ProgressEvent(**tree)
    return event if 0 <= event.done < LARGEST_COUNT and 0 <= event.total < LARGEST_COUNT else None


@contextmanager
def progress(what: str, total: int, unit: str = "images") -> Iterator[Callable[..., None]]:
    """Yield `advance(n, note="")`; call it as work is done.

    Args:
        what: the work, in a few words.
        total: how many units there are.
        unit: what is counted.
    """
    tell = _teller()
    state = ProgressEvent(what, 0, total, unit)
    here = len(_under_way)
    _under_way.append(state)

    def advance(n: int = 1, note: str = "") -> None:
        nonlocal state
        state = replace(state, done=state.done + n, note=note)
        _under_way[here] = state
        tell(state)

    tell(state)
    try:
        yield advance
    finally:
        del _under_way[here:]
        tell(replace(state, ended=True))


@contextmanager
def heartbeat(what: str, quiet_s: float = QUIET_S) -> Iterator[None]:
    """Say that `what` goes on whenever nothing else was told for `quiet_s` seconds; where a bar shows it, say nothing.

    Imports of large libraries, fits and tests of a whole table have no steps to count.
    """
    if os.environ.get(FORM_VARIABLE) == EVENTS:
        yield
        return
    ended = threading.Event()
    started = time.monotonic()
    _voice.told = started

    def beat() -> None:
        while not ended.wait(max(0.01, _voice.told + quiet_s - time.monotonic())):
            if time.monotonic() - _voice.told >= quiet_s:
                _voice.told = time.monotonic()
                if _under_way and sys.stderr.isatty():
                    continue
                doing = next((f" ({e.what}, {e.done:,} of {e.total:,} {e.unit})" for e in reversed(_under_way)), "")
                print(f"… {what} goes on after {_voice.told - started:.0f} s{doing}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Voice:
    """When something was told last, by whichever thread; seconds of the monotonic clock."""

    told = 0.0


_voice = _Voice()
_under_way: list[ProgressEvent] = []
"""The pieces of work that have begun and not ended, the innermost last."""


def _teller() -> Callable[[ProgressEvent], None]:
    if os.environ.get(FORM_VARIABLE) == EVENTS:
        return _Events().tell
    return _bars.tell_of() if sys.stderr.isatty() else _Plain().tell


class _Events:
    """Lines for a program: the first and the last, and at most a few a second between them."""

    def __init__(self) -> None:
        self.told: float | None = None

    def tell(self, event: ProgressEvent) -> None:
        now = time.monotonic()
        if self.told is None or event.ended or now - self.told >= EVENT_INTERVAL_S:
            self.told = now
            print(event.line(), file=sys.stderr, flush=True)


class _Plain:
    """Lines for a log."""

    def __init__(self) -> None:
        self.told = time.monotonic()
        self.first: tuple[float, int] | None = None

    def tell(self, event: ProgressEvent) -> None:
        now = time.monotonic()
        if self.first is None and event.done:  # what a resumed run had done before is no measure of speed
            self.first = now, event.done
        if event.ended or now - self.told < PLAIN_INTERVAL_S:
            return
        self.told = _voice.told = now
        told = f"{event.what}: {event.done:,} of {event.total:,} {event.unit}"
        if self.first is not None and event.done > self.first[1]:
            left = (event.total - event.done) * (now - self.first[0]) / (event.done - self.first[1])
            told += f", about {left:.0f} s left"
        print(f"{told} {event.note}".rstrip(), file=sys.stderr, flush=True)


class _Bars:
    """One display with a bar for each piece of work; it goes when the last one ends."""

    def __init__(self) -> None:
        self.display = None

    def tell_of(self) -> Callable[[ProgressEvent], None]:
        task = None

        def tell(event: ProgressEvent) -> None:
            nonlocal task
            _voice.told = time.monotonic()
            if task is None:
                self.display = self.display or self._start()
                task = self.display.add_task(event.what, total=event.total, note="", unit=event.unit)
            self.display.update(task, completed=event.done, note=event.note)
            if event.ended:
                self.display.remove_task(task)
                if not self.display.tasks:
                    self.display.stop()
                    self.display = None

        return tell

    @staticmethod
    def _start() -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        display = Progress(*columns, console=Console(stderr=True), transient=True)
        display.start()
        return display


_bars = _Bars()
