"""Columns are told by their values, not by their names."""

from __future__ import annotations

import pytest

from genimg_core.configuring.labels_csv import candidates_near, guess, read_csv
from genimg_core.errors import SourceError

NAMES = [f"{i:02}.png" for i in range(20)]


def write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return read_csv(path)


def test_files_labels_and_splits_are_found(tmp_path):
    table = write(tmp_path / "a.csv", "width,which,class,part",
                  [f"{i},{name},{'ab'[i % 2]},{'train' if i < 15 else 'test'}" for i, name in enumerate(NAMES)])
    found = guess(table, NAMES)
    assert (found.file_column, found.label_column, found.split_column) == ("which", "class", "part")
    assert found.matched_share == 1


def test_a_column_of_names_holds_no_labels(tmp_path):
    found = guess(write(tmp_path / "a.csv", "file,title", [f"{name},picture {name}" for name in NAMES]), NAMES)
    assert found.label_column is None and found.candidates == ()


def test_two_columns_that_could_be_labels_are_both_offered(tmp_path):
    rows = [f"{name},{'xy'[i % 2]},{'pqr'[i % 3]}" for i, name in enumerate(NAMES)]
    found = guess(write(tmp_path / "a.csv", "file,weather,camera", rows), NAMES)
    assert found.label_column is None and found.candidates == ("weather", "camera")
    assert guess(write(tmp_path / "a.csv", "file,weather,camera", rows), NAMES,
                 label_column="camera").label_column == "camera"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"label_column": "clas"}, "did you mean 'class'"),
        ({"file_column": "fil"}, "did you mean 'file'"),
        ({"where": {"clas": "a"}}, "did you mean 'class'"),
        ({"where": {"class": "aa"}}, "did you mean 'a'"),
    ],
)
def test_a_misspelt_column_or_value_names_the_nearest(tmp_path, asked, told):
    table = write(tmp_path / "a.csv", "file,class", [f"{name},{'ab'[i % 2]}" for i, name in enumerate(NAMES)])
    with pytest.raises(SourceError, match=told):
        guess(table, NAMES, **asked)


def test_paths_of_another_folder_are_told_with_the_folder(tmp_path):
    table = write(tmp_path / "a.csv", "file,class", [f"images/{name},a" for name in NAMES])
    with pytest.raises(SourceError, match="the folder above"):
        guess(table, NAMES)
    table = write(tmp_path / "a.csv", "file,class", [f"{name},a" for name in NAMES])
    with pytest.raises(SourceError, match="files of the folder deep/images"):
        guess(table, [f"deep/images/{name}" for name in NAMES])


@pytest.mark.parametrize("content", [b"", b"file,label\n", b"\xff\xfe,label\nx,\xe9\n", b'file,label\n"x\0y,1'])
def test_a_file_that_is_no_csv(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    try:
        assert read_csv(tmp_path / "a.csv").rows == 1  # Python reads a NUL and an open quote since 3.11
    except SourceError as error:
        assert "a.csv" in error.cause


def test_candidates_lie_in_the_folder_or_beside_it(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("images/meta.csv", "labels.csv", "other.txt"):
        (tmp_path / name).write_text("file\n1.png\n")
    found = candidates_near(tmp_path / "images", ["meta.csv", "1.png"])
    assert [path.name for path in found] == ["labels.csv", "meta.csv"]
