"""The Zstandard reader: what was packed comes out, in whatever pieces; what is cut off or damaged is told."""

from __future__ import annotations

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.sources.zstandard_reader import ZstandardReader


def _unpacked(packed: bytes, size: int = 1000) -> bytes:
    reader = ZstandardReader(io.BytesIO(packed))
    return b"".join(iter(lambda: reader.read(size), b""))


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 700))
def test_frames_come_out_one_after_another(parts, size):
    assert _unpacked(b"".join(map(zstandard.ZstdCompressor().compress, parts)), size) == b"".join(parts)


def test_a_stream_cut_anywhere_is_told():
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(bytes(range(256)) * 40)
    for length in range(1, len(packed)):
        with pytest.raises(EOFError):
            _unpacked(packed[:length])
    assert _unpacked(b"") == b""


@given(st.binary(max_size=300))
def test_random_bytes_end_in_a_known_error(noise):
    magic = b"\x28\xb5\x2f\xfd"
    for packed in (noise, magic + noise):
        try:
            _unpacked(packed)
        except (OSError, EOFError):
            pass


def test_a_damaged_stream_is_told():
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(b"genimg" * 500))
    packed[-1] ^= 255
    with pytest.raises(OSError, match="checksum"):
        _unpacked(bytes(packed))


def test_a_run_of_zeros_is_handed_out_as_it_is_asked_for():
    reader = ZstandardReader(io.BytesIO(zstandard.ZstdCompressor().compress(bytes(64 * 2**20))))
    assert reader.read(10) == bytes(10) and len(reader._ready) < 17 * 2**20


def test_a_window_beyond_the_limit_is_refused():
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    ).compressobj()
    packed = packer.compress(b"x" * 100) + packer.flush()
    with pytest.raises(OSError, match="memory"):
        _unpacked(packed)
