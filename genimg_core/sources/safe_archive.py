"""One reader for zip and tar that can be pointed at an archive from anywhere.

It never writes. A name that would leave the folder, a link or a device is an error that names the member. Sizes are
counted as bytes come out of the decompressor, whatever the headers say.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from genimg_core.errors import SourceError
from genimg_core.sources.source import CHUNK_BYTES, text_of
from genimg_core.sources.zstandard_reader import ZstandardReader

RATIO_FREE_BYTES = 64 * 2**20
"""Below this much unpacked, no compression ratio is suspicious (flat pictures pack a thousandfold)."""

_MAX_NAME_BYTES = 2**20
"""A tar may carry names and attributes of any length before a member, and the library reads them into memory."""

_UNPACKING = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_DAMAGE = (*_UNPACKING, EOFError, OSError, ValueError, struct.error, OverflowError, NotImplementedError)

_TAR_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": ZstandardReader,
}
_FOREIGN = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "RAR"}


class MemberDamagedError(Exception):
    """One member cannot be read; the others can."""


@dataclass(frozen=True)
class Limits:
    """What an archive may grow to."""

    max_total_bytes: int
    max_members: int
    max_compression_ratio: float


@dataclass(frozen=True)
class Member:
    """A regular file of an archive."""

    path: str
    """Posix, without `.` and empty parts."""
    size: int
    """In bytes, as the header says; never more than this comes out of `chunks`."""
    chunks: Iterator[bytes]
    """The bytes; to be read before the next member is asked for, or not at all. May raise MemberDamagedError."""


def read_members(path: Path, limits: Limits, advance: Callable[[int], None] = lambda _: None) -> Iterator[Member]:
    """The regular files of an archive, in its order.

    Args:
        path: zip, or tar (plain, gz, bz2, xz, zst); told apart by their first bytes.
        limits: exceeding one is an error.
        advance: told of bytes of the archive as they are read.

    Raises:
        SourceError: no such archive, encrypted, damaged, over a limit, a member twice, or an unsafe member.
    """
    seen: set[str] = set()
    try:
        with path.open("rb") as raw:
            for member in _members(raw, _Budget(path, limits), advance):
                if member.path in seen:
                    raise SourceError(
                        f"{path} holds the member {member.path!r} twice", "repack it with one file of that name"
                    )
                seen.add(member.path)
                if len(seen) > limits.max_members:
                    raise SourceError(
                        f"{path} holds more than {limits.max_members:,} files", "raise `max_members`, if you trust it"
                    )
                yield member
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _members(raw: IO[bytes], budget: _Budget, advance: Callable[[int], None]) -> Iterator[Member]:
    magic = raw.read(8)
    raw.seek(0)
    for foreign, name in _FOREIGN.items():
        if magic.startswith(foreign):
            raise SourceError(f"{budget.path} is a {name} archive", "repack it as zip or tar")
    told = _Told(raw, advance)
    if magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_members(told, budget)
    return _tar_members(told, magic, budget)


class _Budget:
    """Counts what comes out of the decompressor."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        self._archive_bytes = max(1, path.stat().st_size)
        self._unpacked = 0

    def take(self, count: int) -> None:
        self._unpacked += count
        if self._unpacked > self._limits.max_total_bytes:
            raise SourceError(
                f"{self.path} unpacks to more than {self._limits.max_total_bytes:,} bytes",
                "raise `max_total_bytes`, if you trust it",
            )
        ratio = self._unpacked / self._archive_bytes
        if self._unpacked > RATIO_FREE_BYTES and ratio > self._limits.max_compression_ratio:
            most = self._limits.max_compression_ratio
            raise SourceError(
                f"{self.path} unpacks to more than {most:g} times its size (a decompression bomb?)",
                "raise `max_compression_ratio`, if you trust it",
            )


class _Told(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, raw: IO[bytes], advance: Callable[[int], None]) -> None:
        self._raw, self._advance, self._furthest = raw, advance, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        position = self._raw.tell()
        if position > self._furthest:
            self._advance(position - self._furthest)
            self._furthest = position
        return data


