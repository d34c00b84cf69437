"""A server for each test, and downloads into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genimg_core.sources.downloads.fetch import Downloads
from genimg_core.sources.downloads.ledger import Entry
from genimg_core.sources.downloads.policy import DownloadParams
from tests.sources.downloads.server import Server, serving

MAX_BYTES = 200_000


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Fetcher:
    """Downloads with params fit for a test; `bytes_of` reads what was stored."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server

    def downloads(self, max_bytes: int = MAX_BYTES, **params: Any) -> Downloads:
        quick = {"allow_hosts": ["127.0.0.1"], "backoff_s": 0.02, "timeout_s": 5}
        settings = DownloadParams(**(quick | params))
        return Downloads(settings, max_bytes, ledger=self.folder / "ledger.sqlite", store=self.folder / "store")

    def __call__(self, *paths: str, retry_failures: bool = False, **params: Any) -> list[Entry]:
        urls = [path if path.startswith(("http:", "https:", "ftp:")) else self.server.url(path) for path in paths]
        entries = self.downloads(**params).fetch(urls, retry_failures=retry_failures)
        return [entries[url] for url in urls]

    def bytes_of(self, entry: Entry) -> bytes:
        return self.downloads().read(entry)


@pytest.fixture
def fetch(tmp_path, server) -> Fetcher:
    return Fetcher(tmp_path, server)
