"""A Zstandard stream read from front to back, in bounded memory; one that is cut off is an error."""

from __future__ import annotations

import io
from typing import IO

READ_BYTES = 2**16
FEED_BYTES = 512
"""Fed at once. Four bytes may unpack to 128 KiB (a run of one byte), so this much unpacks to 16 MiB at the most."""
MAX_WINDOW_BYTES = 2**27
"""What the decoder may have to remember: all that `zstd` packs without --ultra --long=28 or more."""


class ZstandardReader(io.RawIOBase):
    """Reads one frame or several, one after another.

    The library's own reader takes a stream that ends in the middle for one that is over: a tar cut between two members
    would pass for a whole one.

    Args:
        raw: the packed stream.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        from zstandard import ZstdDecompressor

        self._raw = raw
        self._decompressor = ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._frame = None
        self._packed = memoryview(b"")
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """See io.IOBase.readable."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            EOFError: the stream ends within a frame.
            OSError: it is damaged.
        """
        if size < 0:
            raise io.UnsupportedOperation("read to the end: the size of what is unpacked is not known")
        while not self._ready and size:
            data = self._unpack()
            if data is None:
                return b""
            self._ready = memoryview(data)
        data, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return data

    def _unpack(self) -> bytes | None:
        from zstandard import ZstdError

        self._packed = self._packed or memoryview(self._raw.read(READ_BYTES))
        if not self._packed:
            if self._frame is not None:
                raise EOFError("the Zstandard stream ends in the middle")
            return None
        self._frame = self._frame or self._decompressor.decompressobj()
        fed = self._packed[:FEED_BYTES]
        try:
            data = self._frame.decompress(fed)
        except ZstdError as error:
            raise OSError(str(error)) from None
        used = len(fed)
        if self._frame.eof:
            used -= len(self._frame.unused_data)
            self._frame = None
        self._packed = self._packed[used:]
        return data
