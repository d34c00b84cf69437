"""Whose turn it is: hosts in a circle, so many requests at once to each, and pauses that hold nobody else up."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import Counter, deque
from typing import Generic, Protocol, TypeVar


class Errand(Protocol):
    """Something to do at a host."""

    @property
    def host(self) -> str:
        """Where."""
        ...


T = TypeVar("T", bound=Errand)


class Turns(Generic[T]):
    """A queue of errands that several workers take from; all on one event loop.

    Each errand taken is given back by `left`, and then is either put in again (`add`, `later`) or told as `done`.

    Args:
        per_host: errands under way at one host at once.
    """

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._waiting: dict[str, deque[T]] = {}
        self._running: Counter[str] = Counter()
        self._circle: deque[str] = deque()
        """Hosts that have an errand waiting and a place free; each once."""
        self._in_circle: set[str] = set()
        self._sleeping: list[tuple[float, int, str, T | None]] = []
        """(when, tie-breaker, host, errand), a heap; no errand: only the host wakes."""
        self._held: dict[str, float] = {}
        self._order = itertools.count()
        self._open = 0
        self._stirred = asyncio.Event()

    def expect(self, count: int) -> None:
        """So many errands more will be told as done."""
        self._open += count

    def add(self, errand: T, *, first: bool = False) -> None:
        """Put an errand in; `first`: before the others of its host."""
        queue = self._waiting.setdefault(errand.host, deque())
        queue.appendleft(errand) if first else queue.append(errand)
        self._offer(errand.host)

    def later(self, errand: T, wait_s: float) -> None:
        """Put an errand in once `wait_s` seconds have passed."""
        heapq.heappush(self._sleeping, (time.monotonic() + wait_s, next(self._order), errand.host, errand))
        self._stirred.set()

    def hold(self, host: str, wait_s: float) -> None:
        """Begin nothing at `host` for so long: it asked for it."""
        self._held[host] = max(self._held.get(host, 0.0), time.monotonic() + wait_s)

    def left(self, host: str) -> None:
        """An errand that was taken is no longer under way there."""
        self._running[host] -= 1
        self._offer(host)

    def done(self) -> None:
        """One errand has come to its end."""
        self._open -= 1
        self._stirred.set()

    async def take(self) -> T | None:
        """The next errand, as soon as there is one; None once all are done."""
        while self._open:
            now = time.monotonic()
            self._wake(now)
            while self._circle:
                host = self._circle.popleft()
                self._in_circle.discard(host)
                if self._held.get(host, 0.0) > now:
                    heapq.heappush(self._sleeping, (self._held[host], next(self._order), host, None))
                elif errand := self._next_at(host):
                    return errand
            self._stirred.clear()
            wait_s = self._sleeping[0][0] - now if self._sleeping else None
            try:
                await asyncio.wait_for(self._stirred.wait(), wait_s)
            except TimeoutError:
                continue
        return None

    def _next_at(self, host: str) -> T | None:
        queue = self._waiting.get(host)
        if not queue or self._running[host] >= self._per_host:
            return None
        errand = queue.popleft()
        if not queue:
            del self._waiting[host]
        self._running[host] += 1
        self._offer(host)
        return errand

    def _offer(self, host: str) -> None:
        if host not in self._in_circle and self._waiting.get(host) and self._running[host] < self._per_host:
            self._in_circle.add(host)
            self._circle.append(host)
            self._stirred.set()

    def _wake(self, now: float) -> None:
        while self._sleeping and self._sleeping[0][0] <= now:
            _, _, host, errand = heapq.heappop(self._sleeping)
            if errand is not None:
                self.add(errand)
            else:
                self._offer(host)
