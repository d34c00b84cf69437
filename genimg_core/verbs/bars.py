"""The two live lines under `genimg run` in a terminal: the run as a whole, and what the stage is at."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from genimg_core.progress import ProgressEvent
from genimg_core.terminal import printable
from genimg_core.verbs.headlines import seconds

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from genimg_core.verbs.story import Story

WINDOW_S = 20.0
"""Speed is measured over the last so many seconds."""
SHORTEST_BAR, LONGEST_BAR = 8, 40
REFRESHES_A_SECOND = 5


@contextmanager
def bars(console: Console) -> Iterator[tuple[Callable[[str], None], Callable[[Story], None]]]:
    """Yield (say, watch): `say` prints a line above the bars, `watch` gives them the story to draw.

    Args:
        console: on a terminal that can draw.
    """
    from rich.live import Live
    from rich.text import Text

    lines = RunLines()
    with Live(lines, console=console, transient=True, refresh_per_second=REFRESHES_A_SECOND) as live:
        yield lambda line: live.console.print(Text(line), soft_wrap=True), lines.watch


class RunLines:
    """What is drawn. It reads the story, and never changes it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.story: Story | None = None
        self._speed = _Speed()

    def watch(self, story: Story) -> None:
        """Draw this story."""
        self.story = story

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Two lines, each as wide as the terminal allows."""
        if self.story is None:
            return
        story, width = self.story, options.max_width
        total = max(story.total, story.done, 1)
        at = story.running
        place = f"[{at.number if at else story.done:>{len(str(total))}}/{total}] "
        waiting = "looking for what has changed" if story.done < total else "finishing"
        name = f"{at.name}  {_clock(story.spent)}" if at else waiting
        yield _line(width, place + name, story.done / total, [f"{_clock(time.monotonic() - self.started)} in all"])
        for event in story.work[-1:]:
            share = event.done / event.total if event.total else 1.0
            yield _line(width, " " * len(place) + printable(event.what), min(share, 1.0), self._figures(event))

    def _figures(self, event: ProgressEvent) -> list[str]:
        """The most important first: what does not fit is left out from the end."""
        told = [f"{event.done:,} of {event.total:,} {printable(event.unit)}"]
        speed = self._speed.of(event)
        if speed:
            told += [f"{_clock((event.total - event.done) / speed)} left", f"{speed:,.0f}/s" if speed >= 10 else
                     f"{speed:.2g}/s"]
        return [*told, *([printable(event.note)] if event.note else [])]


class _Speed:
    """Units a second, over the last seconds."""

    def __init__(self) -> None:
        self.what = ""
        self.seen: deque[tuple[float, int]] = deque()

    def of(self, event: ProgressEvent) -> float:
        """0 as long as it is not known."""
        now = time.monotonic()
        if event.what != self.what or (self.seen and event.done < self.seen[-1][1]):
            self.what, self.seen = event.what, deque()
        if event.done and (not self.seen or event.done != self.seen[-1][1]):  # the first: what a resumed run brought
            self.seen.append((now, event.done))
        while len(self.seen) > 2 and now - self.seen[0][0] > WINDOW_S:
            self.seen.popleft()
        if len(self.seen) < 2:
            return 0.0
        (then, before), (last, done) = self.seen[0], self.seen[-1]
        return (done - before) / max(last - then, 1e-3)


def _line(width: int, left: str, share: float, figures: list[str]) -> Table:
    """`left`, a bar and the figures: the bar shrinks first, then the last figures go, then `left` is cut."""
    from rich.cells import cell_len
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    room = width - cell_len(left) - 4 - SHORTEST_BAR
    while len(figures) > 1 and cell_len(" · ".join(figures)) > room:
        figures = figures[:-1]
    told = " · ".join(figures)
    bar = min(LONGEST_BAR, width - cell_len(left) - cell_len(told) - 4)
    grid = Table.grid(padding=(0, 2, 0, 0))
    cells = [Text(left, no_wrap=True, overflow="ellipsis")]
    if bar >= SHORTEST_BAR:
        cells.append(ProgressBar(total=1.0, completed=share, width=bar))
    cells.append(Text(told, no_wrap=True, overflow="ellipsis", style="dim"))
    grid.add_row(*cells)
    return grid


def _clock(spent: float) -> str:
    return seconds(spent) if spent >= 99.95 else f"{spent:.0f} s"
