"""A zip or tar file. Nothing is unpacked to disk, and what its headers say is not believed (see safe_archive.py)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.labels import Labels, describe, folder_advice, labels_file
from genimg_core.sources.safe_archive import Limits, Member, MemberDamagedError, read_members
from genimg_core.sources.source import (
    DEFAULT_MAX_FILE_BYTES,
    IGNORED_NAMES,
    MISSING_FILE,
    TOO_MANY_BYTES,
    UNREADABLE_FILE,
    MaxFileBytes,
    SourceFile,
    sha256_of,
)


class ArchiveParams(Section):
    """A zip, or a tar (plain, gz, bz2, xz, zst)."""

    kind: Literal["archive"] = "archive"
    path: Annotated[str, StringConstraints(min_length=1)]
    """The file, from the working directory."""
    inside: Annotated[str, StringConstraints(pattern=r"^([^/]+(/[^/]+)*)?$")] = ""
    """Only what lies in this folder of the archive; paths and label folders are relative to it."""
    labels: Labels = "folders"
    """`folders`, or a section with a CSV, JSON lines or an export of Label Studio (beside the archive, not in it)."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger member is listed and never read."""
    max_total_bytes: Annotated[int, Field(ge=1)] = 64 * 2**30
    """More than this unpacked is an error."""
    max_members: Annotated[int, Field(ge=1)] = 1_000_000
    """More members than this are an error."""
    max_compression_ratio: Annotated[float, Field(ge=1)] = 200.0
    """Unpacked bytes per byte of the archive, once 64 MiB are unpacked; more is an error (a decompression bomb)."""


class ArchiveSource:
    """Reads what ArchiveParams describe."""

    def __init__(self, params: ArchiveParams) -> None:
        self.params = params
        self._path = Path(params.path)
        self._limits = Limits(params.max_total_bytes, params.max_members, params.max_compression_ratio)

    @property
    def origin(self) -> str:
        """One size and time stand for all members, so a listing holds only for equal params and labels."""
        named = labels_file(self.params.labels)
        file = Path(named) if named else None
        rows = file.read_bytes() if file and os.access(file, os.R_OK) and file.is_file() else b""
        return f"archive {hashlib.sha256(self.params.model_dump_json().encode() + rows).hexdigest()}"

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every member of the data set; see `Source.scan`.

        Raises:
            SourceError: no such file, no archive, unsafe, encrypted, damaged, too large, or labels that do not fit it.
        """
        # Not Path.is_file, which raises where a folder above may not be entered.
        if not os.path.isfile(self._path):
            what = "is no file" if os.path.exists(self._path) else "is not there"
            raise SourceError(
                f"the archive {self._path} {what}",
                "correct `path` in params.yaml (it is relative to the working directory)",
            )
        status = self._path.stat()
        seen = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        if earlier and all(
            (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns) for file in earlier.values()
        ):
            return list(earlier.values())
        members = self._hashed_members(status.st_size)
        if not members:
            place = f"{self._path}, folder {self.params.inside}," if self.params.inside else str(self._path)
            raise SourceError(f"{place} holds no files", "put images into it, or correct the source in params.yaml")
        described = describe(members, self.params.labels, lambda missing: self._advice(missing, members))
        rows = []
        for path, known in described.files.items():
            sha256, size, reason, detail = members[path]
            rows.append(SourceFile(path, size, sha256, known.label, known.split, reason, detail, **seen))
        rows += [
            SourceFile(path, 0, None, known.label, known.split, MISSING_FILE, **seen)
            for path, known in described.missing.items()
        ]
        return rows

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths` that can still be read, in the order of the archive."""
        if not os.path.isfile(self._path):
            return
        wanted = set(paths)
        for member in read_members(self._path, self._limits):
            path = self._relative(member.path)
            if path in wanted and member.size <= self.params.max_file_bytes:
                try:
                    yield path, b"".join(member.chunks)
                except MemberDamagedError:
                    # Told by its absence: the caller knows what it asked for.
                    continue

    def _hashed_members(self, archive_bytes: int) -> dict[str, tuple[str | None, int, str | None, str | None]]:
        """Path -> (sha256, bytes, reason, detail), sorted."""
        found = {}
        with progress(f"scanning {self._path}", archive_bytes, unit="bytes") as advance:
            for member in read_members(self._path, self._limits, advance):
                path = self._relative(member.path)
                if path is not None and path.rpartition("/")[2] not in IGNORED_NAMES:
                    found[path] = self._hashed(member)
        return dict(sorted(found.items()))

    def _hashed(self, member: Member) -> tuple[str | None, int, str | None, str | None]:
        if member.size > self.params.max_file_bytes:
            return None, member.size, TOO_MANY_BYTES, f"{member.size:,} bytes, more than {self.params.max_file_bytes:,}"
        try:
            sha256, size = sha256_of(member.chunks)
        except MemberDamagedError as error:
            return None, 0, UNREADABLE_FILE, str(error)
        return sha256, size, None, None

    def _relative(self, path: str) -> str | None:
        if not self.params.inside:
            return path
        prefix = self.params.inside + "/"
        return path.removeprefix(prefix) if path.startswith(prefix) else None

    def _advice(self, missing: list[str], present: Collection[str]) -> str:
        way, prefix = folder_advice(missing, present)
        if way == "down":
            return f"set `inside: {'/'.join(part for part in (self.params.inside, prefix) if part)}`, where they lie"
        if way == "up" and f"/{self.params.inside}".endswith(f"/{prefix}"):
            above = self.params.inside.removesuffix(prefix).strip("/")
            return f"set `inside: '{above}'`, which the labels' paths are relative to"
        return "set `inside` to the folder of the archive that the labels' paths are relative to"
