"""IDX files: headers are held against sizes; whatever the bytes, only a SourceError comes out."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.idx_file import image_header, looks_like_idx, read_class_numbers, read_images
from tests.sources.idx_files import idx_bytes, pictures, write_idx

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


def _all(path):
    return list(read_images(path, image_header(path)))


@pytest.mark.parametrize("name", ["a-ubyte", "a.gz"])
@pytest.mark.parametrize("shape", [(12, 10), (3, 4, 1), (3, 4, 3)])
def test_images_come_back(tmp_path, name, shape):
    values = pictures(7, shape=shape)
    write_idx(tmp_path / name, values)
    assert _all(tmp_path / name) == [value.tobytes() for value in values]
    assert looks_like_idx(tmp_path / name)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32"])
def test_class_numbers_come_back(tmp_path, kind):
    write_idx(tmp_path / "l", np.array([3, 0, 100], kind))
    assert read_class_numbers(tmp_path / "l", 3) == (3, 0, 100)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((2, 3, 4), "float32"), "float32 of shape 2 x 3 x 4, no images"),
        (np.zeros(5, "uint8"), "uint8 of shape 5, no images"),
        (np.zeros((5, 0, 4), "uint8"), "no images"),
        (np.zeros((5, 4, 4, 2), "uint8"), "no images"),
    ],
)
def test_what_are_no_images(tmp_path, values, told):
    write_idx(tmp_path / "a", values)
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy"):
        image_header(tmp_path / "a")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((3, 1), "uint8"), "uint8 of shape 3 x 1, no labels"),
        (np.zeros(3, "float64"), "no labels"),
        (np.zeros(4, "uint8"), "holds 4 labels for 3 images"),
    ],
)
def test_what_are_no_labels(tmp_path, values, told):
    write_idx(tmp_path / "l", values)
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy"):
        read_class_numbers(tmp_path / "l", 3)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", [b"more", -1, -200, 20, 3])
def test_longer_or_shorter_than_the_header_says(tmp_path, packed, change):
    data = idx_bytes(pictures(9))
    data = data + change if isinstance(change, bytes) else data[:change]
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(SourceError, match=r"cannot be read|is no IDX file"):
        _all(tmp_path / "a")


def test_a_cut_or_damaged_gzip_is_told(tmp_path):
    data = bytearray(gzip.compress(idx_bytes(pictures(50))))
    (tmp_path / "cut.gz").write_bytes(data[: len(data) // 2])
    data[len(data) // 2] ^= 255
    (tmp_path / "spoiled.gz").write_bytes(data)
    for name in ("cut.gz", "spoiled.gz"):
        with pytest.raises(SourceError, match=r"(?s)cannot be read.*remedy: fetch it again"):
            _all(tmp_path / name)


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_header_promises_is_not_allocated(tmp_path, packed):
    """4 billion images of a gigabyte each, in 40 bytes."""
    data = struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**15, 2**15) + b"few"
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    tracemalloc.start()
    with pytest.raises(SourceError, match="cannot be read"):
        _all(tmp_path / "a")
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@SHARED
@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b\x08\0"]),
       packed=st.booleans())  # fmt: skip
def test_random_bytes_end_in_a_source_error(tmp_path, data, head, packed):
    whole = head + data
    (tmp_path / "a").write_bytes(gzip.compress(whole) if packed else whole)
    for read in (_all, lambda path: read_class_numbers(path, 3)):
        try:
            read(tmp_path / "a")
        except SourceError:
            pass
    assert looks_like_idx(tmp_path / "a") in (True, False)


@SHARED
@given(place=st.integers(0, 700), value=st.integers(0, 255), packed=st.booleans())
def test_one_changed_byte_gives_all_images_or_a_source_error(tmp_path, place, value, packed):
    data = idx_bytes(pictures(5))
    data = bytearray(gzip.compress(data, mtime=0) if packed else data)
    data[place % len(data)] = value
    (tmp_path / "a").write_bytes(data)
    try:
        assert all(len(image) for image in _all(tmp_path / "a"))
    except SourceError:
        pass


def test_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(SourceError, match="there is no file"):
            image_header(path)
        assert not looks_like_idx(path)
