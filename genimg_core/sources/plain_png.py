"""Pixels => a PNG whose bytes depend on nothing but the pixels.

Packing differs between releases of zlib and Pillow, and so would the hash that an image goes by, on another machine or
after an upgrade. So the pixels are stored unpacked.

Reference: PNG, second edition (ISO/IEC 15948:2003); DEFLATE stored blocks, RFC 1951, 3.2.4.
"""

from __future__ import annotations

import struct
import zlib

_COLOUR_TYPES = {1: 0, 3: 2}
_LONGEST_BLOCK = 65535


def plain_png(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """The file.

    Args:
        pixels: uint8 (height, width, channels), row by row.
        width: in pixels, at least 1.
        height: in pixels, at least 1.
        channels: 1 (grey) or 3 (RGB).
    """
    row = width * channels
    # Each row begins with the number of its filter: none.
    lines = b"".join(b"\0" + pixels[start : start + row] for start in range(0, row * height, row))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """As a zlib stream of stored blocks."""
    blocks = []
    for start in range(0, len(data), _LONGEST_BLOCK):
        block = data[start : start + _LONGEST_BLOCK]
        last = start + _LONGEST_BLOCK >= len(data)
        blocks.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(data))
