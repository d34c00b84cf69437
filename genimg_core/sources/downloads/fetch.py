"""Fetch many URLs: what is here already is not asked for, what failed for good is not asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.progress import progress
from genimg_core.sources.downloads import opt_out, reasons
from genimg_core.sources.downloads.blobs import STORE, BlobStore
from genimg_core.sources.downloads.ledger import LEDGER, Entry, open_ledger
from genimg_core.sources.downloads.names import key_of
from genimg_core.sources.downloads.run import Run
from genimg_core.sources.source import TOO_MANY_BYTES

if TYPE_CHECKING:
    from genimg_core.sources.downloads.policy import DownloadParams


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

    def fetch(
        self, urls: Iterable[str], *, retry_failures: bool = False, even_forgotten: bool = False
    ) -> dict[str, Entry]:
        """An entry for each of `urls`; those that are not settled are asked for.

        Each is written down as soon as it is known: an interruption loses what is under way, and nothing else.

        Args:
            urls: any text; what is no URL gets the reason `bad_url`.
            retry_failures: ask again also for what failed for good.
            even_forgotten: ask again also for files that `genimg forget` removed.

        Raises:
            SetupError: the store cannot be written.
            CorruptFileError: the ledger cannot be used.
        """
        wanted = {key_of(url): url for url in urls}
        with open_ledger(self._ledger_path) as ledger:
            self._store.open()
            entries = {key: self._as_ruled(entry) for key, entry in ledger.by_key(wanted).items()}
            open_keys = [key for key in wanted if not self._settled(entries.get(key), retry_failures, even_forgotten)]
            if open_keys:
                with progress("downloading", len(open_keys), unit="files") as advance:
                    run = Run(self._params, self._max_bytes, self._store, ledger, advance)
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

    def _settled(self, entry: Entry | None, retry_failures: bool, even_forgotten: bool) -> bool:
        if entry is None:
            return False
        if entry.reason is None:
            if self._store.forgotten(entry.sha256 or "") and not even_forgotten:
                return True
            return self._has(entry) and not self._params.revalidate
        if retry_failures or reasons.may_pass(entry.reason):
            return False
        return entry.reason not in reasons.BY_OUR_RULES or entry.rules == self._rules
