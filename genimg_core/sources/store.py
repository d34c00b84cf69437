"""Objects in S3 or another store that fsspec knows; labels as of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.labels import Labels, describe, folder_advice
from genimg_core.sources.source import (
    DEFAULT_MAX_FILE_BYTES,
    IGNORED_NAMES,
    MISSING_FILE,
    TOO_MANY_BYTES,
    UNREADABLE_FILE,
    UNSAFE_MEMBER,
    MaxFileBytes,
    SourceFile,
)
from genimg_core.sources.store_client import Store, StoredObject, Unread


class StoreParams(Section):
    """A store's folder, with all that lies below it. No credentials: they are taken from the environment and the
    store's own configuration files (for S3 those of the AWS command line).
    """

    kind: Literal["store"] = "store"
    url: Annotated[str, StringConstraints(min_length=1)]
    """`s3://bucket/folder`, or another URL that fsspec knows."""
    endpoint_url: Annotated[str, StringConstraints(pattern=r"^https?://")] | None = None
    """Of an S3 server that is not Amazon's; null for Amazon's, or the one that AWS_ENDPOINT_URL names."""
    anonymous: bool = False
    """Whether S3 is asked without credentials, as public buckets allow."""
    labels: Labels = "folders"
    """`folders`, or a section with a CSV (a file here, not in the store)."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger object is listed and never read."""
    max_total_bytes: Annotated[int, Field(ge=1)] = 64 * 2**30
    """More than this in all objects together is an error, before one is read."""
    max_objects: Annotated[int, Field(ge=1)] = 1_000_000
    """More objects than this are an error."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """Tries of one object after the first, half a second apart, then twice as long each; beside those that the store's
    own client makes (for S3: AWS_MAX_ATTEMPTS)."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """For S3: how long an answer may take to begin, or to go on."""


class StoreSource:
    """Reads what StoreParams describe."""

    def __init__(self, params: StoreParams) -> None:
        self.params = params

    @property
    def origin(self) -> str:
        """ETags, sizes and times are those of this place's objects, whatever the labels."""
        return f"store {self.params.url} {self.params.endpoint_url or ''}"

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every object of the data set; see `Source.scan`.

        One that vanishes, is replaced or cannot be read meanwhile is a row with its reason, and is read again by the
        next scan.

        Raises:
            SourceError: the store cannot be reached or holds nothing, is over a limit, or does not fit its labels.
        """
        store = self._store()
        found = {path: item for path, item in store.list().items() if path.rpartition("/")[2] not in IGNORED_NAMES}
        if not found:
            raise SourceError(f"{self.params.url} holds no files", "put images there, or correct `url` in params.yaml")
        if len(found) > self.params.max_objects:
            raise SourceError(
                f"{self.params.url} holds {len(found):,} objects, more than {self.params.max_objects:,}",
                "raise `max_objects`, if you want them all",
            )
        described = describe(found, self.params.labels, lambda missing: self._advice(missing, found))
        rows: dict[str, SourceFile] = {}
        for path, known in described.files.items():
            row = self._unread_row(path, found[path], earlier.get(path))
            rows[path] = replace(row, label=known.label, split=known.split)
        self._read(store, found, rows)
        return [
            *rows.values(),
            *(
                SourceFile(path, 0, None, known.label, known.split, MISSING_FILE)
                for path, known in described.missing.items()
            ),
        ]

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths` that can still be read; what cannot is told by its absence."""
        store = self._store()
        wanted = ((path, store.key_of(path), -1) for path in sorted(paths))
        for path, data in store.read(wanted, self.params.max_file_bytes):
            if not isinstance(data, Unread):
                yield path, data

    def _store(self) -> Store:
        params = self.params
        return Store(
            params.url,
            endpoint_url=params.endpoint_url,
            anonymous=params.anonymous,
            retries=params.retries,
            timeout_s=params.timeout_s,
        )

    def _unread_row(self, path: str, item: StoredObject, earlier: SourceFile | None) -> SourceFile:
        """What is known before reading: the earlier row where it holds, a refusal, or a row that waits for its hash."""
        if item.unsafe:
            return SourceFile(path, 0, None, reason=UNSAFE_MEMBER, detail=item.unsafe)
        most = self.params.max_file_bytes
        if item.size > most:
            detail = f"{item.size:,} bytes, more than {most:,}"
            return SourceFile(path, item.size, None, reason=TOO_MANY_BYTES, detail=detail)
        seen = (item.size, item.mtime_ns, item.etag)
        told = item.etag is not None or item.mtime_ns >= 0
        if told and earlier and earlier.sha256 and (earlier.size, earlier.mtime_ns, earlier.etag) == seen:
            return earlier
        return SourceFile(path, item.size, None, size=item.size, mtime_ns=item.mtime_ns, etag=item.etag)

    def _read(self, store: Store, found: Mapping[str, StoredObject], rows: dict[str, SourceFile]) -> None:
        """Complete the rows that wait for their hash."""
        waiting = [path for path, row in rows.items() if row.sha256 is None and row.reason is None]
        total = sum(max(0, found[path].size) for path, row in rows.items() if row.reason is None)
        if total > self.params.max_total_bytes:
            raise self._too_much(total)
        wanted = [(path, found[path].key, found[path].size) for path in waiting]
        read = 0
        with progress(f"reading {self.params.url}", len(wanted), unit="objects") as advance:
            for path, data in store.read(wanted, self.params.max_file_bytes):
                if isinstance(data, Unread):
                    rows[path] = SourceFile(
                        path, 0, None, rows[path].label, rows[path].split, UNREADABLE_FILE, data.why
                    )
                else:
                    read += len(data)
                    if read > self.params.max_total_bytes:  # where the store told no sizes
                        raise self._too_much(read)
                    rows[path] = replace(rows[path], bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
                advance(1)

    def _too_much(self, total: int) -> SourceError:
        return SourceError(
            f"{self.params.url} holds {total:,} bytes, more than {self.params.max_total_bytes:,}",
            "raise `max_total_bytes`, if you want them all",
        )

    def _advice(self, missing: list[str], present: Collection[str]) -> str:
        way, prefix = folder_advice(missing, present)
        if way == "down":
            return f"set `url: {self.params.url.rstrip('/')}/{prefix}`, the folder they lie in"
        return "set `url` to the folder that the CSV's paths are relative to"
