"""Names of files, the folder they have in common, and names for models."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from genimg_core.configuring.request import common_folder, model_name, names_in, shown_path
from genimg_core.errors import SourceError
from genimg_core.params import Name, parse
from tests.pictures import encoded, photo


def test_the_names_of_a_folder_and_of_a_zip_are_the_same(tmp_path):
    for path in ("cat/1.png", "dog/2.png", ".DS_Store"):
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(encoded(photo(1)))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in (tmp_path / "in").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "in").as_posix())
    assert names_in(tmp_path / "in") == names_in(tmp_path / "a.zip") == ["cat/1.png", "dog/2.png"]


@pytest.mark.parametrize("what", ["nowhere", "one.png", "empty", "text.txt"])
def test_what_holds_no_images_is_told(tmp_path, what):
    (tmp_path / "one.png").write_bytes(encoded(photo(1)))
    (tmp_path / "text.txt").write_text("no archive")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError) as error:
        names_in(tmp_path / what)
    assert what in error.value.cause and error.value.remedy


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["photos/cat/1.png", "photos/dog/2.png", "__MACOSX/photos/._1.png"], "photos"),
        (["a/b/cat/1.png", "a/b/dog/2.png"], "a/b"),
        (["cat/1.png", "dog/2.png"], ""),
        (["photos/1.png", "photos/2.png"], ""),  # `photos` may well be the one class
        (["1.png", "photos/cat/2.png"], ""),
    ],
)
def test_the_folder_in_common(names, common):
    assert common_folder(names) == common


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/data/My Photos/images", "my_photos"),
        ("/data/messy-photos.tar.gz", "messy_photos"),
        ("/data/messy-photos.tar.zst", "messy_photos"),
        ("/data/fashion/train-images-idx3-ubyte.gz", "fashion"),
        ("/data/2024", "set_2024"),
        ("/data/Überflüssig", "uberflussig"),
        ("/null", "set_null"),
        ("/图片", "images"),
        ("/base", "base_2"),
        ("/" + "x" * 90, "x" * 32),
    ],
)
def test_a_model_s_name_is_made_of_the_folder_s(place, name):
    assert model_name(Path(place), frozenset({"base", "target"})) == name
    parse(Name, name, "")


def test_a_path_inside_the_project_stays_relative(tmp_path):
    assert shown_path(tmp_path / "pictures" / "a", tmp_path) == "pictures/a"
    assert shown_path(tmp_path / "a" / ".." / "b", tmp_path) == "b"
    assert shown_path(tmp_path.parent / "other", tmp_path) == str(tmp_path.parent / "other")
