"""Fetch many URLs: what is here already is not asked for, what failed for good is not asked for again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.progress import progress
from genimg_core.sources.downloads import opt_out, reasons
from genimg_core.sources.downloads.blobs import STORE, BlobStore
from genimg_core.sources.downloads.ledger import LEDGER, Entry, Ledger, open_ledger
from genimg_core.sources.downloads.names import key_of, path_of, shown
from genimg_core.sources.downloads.request import Answer, Client, open_session, usable
from genimg_core.sources.downloads.turns import Turns
from genimg_core.sources.source import TOO_MANY_BYTES

if TYPE_CHECKING:
    from yarl import URL

    from genimg_core.sources.downloads.policy import DownloadParams

UNANSWERED_IN_A_ROW = 20
"""After so many requests to a host without any answer the rest of its URLs wait for the next scan."""


@dataclass(frozen=True)
class _Errand:
    """One URL on its way."""

    url: str
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


class Downloads:
    """The downloads of this project.

    Args:
        params: limits and manners.
        max_bytes: a longer file is not kept.
        ledger: the file of the ledger.
        store: where files are kept.
    """

    def __init__(
        self, params: DownloadParams, max_bytes: int, *, ledger: Path = LEDGER, store: Path = STORE
    ) -> None:
        self._params = params
        self._max_bytes = max_bytes
        self._rules = params.rules(max_bytes)
        self._ledger_path = ledger
        self._store = BlobStore(store)

    def fetch(self, urls: Iterable[str], *, retry_failures: bool = False) -> dict[str, Entry]:
        """An entry for each of `urls`; those that are not settled are asked for.

        Each is written down as soon as it is known: an interruption loses what is under way, and nothing else.

        Args:
            urls: any text; what is no URL gets the reason `bad_url`.
            retry_failures: ask again also for what failed for good.

        Raises:
            SetupError: the store cannot be written.
            CorruptFileError: the ledger cannot be used.
        """
        wanted = {key_of(url): url for url in urls}
        with open_ledger(self._ledger_path) as ledger:
            self._store.open()
            entries = {key: self._as_ruled(entry) for key, entry in ledger.by_key(wanted).items()}
            open_keys = [key for key in wanted if not self._settled(entries.get(key), retry_failures)]
            if open_keys:
                with progress("downloading", len(open_keys), unit="files") as advance:
                    run = _Run(self._params, self._max_bytes, self._store, ledger, advance)
                    entries |= asyncio.run(run.all({wanted[key]: entries.get(key) for key in open_keys}))
        return {url: entries[key] for key, url in wanted.items()}

    def known(self, paths: Iterable[str]) -> dict[str, Entry]:
        """The files that are here, by path (see `names.path_of`); nothing is asked for.

        Raises:
            CorruptFileError: the ledger cannot be used.
        """
        with open_ledger(self._ledger_path) as ledger:
            found = ledger.by_path(paths)
        return {path: entry for path, entry in found.items() if self._has(entry)}

    def read(self, entry: Entry) -> bytes:
        """The file of an entry.

        Raises:
            OSError: it is gone.
        """
        return self._store.read(entry.sha256 or "")

    def _has(self, entry: Entry) -> bool:
        return entry.sha256 is not None and self._store.has(entry.sha256, entry.bytes)

    def _as_ruled(self, entry: Entry) -> Entry:
        """The entry under these params: a file that was fetched under others may be one to leave alone now."""
        if entry.sha256 is None:
            return entry
        word = opt_out.opted_out(entry.robots, self._params.user_agent) if self._params.honour_opt_out else None
        if word:
            reason, detail = reasons.OPTED_OUT, f"X-Robots-Tag: {word}"
            return replace(entry, sha256=None, bytes=0, reason=reason, detail=detail, rules=self._rules)
        if entry.bytes > self._max_bytes:
            reason, detail = TOO_MANY_BYTES, f"more than {self._max_bytes:,} bytes"
            return replace(entry, sha256=None, bytes=0, reason=reason, detail=detail, rules=self._rules)
        return entry

    def _settled(self, entry: Entry | None, retry_failures: bool) -> bool:
        if entry is None:
            return False
        if entry.reason is None:
            return self._has(entry) and not self._params.revalidate
        if retry_failures or reasons.may_pass(entry.reason):
            return False
        return entry.reason not in reasons.BY_OUR_RULES or entry.rules == self._rules


class _Run:
    """One go through what is to be asked for."""

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
        self._before = wanted
        self._turns.expect(len(wanted))
        for url, entry in wanted.items():
            target = usable(url)
            if isinstance(target, Answer):
                self._end(url, target, requests=0)
            else:
                here = entry if entry and entry.sha256 and self._store.has(entry.sha256, entry.bytes) else None
                self._turns.add(_Errand(url, target, here))
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
        start = usable(errand.url)
        assert not isinstance(start, Answer)
        self._turns.later(replace(errand, here=start, hops=0, attempt=errand.attempt + 1), wait_s)
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
    from urllib.parse import urljoin

    try:
        # latin-1 is how headers are read; servers write UTF-8 into them all the same.
        location = location.encode("utf8", "surrogateescape").decode("utf8", "replace").strip()
        return usable(urljoin(str(here), location))
    except ValueError:
        return Answer(reason=reasons.BAD_URL, detail="redirected to what is no URL")
