"""Unpacking a body piece by piece."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.sources.downloads.body import DamagedEncodingError, TooLongError, Unpacker


def _through(body: bytes, encoding: str, max_bytes: int = 10**6, piece: int = 7) -> bytes:
    unpacker = Unpacker(encoding, max_bytes)
    out = [part for at in range(0, len(body), piece) for part in unpacker.feed(body[at : at + piece])]
    return b"".join([*out, *unpacker.finish()])


@given(st.binary(max_size=5000), st.integers(1, 5000), st.sampled_from(["", "identity", "gzip", "x-gzip", "deflate"]))
def test_what_was_packed_comes_out_whole_however_it_is_cut(data, piece, encoding):
    packed = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)(data)
    assert _through(packed, encoding, piece=piece) == data


@given(st.lists(st.binary(max_size=500), max_size=4), st.integers(1, 100))
def test_members_of_a_gzip_follow_each_other(parts, piece):
    assert _through(b"".join(gzip.compress(part) for part in parts), "gzip", piece=piece) == b"".join(parts)


@given(st.binary(min_size=1, max_size=200), st.integers(1, 50))
def test_what_is_only_called_packed_is_taken_as_it_is(data, piece):
    body = b"\x89PNG" + data
    assert _through(body, "gzip", piece=piece) == body
    assert _through(b"\xff\xd8" + data, "deflate", piece=piece) == b"\xff\xd8" + data


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_limit_is_exact(encoding):
    body = {"gzip": gzip.compress}.get(encoding, bytes)(bytes(range(256)) * 4)
    assert len(_through(body, encoding, 1024)) == 1024
    with pytest.raises(TooLongError):
        _through(body, encoding, 1023)


def test_a_bomb_takes_no_memory():
    bomb = gzip.compress(bytes(200 * 2**20))
    tracemalloc.start()
    try:
        unpacker, given_out = Unpacker("gzip", 10 * 2**20), 0
        with pytest.raises(TooLongError):
            for part in unpacker.feed(bomb):
                given_out += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert given_out <= 10 * 2**20 and peak < 8 * 2**20


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_damage_is_told(encoding):
    body = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding](bytes(range(256)) * 10)
    with pytest.raises(DamagedEncodingError, match="end early"):
        _through(body[:-3], encoding)
    with pytest.raises(DamagedEncodingError, match="damaged"):
        _through(body[:40] + b"\xff" * 20 + body[60:], encoding)


def test_bytes_after_the_end_are_nobodys_and_not_without_end():
    body = gzip.compress(b"file") + b"tail" * 1000
    assert _through(body, "gzip") == b"file"
    with pytest.raises(TooLongError):
        _through(body + bytes(200_000), "gzip", 1000)
