"""A table that names images: a CSV, TSV, Parquet or JSONL file, or an SQL query, with their URLs or paths."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.downloads.policy import DownloadParams
from genimg_core.sources.local_file import existing
from genimg_core.sources.source import DEFAULT_MAX_FILE_BYTES, MISSING_FILE, MaxFileBytes, SourceFile

if TYPE_CHECKING:
    from genimg_core.sources.downloads.fetch import Downloads

_Text = Annotated[str, StringConstraints(min_length=1)]


class TableParams(Section):
    """A table with a row for each image: its URL or its path, and what is known of it."""

    kind: Literal["table"] = "table"
    file: _Text | None = None
    """A .csv, .tsv, .parquet or .jsonl file, from the working directory."""
    database: _Text | None = None
    """In place of `file`: an SQLAlchemy URL without a password, or `$NAME`, the environment variable that holds it."""
    query: _Text | None = None
    """With `database`: the SELECT that yields the rows."""
    url_column: _Text | None = None
    """The column with the URLs (http, https)."""
    path_column: _Text | None = None
    """In place of `url_column`: the column with paths of files on this machine, relative to `root`."""
    root: _Text | None = None
    """The folder that the paths are relative to and must lie in; that of `file` (of a query: the working directory)."""
    label_column: _Text | None = None
    """The column with the labels (an empty one means unlabelled); null for no labels."""
    split_column: _Text | None = None
    """The column with train, validation, test or nothing; null for no splits."""
    keep_columns: tuple[_Text, ...] = ()
    """Columns that travel with the row into the manifest (licence, attribution), as JSON in its column `extra`."""
    where: dict[str, bool | str | int | float] = Field(default_factory=dict)
    """Column -> value: only the rows with these values belong to the data set."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger file is listed and not kept."""
    download: DownloadParams = Field(default_factory=DownloadParams)
    """How URLs are fetched."""

    @model_validator(mode="after")
    def _one_of_each(self) -> TableParams:
        if (self.file is None) == (self.database is None) or (self.database is None) != (self.query is None):
            raise ValueError("a table has either a `file`, or a `database` with a `query`")
        if (self.url_column is None) == (self.path_column is None):
            raise ValueError("a table has either a `url_column` or a `path_column`")
        return self

    @property
    def folder(self) -> Path:
        """What paths are relative to."""
        return Path(self.root) if self.root else Path(self.file).parent if self.file else Path()


class TableSource:
    """Reads what TableParams describe; URLs are fetched once, into .genimg/store."""

    def __init__(self, params: TableParams) -> None:
        self.params = params
        self._retry = False

    @property
    def origin(self) -> str:
        """Sizes and times are those of this folder's files. (What is known of URLs stands in the ledger.)"""
        return f"table {self.params.folder}" if self.params.path_column else "table of urls"

    def retry_failures(self) -> None:
        """At the next scan ask again also for URLs that failed for good, such as a 404."""
        self._retry = True

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """A row for each image that the table names; see `Source.scan`.

        Raises:
            SourceError: no such table, a broken row, nothing in it; nothing at all could be had of what it names.
        """
        return self._scan_paths(earlier) if self.params.path_column else self._scan_urls()

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths` that can still be read; what the store has lost is fetched again."""
        if self.params.path_column:
            yield from self._local_contents(paths)
            return
        downloads = self._downloads()
        found = downloads.known(paths)
        lost = set(paths) - set(found)
        if lost:
            from genimg_core.sources.table_rows import read_rows

            urls = {path: row.place for path, row in read_rows(self.params).items() if path in lost}
            entries = downloads.fetch(urls.values(), even_forgotten=True)
            found |= {path: entries[url] for path, url in urls.items() if entries[url].reason is None}
        for path in sorted(found):
            try:
                yield path, downloads.read(found[path])
            except OSError:
                # Told by its absence: the caller knows what it asked for.
                continue

    def _scan_urls(self) -> list[SourceFile]:
        from genimg_core.sources.downloads.reasons import may_pass
        from genimg_core.sources.table_rows import read_rows

        rows = read_rows(self.params)
        entries = self._downloads().fetch(
            [row.place for row in rows.values() if not row.reason], retry_failures=self._retry
        )
        files = []
        for path, row in rows.items():
            found = entries.get(row.place)
            sha256, size = (found.sha256, found.bytes) if found else (None, 0)
            reason, detail = (found.reason, found.detail) if found else (row.reason, row.detail)
            files.append(SourceFile(path, size, sha256, row.label, row.split, reason, detail, extra=row.extra))
        reasons = Counter(file.reason for file in files if file.reason)
        if reasons.total() == len(files) and any(may_pass(reason) for reason in reasons):
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(3))
            raise SourceError(
                f"none of the {len(files):,} URLs of {self._name()} could be fetched ({told})",
                "see that this machine reaches the network without a proxy, and scan again",
            )
        return files

    def _scan_paths(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        from dataclasses import replace

        from genimg_core.sources.table_rows import local_row, read_rows

        rows = read_rows(self.params)
        files = []
        with progress(f"scanning {self._name()}", len(rows), unit="files") as advance:
            for path, row in rows.items():
                found = local_row(self.params, path, row, earlier.get(path))
                files.append(replace(found, extra=row.extra))
                advance(1)
        missing = [file.path for file in files if file.reason == MISSING_FILE]
        if len(missing) * 2 > len(files):
            raise SourceError(
                f"{len(missing):,} of the {len(files):,} files that {self._name()} names are not in "
                f"{self.params.folder}, for instance {min(missing)!r}",
                "set `root` to the folder that the table's paths are relative to",
            )
        return files

    def _local_contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        from genimg_core.sources.local_file import lies_in

        for path in sorted(paths):
            place = existing(self.params.folder, path)
            try:
                if lies_in(self.params.folder, place) and os.path.isfile(place):
                    yield path, place.read_bytes()
            except (OSError, ValueError):
                # Told by its absence: the caller knows what it asked for.
                continue

    def _downloads(self) -> Downloads:
        from genimg_core.sources.downloads.fetch import Downloads

        return Downloads(self.params.download, self.params.max_file_bytes)

    def _name(self) -> str:
        return self.params.file or "the query"
