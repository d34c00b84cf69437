"""The IDX source: images become PNGs with a path, a label and a split that never change."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from PIL import Image

from genimg_core.errors import SourceError
from genimg_core.sources.idx import IdxParams, IdxSource
from tests.sources.idx_files import pictures, write_idx


@pytest.fixture
def parts(tmp_path) -> dict[str, dict[str, str]]:
    return {
        "train": {
            "images": write_idx(tmp_path / "train-images-idx3-ubyte.gz", pictures(6, seed=1)),
            "labels": write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([0, 1, 2, 0, 1, 2], np.uint8)),
        },
        "test": {"images": write_idx(tmp_path / "t10k-images-idx3-ubyte", pictures(3, seed=2))},
    }


def _source(parts, **params) -> IdxSource:
    return IdxSource(IdxParams(parts=parts, **params))


def _scan(parts, **params):
    return {file.path: file for file in _source(parts, **params).scan({})}


def test_paths_labels_and_splits(parts):
    files = _scan(parts, class_names=("cat", "dog", "cow"))
    assert sorted(files) == [f"test/0000{n}.png" for n in range(3)] + [f"train/0000{n}.png" for n in range(6)]
    assert [files[f"train/0000{n}.png"].label for n in range(6)] == ["cat", "dog", "cow"] * 2
    assert {(file.split, file.label is None) for file in files.values()} == {("train", False), ("test", True)}
    assert _scan(parts)["train/00002.png"].label == "2"
    assert {file.split for file in _scan({"all": parts["train"]}).values()} == {None}


def test_contents_are_the_images(parts):
    source = _source(parts)
    files = {file.path: file for file in source.scan({})}
    contents = dict(source.contents(["train/00004.png", "test/00000.png", "test/00009.png", "else/00000.png"]))
    assert sorted(contents) == ["test/00000.png", "train/00004.png"]
    for path, expected in (("train/00004.png", pictures(6, seed=1)[4]), ("test/00000.png", pictures(3, seed=2)[0])):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(contents[path]))), expected)
        assert len(contents[path]) == files[path].bytes


@pytest.mark.parametrize("shape", [(12, 10), (5, 7, 3)])
def test_columns_are_turned_into_rows(tmp_path, shape):
    values = pictures(2, shape=shape)
    source = _source({"all": {"images": write_idx(tmp_path / "a", values)}}, transposed=True)
    (data,) = dict(source.contents(["all/00001.png"])).values()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), values[1].swapaxes(0, 1))


def test_plain_and_packed_give_the_same_rows(tmp_path):
    values = pictures(4)
    plain = _scan({"all": {"images": write_idx(tmp_path / "a", values)}})
    packed = _scan({"all": {"images": write_idx(tmp_path / "a.gz", values)}})
    assert [file.sha256 for file in plain.values()] == [file.sha256 for file in packed.values()]


def test_unchanged_files_are_not_read_again_and_changed_labels_are_seen(parts, tmp_path):
    source = _source(parts)
    first, origin = source.scan({}), source.origin
    path = tmp_path / "t10k-images-idx3-ubyte"
    status = path.stat()
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert source.scan({file.path: file for file in first}) != first
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source.scan({file.path: file for file in first}) == first
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([0, 1, 2, 0, 1, 1], np.uint8))
    assert source.origin != origin


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"class_names": ("cat", "dog")}, "class 2, and `class_names` has names for 0 to 1"),
        ({"max_images": 5}, "tells of 6 images, more than 5"),
        ({"max_total_bytes": 300}, "bytes, more than 300"),
        ({"max_file_bytes": 100}, "each image of .* has 120 bytes, more than 100"),
    ],
)
def test_limits(parts, params, told):
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy"):
        _scan(parts, **params)


def test_labels_of_other_images(parts):
    parts["test"]["labels"] = parts["train"]["labels"]
    with pytest.raises(SourceError, match="holds 6 labels for 3 images"):
        _scan(parts)


def test_no_file_and_no_images(tmp_path):
    with pytest.raises(SourceError, match=r"there is no file .*nothing"):
        _scan({"train": {"images": str(tmp_path / "nothing")}})
    with pytest.raises(SourceError, match="holds no images"):
        _scan({"train": {"images": write_idx(tmp_path / "a", pictures(0))}})
