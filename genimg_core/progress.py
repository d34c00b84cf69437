"""Progress of long work: a bar in a terminal, a plain line every few seconds elsewhere (logs, Dagster)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_INTERVAL_S = 10.0


@contextmanager
def progress(what: str, total: int, unit: str = "images") -> Iterator[Callable[..., None]]:
    """Yield `advance(n, note="")`; call it as work is done.

    Args:
        what: the work, in a few words.
        total: how many units there are.
        unit: what is counted.
    """
    if sys.stderr.isatty():
        with _bar(what, total, unit) as advance:
            yield advance
    else:
        yield _plain(what, total, unit)


@contextmanager
def _bar(what: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, note="")
        yield lambda n=1, note="": bar.update(task, advance=n, note=note)


def _plain(what: str, total: int, unit: str) -> Callable[..., None]:
    started = told = time.monotonic()
    done = 0

    def advance(n: int = 1, note: str = "") -> None:
        nonlocal done, told
        done += n
        now = time.monotonic()
        if now - told >= PLAIN_INTERVAL_S:
            told = now
            left = (total - done) * (now - started) / max(done, 1)
            print(
                f"{what}: {done:,} of {total:,} {unit}, about {left:.0f} s left {note}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    return advance
