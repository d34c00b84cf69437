"""Files by the sha256 of their bytes: .genimg/store/ab/abcd…; each appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from genimg_core.errors import SetupError

STORE = Path(".genimg/store")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEFT_BEHIND_S = 6 * 3600
"""No download lasts so long: what is older was left by a process that died."""


class BlobStore:
    """The store; it may be deleted, and then everything is fetched again."""

    def __init__(self, root: Path = STORE) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def open(self) -> None:
        """Make the folders, and remove what dead processes left.

        Raises:
            SetupError: nothing can be written there.
        """
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            for left in os.scandir(self._incoming):
                if left.stat().st_mtime < time.time() - _LEFT_BEHIND_S:
                    os.unlink(left.path)
        except FileNotFoundError:
            return  # another process has removed it meanwhile
        except OSError as error:
            raise _unwritable(self.root, error) from None

    def has(self, sha256: str, size: int) -> bool:
        """Whether the file is here. (The size finds one that a power cut left empty.)"""
        try:
            return os.stat(self._place(sha256)).st_size == size
        except OSError:
            return False

    def all(self) -> Iterator[tuple[str, Path]]:
        """(sha256, file) of everything that is here."""
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            if len(folder.name) == 2 and folder.is_dir():
                yield from ((file.name, file) for file in sorted(folder.iterdir()) if _SHA256.fullmatch(file.name))

    def holds(self, sha256: str) -> bool:
        """Whether a file of that name is here."""
        return self._place(sha256).is_file()

    def forget(self, sha256: str) -> int:
        """Remove a file, and remember (by its hash alone) that it is not to be fetched again.

        Returns:
            Its bytes; 0 if it is not here.

        Raises:
            OSError: it cannot be removed.
        """
        if not self.holds(sha256):
            return 0
        place = self._place(sha256)
        size = place.stat().st_size
        self._mark_of(sha256).touch()
        place.unlink()
        return size

    def forgotten(self, sha256: str) -> bool:
        """Whether `forget` removed it."""
        return self._mark_of(sha256).exists()

    def read(self, sha256: str) -> bytes:
        """Its bytes.

        Raises:
            OSError: it is not here.
        """
        return self._place(sha256).read_bytes()

    def receive(self) -> Receiving:
        """A file that arrives piece by piece."""
        return Receiving(self, self._incoming)

    def _place(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def _mark_of(self, sha256: str) -> Path:
        return self._place(sha256).with_name(f"{sha256}.forgotten")

    def _keep(self, draft: str, sha256: str) -> None:
        place = self._place(sha256)
        place.parent.mkdir(exist_ok=True)
        os.replace(draft, place)
        self._mark_of(sha256).unlink(missing_ok=True)


class Receiving:
    """A file on its way in. Leaving the context without `keep` drops it."""

    def __init__(self, store: BlobStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._hash = hashlib.sha256()
        self.bytes = 0

    def __enter__(self) -> Receiving:
        try:
            handle, self._draft = tempfile.mkstemp(dir=self._folder)
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        self._stream = os.fdopen(handle, "wb")
        return self

    def write(self, data: bytes) -> None:
        """One more piece.

        Raises:
            SetupError: the disk is full, or cannot be written for another reason.
        """
        try:
            self._stream.write(data)
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        self._hash.update(data)
        self.bytes += len(data)

    def keep(self) -> tuple[str, int]:
        """Put it into the store: (sha256, bytes).

        Raises:
            SetupError: as `write`.
        """
        try:
            self._stream.close()
            self._store._keep(self._draft, self._hash.hexdigest())
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        return self._hash.hexdigest(), self.bytes

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stream.close()
        except OSError:
            pass  # its buffer did not fit on the disk: told when it was written
        try:
            os.unlink(self._draft)
        except OSError:
            pass  # kept


def _unwritable(place: Path, error: OSError) -> SetupError:
    return SetupError(
        f"downloads cannot be written to {place} ({error.strerror})",
        "free some space or mend the folder's rights; what was fetched so far is not fetched again",
    )
