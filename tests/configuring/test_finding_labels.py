"""Where labels come from, in folders as users have them; each source found is one that the pipeline can list."""

from __future__ import annotations

import zipfile

import pytest

from genimg_core.configuring.finding_labels import find_source
from genimg_core.configuring.request import Request
from genimg_core.errors import SourceError
from genimg_core.params import parse
from genimg_core.sources.registry import SourceParams, open_source
from tests.pictures import encoded, photo


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