class _Counted(io.RawIOBase):
    """The unpacked tar, held to the budget."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._budget.take(len(data))
        return data


class _CarefulTarInfo(tarfile.TarInfo):
    """Refuses what the library lets pass: a damaged header (taken for the end), endless names (taken into memory)."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        """See tarfile.TarInfo.frombuf."""
        if buf.count(b"\0") == len(buf):
            return super().frombuf(buf, encoding, errors)
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} in a member's header") from None
        names = (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )
        if info.size < 0:
            raise tarfile.ReadError("a negative size in a member's header")
        if info.type in names and info.size > _MAX_NAME_BYTES:
            raise tarfile.ReadError(f"a name or attribute of {info.size:,} bytes")
        return info


def _tar_members(raw: IO[bytes], magic: bytes, budget: _Budget) -> Iterator[Member]:
    opener = next((opener for start, opener in _TAR_OPENERS.items() if magic.startswith(start)), lambda stream: stream)
    with (
        opener(raw) as plain,
        tarfile.open(
            fileobj=_Counted(plain, budget),
            mode="r|",
            tarinfo=_CarefulTarInfo,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar,
    ):
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header in memory
            path = _safe_path(info.name, budget.path, is_folder=info.isdir())
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                kind = "link" if info.issym() or info.islnk() else "device, sparse or other special file"
                raise _unsafe(budget.path, info.name, f"a {kind}")
            yield Member(path, info.size, _tar_chunks(tar, info, budget))


def _tar_chunks(tar: tarfile.TarFile, info: tarfile.TarInfo, budget: _Budget) -> Iterator[bytes]:
    try:
        with tar.extractfile(info) as stream:  # type: ignore[union-attr]  # never None for a regular file
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except _DAMAGE as error:
        raise _damaged(budget.path, error) from None


def _zip_members(raw: IO[bytes], budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            path = _safe_path(info.filename, budget.path, is_folder=info.is_dir())
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(
                    budget.path, info.filename, "a link" if kind == stat.S_IFLNK else "a device or other special file"
                )
            if info.flag_bits & 1:
                raise SourceError(
                    f"{budget.path} is encrypted (member {info.filename!r})",
                    "unpack it, and repack it without a password",
                )
            if not info.is_dir():
                yield Member(path, info.file_size, _zip_chunks(archive, info, budget))


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    # Only deflate unpacks as far as it is asked to; the others unpack all they are fed, so they are fed little.
    size = CHUNK_BYTES if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else 4096
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(size):
                budget.take(len(chunk))
                yield chunk
    except NotImplementedError as error:
        raise MemberDamagedError(f"packed in a way that cannot be read ({error})") from None
    except _DAMAGE as error:
        raise MemberDamagedError(f"damaged in the archive ({' '.join(str(error).split())})") from None


def _safe_path(name: str, archive: Path, *, is_folder: bool) -> str:
    """The member's path, `/` between its parts.

    Raises:
        SourceError: it would lead out of the folder it is unpacked in, on any system.
    """
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name):
        raise _unsafe(archive, name, "an absolute path")
    if ".." in parts:
        raise _unsafe(archive, name, "a path with ..")
    kept = "/".join(part for part in parts if part not in ("", "."))
    if not kept and not is_folder:
        raise _unsafe(archive, name, "an empty name")
    return text_of(kept)


def _damaged(archive: Path, error: BaseException) -> SourceError:
    told = " ".join(str(error).split()) or type(error).__name__
    return SourceError(
        f"the archive {archive} cannot be read ({told})",
        "fetch or pack it again (zip, or tar: plain, gz, bz2, xz, zst)",
    )


def _unsafe(archive: Path, name: str, what: str) -> SourceError:
    return SourceError(
        f"{archive} holds the unsafe member {name!r}: {what}",
        "do not unpack it; get it from whom you trust, or repack it without",
    )
