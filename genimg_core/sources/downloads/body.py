"""A response's body as it should be stored: unpacked if its server packed it, unasked; never more than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE_BYTES = 2**20

_GZIP_MAGIC = b"\x1f\x8b"
_AS_IS = frozenset({"", "identity", "binary", "none", "utf-8"})
"""What servers write where nothing is packed."""
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OVERHEAD_BYTES = 2**16
"""Packing may make bytes more, by less than a 64th and this; beyond that they are an endless tail."""


class BodyError(Exception):
    """A body that cannot be stored."""


class TooLongError(BodyError):
    """More bytes than allowed."""


class DamagedEncodingError(BodyError):
    """It begins like packed bytes and cannot be unpacked."""


class Unpacker:
    """Takes the pieces of a body as they come, gives those of the file.

    The first bytes decide, not the header: what is called gzip and does not begin like it is taken as it is.

    Args:
        encoding: the Content-Encoding header.
        max_bytes: of the file.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._left = max_bytes
        self._raw_left = max_bytes + max_bytes // 64 + _OVERHEAD_BYTES
        self._encoding = encoding.strip().lower()
        self._start: bytes | None = b"" if self._encoding in _PACKED else None
        self._inflate: zlib._Decompress | None = None

    @staticmethod
    def knows(encoding: str) -> bool:
        """Whether bodies with this Content-Encoding can be stored at all."""
        return encoding.strip().lower() in _AS_IS | _PACKED

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces of the file that `data` gives, each at most a MiB when unpacked.

        Raises:
            TooLongError: the file would be longer than allowed; what was given before is within it.
            DamagedEncodingError: it cannot be unpacked.
        """
        self._raw_left -= len(data)
        if self._raw_left < 0:
            raise TooLongError
        if self._start is not None:
            self._start += data
            if len(self._start) < 2:
                return
            data, self._start = self._start, None
            self._inflate = self._inflater(data)
        yield from self._counted(self._unpacked(data) if self._inflate else (data,))

    def finish(self) -> Iterator[bytes]:
        """What is left at the end.

        Raises:
            TooLongError: as `feed`.
            DamagedEncodingError: packed bytes end early.
        """
        if self._start:
            yield from self._counted((self._start,))
        if self._inflate and not self._inflate.eof:
            yield from self._counted((self._inflate.flush(),))
        if self._inflate and not self._inflate.eof:
            raise DamagedEncodingError(f"the {self._encoding} bytes end early")

    def _inflater(self, start: bytes) -> zlib._Decompress | None:
        if self._encoding != "deflate":
            return zlib.decompressobj(31) if start.startswith(_GZIP_MAGIC) else None
        is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
        return zlib.decompressobj() if is_zlib else None

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        while data and self._inflate:
            try:
                piece = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise DamagedEncodingError(f"the {self._encoding} bytes are damaged ({error})") from None
            yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                rest = self._inflate.unused_data
                if not rest.startswith(_GZIP_MAGIC):
                    return  # what follows the end of packed bytes is nobody's, or the first byte of more
                self._inflate, data = zlib.decompressobj(31), rest

    def _counted(self, pieces: Iterator[bytes] | tuple[bytes, ...]) -> Iterator[bytes]:
        for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                raise TooLongError
            yield piece
