"""A folder of files on this machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.labels import Described, Labels, describe, folder_advice, labels_file
from genimg_core.sources.local_file import existing, file_row, lies_in
from genimg_core.sources.source import (
    DEFAULT_MAX_FILE_BYTES,
    IGNORED_NAMES,
    MISSING_FILE,
    UNSAFE_MEMBER,
    MaxFileBytes,
    SourceFile,
    text_of,
)


class FolderParams(Section):
    """A folder, with all its sub-folders.

    Every regular file is listed, image or not, hidden or not; save the file of labels, .DS_Store and Thumbs.db.
    """

    kind: Literal["folder"] = "folder"
    path: Annotated[str, StringConstraints(min_length=1)]
    """The folder, from the working directory."""
    labels: Labels = "folders"
    """`folders`, or a section with a CSV, JSON lines or an export of Label Studio."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger file is listed and never read."""


class FolderSource:
    """Reads what FolderParams describe."""

    def __init__(self, params: FolderParams) -> None:
        self.params = params
        self._root = Path(params.path)

    @property
    def origin(self) -> str:
        """Sizes and times are those of this folder's files, whatever the labels."""
        return f"folder {self.params.path}"

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every file of the data set; see `Source.scan`.

        Raises:
            SourceError: no such folder, nothing in it, or labels that do not fit it.
        """
        found = self._walk()
        if not found:
            raise SourceError(f"{self._root} holds no files", "put images into it, or correct `path` in params.yaml")
        described = describe(found, self.params.labels, lambda missing: self._advice(missing, found))
        rows = []
        with progress(f"scanning {self._root}", len(described.files), unit="files") as advance:
            for path, known in described.files.items():
                rows.append(self._row(path, found[path], known, earlier.get(path)))
                advance(1)
        rows += [
            SourceFile(path, 0, None, known.label, known.split, MISSING_FILE)
            for path, known in described.missing.items()
        ]
        return rows

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths` that can still be read."""
        for path in sorted(paths):
            try:
                yield path, self._existing(path).read_bytes()
            except OSError:
                # Told by its absence: the caller knows what it asked for.
                continue

    def _existing(self, path: str) -> Path:
        return existing(self._root, path)

    def _walk(self) -> dict[str, os.DirEntry[str]]:
        """Path -> what the file system says, of everything that is no folder; sorted."""
        # Not Path.exists, which raises where a folder above may not be entered.
        if not os.path.exists(self._root):
            raise SourceError(
                f"there is no folder {self._root}",
                "correct `path` in params.yaml (it is relative to the working directory)",
            )
        if not os.path.isdir(self._root):
            raise SourceError(
                f"{self._root} is a file, not a folder",
                "name the folder it lies in, or use `kind: archive` for a zip or tar",
            )
        labels = labels_file(self.params.labels)
        own_file = os.path.realpath(labels) if labels else None
        found: dict[str, os.DirEntry[str]] = {}
        waiting: list[os.DirEntry[str] | Path] = [self._root]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as error:
                if not isinstance(folder, os.DirEntry):
                    raise SourceError(
                        f"the folder {folder} cannot be read ({error.strerror})", "give yourself the right to read it"
                    ) from None
                # A folder that cannot be opened is one row: what lies in it cannot even be counted.
                self._add(found, folder)
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry)
                elif not self._left_out(entry, own_file):
                    self._add(found, entry)
        return dict(sorted(found.items()))

    def _add(self, found: dict[str, os.DirEntry[str]], entry: os.DirEntry[str]) -> None:
        # What lies in a folder is named with the folder's own words before it: to cut them off takes a tenth of the
        # time that paths take to be parsed, and a scan with nothing new does little else.
        path = text_of(entry.path[len(os.path.join(self._root, "")):])
        if path in found:
            raise SourceError(
                f"{self._root} holds two files that are both written {path!r} in UTF-8", "rename one of them"
            )
        found[path] = entry

    def _left_out(self, entry: os.DirEntry[str], own_file: str | None) -> bool:
        if entry.name in IGNORED_NAMES:
            return True
        if own_file and entry.name == os.path.basename(own_file) and os.path.realpath(entry.path) == own_file:
            return True
        # A link to a folder of the source: what it leads to is listed where it lies, and links may go round.
        return entry.is_symlink() and self._inside(entry) and os.path.isdir(entry.path)

    def _inside(self, entry: os.DirEntry[str]) -> bool:
        return lies_in(self._root, entry.path)

    def _row(self, path: str, entry: os.DirEntry[str], known: Described, earlier: SourceFile | None) -> SourceFile:
        if entry.is_symlink() and not self._inside(entry):
            return SourceFile(
                path, 0, None, known.label, known.split, UNSAFE_MEMBER, "a link that leads out of the folder"
            )
        return file_row(path, entry.path, known, earlier, self.params.max_file_bytes)

    def _advice(self, missing: list[str], present: Collection[str]) -> str:
        way, prefix = folder_advice(missing, present)
        if way == "down":
            return f"set `path: {self._root / prefix}`, the folder they lie in"
        if way == "up" and f"/{self._root.as_posix()}".endswith(f"/{prefix}"):
            above = Path(self._root.as_posix().removesuffix(prefix) or ".")
            return f"set `path: {above}`, the folder that the labels' paths are relative to"
        return "set `path` to the folder that the labels' paths are relative to"
