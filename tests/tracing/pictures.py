"""PNGs with texts, chunk by chunk."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = {"genimg:model": "m", "genimg:model_sha256": "a" * 64, "genimg:dataset_sha256": "b" * 64, "genimg:seed": "1",
         "genimg:index": "2", "genimg:class": "A", "genimg:steps": "10", "genimg:guidance": "1.5"}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def text(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1"))


def png(path: Path, *chunks: bytes, texts: dict[str, str] | None = None) -> Path:
    """A PNG of one pixel."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    told = [text(key, value) for key, value in (texts or {}).items()]
    path.write_bytes(b"".join([SIGNATURE, head, *told, *chunks, chunk(b"IDAT", zlib.compress(b"\0\0")),
                               chunk(b"IEND", b"")]))
    return path
