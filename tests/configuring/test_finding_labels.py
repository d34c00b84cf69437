"""Where labels come from, in folders as users have them; each source found is one that the pipeline can list."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import zstandard

from genimg_core.configuring.finding_labels import find_source
from genimg_core.configuring.request import Request
from genimg_core.errors import SourceError
from genimg_core.params import parse
from genimg_core.sources.registry import SourceParams, open_source
from tests.pictures import encoded, photo
from tests.sources.idx_files import pictures, write_idx
from tests.sources.shard_files import write_shard


def listed(tree):
    return {file.path: file.label for file in open_source(parse(SourceParams, tree, "")).scan({})}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder, paths):
    for i, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(encoded(photo(i)))


def test_sub_folders(place):
    fill(place / "p", ["cat/1.png", "dog/2.png"])
    found = find_source(Request("base", "p"), place)
    assert found.tree == {"kind": "folder", "path": "p"} and found.told == "sub-folders" and not found.warnings
    assert listed(found.tree) == {"cat/1.png": "cat", "dog/2.png": "dog"}


def test_a_folder_around_the_sub_folders(place):
    fill(place / "p", ["all/cat/1.png", "all/dog/2.png"])
    assert find_source(Request("base", "p"), place).tree["path"] == "p/all"
    with zipfile.ZipFile("p.zip", "w") as archive:
        for name in ("all/cat/1.png", "all/dog/2.png", "__MACOSX/all/._x"):
            archive.writestr(name, encoded(photo(len(name))))
    found = find_source(Request("base", "p.zip"), place)
    assert found.tree == {"kind": "archive", "path": "p.zip", "inside": "all"}
    assert listed(found.tree) == {"cat/1.png": "cat", "dog/2.png": "dog"}


def test_a_csv_beside_the_folder_is_found_and_can_be_refused(place):
    fill(place / "p", [f"{i}.png" for i in range(10)])
    (place / "labels.csv").write_text("name,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(10)))
    found = find_source(Request("base", "p"), place)
    assert found.tree["labels"] == {"csv": "labels.csv", "file_column": "name", "label_column": "label"}
    assert "--base-labels folders" in found.told
    assert listed(found.tree)["1.png"] == "b"
    refused = find_source(Request("base", "p", labels="folders"), place)
    assert "labels" not in refused.tree and "none" in refused.told


def test_a_csv_inside_the_folder_is_no_image(place):
    fill(place / "p", [f"{i}.png" for i in range(10)])
    (place / "p/labels.csv").write_text("file,class\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(10)))
    assert "labels.csv" not in listed(find_source(Request("base", "p"), place).tree)


def test_a_csv_of_other_things_is_left_alone(place):
    fill(place / "p", [f"{i}.png" for i in range(10)])
    (place / "prices.csv").write_text("article,price\nx,1\ny,1\n")
    assert "labels" not in find_source(Request("base", "p"), place).tree


def test_where_and_splits(place):
    fill(place / "p", [f"{i}.png" for i in range(10)])
    rows = "".join(f"{i}.png,{'ab'[i % 2]},{'xy'[i // 2 % 2]},{'train' if i < 7 else 'test'}\n" for i in range(10))
    (place / "l.csv").write_text("file,group,kind,part\n" + rows)
    found = find_source(Request("base", "p", labels="l.csv", where={"group": "a"}), place)
    assert found.tree["labels"] == {"csv": "l.csv", "file_column": "file", "label_column": "kind",
                                    "split_column": "part", "where": {"group": "a"}}
    assert set(listed(found.tree)) == {f"{i}.png" for i in range(0, 10, 2)}


def test_no_labels_at_all(place):
    fill(place / "p", ["1.png", "2.png"])
    assert find_source(Request("base", "p"), place).told == "none: all images are one class"


def test_folders_that_are_splits_are_told(place):
    fill(place / "p", ["train/1.png", "test/2.png"])
    (warning,) = find_source(Request("base", "p"), place).warnings
    assert "look like splits" in warning


def test_a_column_without_a_csv(place):
    fill(place / "p", ["1.png", "2.png"])
    with pytest.raises(SourceError, match="--base-labels PATH"):
        find_source(Request("base", "p", label_column="kind"), place)


@pytest.mark.parametrize("prefix", ["", "images/"])
@pytest.mark.parametrize("named", [None, "p/labels.csv"])
def test_a_folder_with_a_csv_beside_a_folder_of_images(place, prefix, named):
    """The CSV's paths may count from either folder."""
    fill(place / "p", [f"images/{i}.png" for i in range(10)])
    (place / "p" / "README.md").write_text("photos")
    rows = "".join(f"{prefix}{i}.png,{'ab'[i % 2]}\n" for i in range(10))
    (place / "p" / "labels.csv").write_text(f"file,label\n{rows}")
    found = find_source(Request("base", "p", labels=named), place)
    assert found.tree["path"] == ("p" if prefix else "p/images")
    labels = listed(found.tree)
    assert labels[f"{prefix}1.png"] == "b" and labels[f"{prefix}2.png"] == "a"


def _idx(folder, names=("train", "t10k"), suffix=".gz"):
    for number, name in enumerate(names):
        write_idx(folder / f"{name}-images-idx3-ubyte{suffix}", pictures(3, seed=number))
        write_idx(folder / f"{name}-labels-idx1-ubyte{suffix}", np.array([0, 1, 2], np.uint8))


def test_a_folder_of_idx_files(place):
    _idx(place / "digits")
    found = find_source(Request("base", "digits"), place)
    assert found.tree == {"kind": "idx", "parts": {
        "train": {"images": "digits/train-images-idx3-ubyte.gz", "labels": "digits/train-labels-idx1-ubyte.gz"},
        "test": {"images": "digits/t10k-images-idx3-ubyte.gz", "labels": "digits/t10k-labels-idx1-ubyte.gz"},
    }}  # fmt: skip
    assert "train-labels-idx1-ubyte.gz" in found.told
    assert listed(found.tree)["test/00002.png"] == "2"
    _idx(place / "digits", suffix="")
    assert find_source(Request("base", "digits"), place).tree["parts"]["train"]["images"].endswith("-ubyte")
    fill(place / "digits", ["beside.png"])
    assert find_source(Request("base", "digits"), place).tree["kind"] == "folder"


def test_one_idx_file_and_no_csv_for_it(place):
    _idx(place / "digits", names=("train",))
    path = "digits/train-images-idx3-ubyte.gz"
    found = find_source(Request("base", path), place)
    assert found.tree["parts"] == {"all": {"images": path, "labels": "digits/train-labels-idx1-ubyte.gz"}}
    assert set(listed(found.tree).values()) == {"0", "1", "2"}
    bare = find_source(Request("base", path, labels="folders"), place)
    assert bare.tree["parts"] == {"all": {"images": path}} and "one class" in bare.told
    with pytest.raises(SourceError, match=r"(?s)labels are IDX too.*remedy: leave out --base-labels"):
        find_source(Request("base", path, labels="l.csv"), place)


def test_a_tar_packed_with_zstandard(place):
    plain = write_shard(place / "p.tar", {"cat/1.png": encoded(photo(1)), "dog/2.png": encoded(photo(2))})
    (place / "p.tar.zst").write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    found = find_source(Request("base", "p.tar.zst"), place)
    assert found.tree == {"kind": "archive", "path": "p.tar.zst"}
    assert listed(found.tree) == {"cat/1.png": "cat", "dog/2.png": "dog"}
