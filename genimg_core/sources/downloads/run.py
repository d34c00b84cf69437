"""One go through the URLs that are to be asked for: redirects, further attempts, hosts that are down."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from genimg_core.sources.downloads import reasons
from genimg_core.sources.downloads.blobs import BlobStore
from genimg_core.sources.downloads.ledger import Entry, Ledger
from genimg_core.sources.downloads.names import key_of, path_of, shown
from genimg_core.sources.downloads.request import Answer, Client, open_session, usable
from genimg_core.sources.downloads.turns import Turns

if TYPE_CHECKING:
    from yarl import URL

    from genimg_core.sources.downloads.policy import DownloadParams

UNANSWERED_IN_A_ROW = 20
"""After so many requests to a host without any answer the rest of its URLs wait for the next scan."""


@dataclass(frozen=True)
class _Errand:
    """One URL on its way."""

    url: str
    """As the table writes it."""
    start: URL
    here: URL
    """Where it has led so far."""
    known: Entry | None
    """The file that is here already: kept, if its server says so or says nothing."""
    hops: int = 0
    attempt: int = 1
    cut_sha256: str | None = None
    """Of a body that ended early: if it ends there again, that is the file."""

    @property
    def host(self) -> str:
        return self.here.host or ""


class Run:
    """One go.

    Args:
        params: limits and manners.
        max_bytes: a longer file is not kept.
        store: gets the files.
        ledger: gets a row for each URL, as soon as what became of it is known.
        advance: told of each URL that is done.
    """

    def __init__(
        self,
        params: DownloadParams,
        max_bytes: int,
        store: BlobStore,
        ledger: Ledger,
        advance: Callable[..., None],
    ) -> None:
        self._params = params
        self._max_bytes = max_bytes
        self._rules = params.rules(max_bytes)
        self._store = store
        self._ledger = ledger
        self._advance = advance
        self._turns: Turns[_Errand] = Turns(params.per_host)
        self._unanswered: Counter[str] = Counter()
        self._before: Mapping[str, Entry | None] = {}
        self._entries: dict[str, Entry] = {}
        self._failed = 0

    async def all(self, wanted: Mapping[str, Entry | None]) -> dict[str, Entry]:
        """An entry by key for each URL of `wanted`, which names the entries of earlier runs."""
        # Names that nobody knows take long to look up: they must not hold up the others'.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._params.parallel, "names"))
        self._before = wanted
        self._turns.expect(len(wanted))
        for url, entry in wanted.items():
            target = usable(url)
            if isinstance(target, Answer):
                self._end(url, target, requests=0)
            else:
                here = entry if entry and entry.sha256 and self._store.has(entry.sha256, entry.bytes) else None
                self._turns.add(_Errand(url, target, target, here))
        async with open_session(self._params) as session:
            client = Client(session, self._store, self._params, self._max_bytes)
            workers = [asyncio.create_task(self._work(client)) for _ in range(self._params.parallel)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        return self._entries

    async def _work(self, client: Client) -> None:
        while (errand := await self._turns.take()) is not None:
            try:
                if self._unanswered[errand.host] >= UNANSWERED_IN_A_ROW:
                    answer = Answer(reason=reasons.HOST_UNREACHABLE, detail="its host left other requests unanswered")
                    self._end(errand.url, answer, requests=errand.attempt - 1, known=errand.known)
                else:
                    self._heard(errand, await client.ask(errand.here, _conditions(errand)))
            finally:
                self._turns.left(errand.host)

    def _heard(self, errand: _Errand, answer: Answer) -> None:
        """Decide what an answer leads to: the end, another place, or another attempt."""
        if answer.reason in reasons.UNANSWERED:
            self._unanswered[errand.host] += 1
        else:
            del self._unanswered[errand.host]
        if answer.location is not None:
            self._redirected(errand, answer)
            return
        if answer.cut_short and answer.sha256 != errand.cut_sha256:
            # A wrong announcement ends each time at the same place, a broken connection does not.
            errand = replace(errand, cut_sha256=answer.sha256)
            answer = replace(answer, sha256=None, bytes=0, reason=reasons.CUT_SHORT)
        if answer.reason is None or not reasons.may_pass(answer.reason) or not self._once_more(errand, answer):
            self._end(errand.url, answer, requests=errand.attempt, known=errand.known)

    def _once_more(self, errand: _Errand, answer: Answer) -> bool:
        if errand.attempt >= self._params.attempts:
            return False
        asked_s = answer.wait_s or 0.0
        if asked_s > self._params.longest_wait_s:
            return False
        if asked_s:
            self._turns.hold(errand.host, asked_s)
        # The attempts of many URLs that failed together are spread, by up to a half.
        spread = 1 + int(key_of(errand.url)[:4], 16) / 0xFFFF / 2
        wait_s = max(asked_s, self._params.backoff_s * 2 ** (errand.attempt - 1) * spread)
        self._turns.later(replace(errand, here=errand.start, hops=0, attempt=errand.attempt + 1), wait_s)
        return True

    def _redirected(self, errand: _Errand, answer: Answer) -> None:
        hops = errand.hops + 1
        target = _joined(errand.here, answer.location or "")
        if hops > self._params.max_redirects:
            told = f"more than {self._params.max_redirects}"
            target = replace(answer, location=None, reason=reasons.TOO_MANY_REDIRECTS, detail=told)
        if isinstance(target, Answer):
            told = replace(target, status=answer.status, robots=answer.robots)
            self._end(errand.url, told, requests=errand.attempt, known=errand.known)
        else:
            self._turns.add(replace(errand, here=target, hops=hops), first=True)

    def _end(self, url: str, answer: Answer, *, requests: int, known: Entry | None = None) -> None:
        """Write down what became of a URL."""
        key, before = key_of(url), self._before.get(url)
        base = Entry(
            key,
            path_of(url),
            shown(url),
            status=answer.status,
            robots=answer.robots,
            attempts=(before.attempts if before else 0) + requests,
            checked_at=int(time.time()),
            rules=self._rules,
        )
        if answer.sha256 is not None:
            found = {"sha256": answer.sha256, "bytes": answer.bytes}
            entry = replace(base, **found, etag=answer.etag, last_modified=answer.last_modified)
        elif known and (answer.unchanged or reasons.may_pass(answer.reason or "")):
            # The file that is here stays, if its server says so or cannot be asked.
            robots = answer.robots if answer.unchanged and answer.robots else known.robots
            entry = replace(known, robots=robots, attempts=base.attempts, checked_at=base.checked_at)
        else:
            reason, detail = answer.reason, answer.detail
            if before and before.reason and reasons.may_pass(before.reason) and reasons.may_pass(reason or ""):
                # What goes on failing keeps its first reason: the network's moods make no new version of the data.
                reason, detail = before.reason, before.detail
            entry = replace(base, reason=reason, detail=detail)
        self._ledger.write(entry)
        self._entries[key] = entry
        self._failed += entry.reason is not None
        self._turns.done()
        self._advance(1, f"{self._failed:,} failed" if self._failed else "")


def _conditions(errand: _Errand) -> dict[str, str]:
    known = errand.known
    pairs = (("If-None-Match", known.etag), ("If-Modified-Since", known.last_modified)) if known else ()
    return {name: value for name, value in pairs if value}


def _joined(here: URL, location: str) -> URL | Answer:
    """Where a Location header leads, seen from `here`."""
    try:
        # latin-1 is how headers are read; servers write UTF-8 into them all the same.
        location = location.encode("utf8", "surrogateescape").decode("utf8", "replace").strip()
        return usable(urljoin(str(here), location))
    except ValueError:
        return Answer(reason=reasons.BAD_URL, detail="redirected to what is no URL")
