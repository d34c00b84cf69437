"""What is exported comes back the same, through the programs that people read it with."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genimg_core.cli import main
from genimg_core.store.manifest import read_table, write_table
from tests.exporting.datasets import write_dataset

LABELS = ["plain", "../up", "a b", "a_b", "=cmd|' /C calc'!A0", "<b>x</b>", "αβ", "CON"] * 8


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(out: str, *words: str, form: str = "folder") -> int:
    return main(["export", "--dataset", "base", "--format", form, "--out", out, *words])


def metadata(root: Path) -> list[str]:
    return (root / "out/metadata.csv").read_text(encoding="utf8").splitlines()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_image_folder_reads_every_pixel_and_class(here: Path, channels: int) -> None:
    from torchvision.datasets import ImageFolder

    data = write_dataset(here, LABELS, channels)
    assert export("out") == 0
    told = json.loads((here / "out/dataset.json").read_text(encoding="utf8"))
    assert told["classes"] == sorted(set(LABELS)) and told["images"] == data.settings.counts
    label_of = dict(zip(told["class_folders"], told["classes"], strict=True))
    assert len(label_of) == len(set(LABELS))
    rows = {row["file_name"]: row for row in csv.DictReader(metadata(here))}
    seen = 0
    table = read_table(here / "data/datasets/base/normalized/rows.parquet").set_index("image_id")
    for split, count in data.settings.counts.items():
        read = ImageFolder(here / "out" / split, loader=lambda path: np.array(Image.open(path)))
        assert len(read) == count
        for (path, number), (pixels, _) in zip(read.samples, read, strict=True):
            place = Path(path).relative_to(here / "out")
            row = table.loc[place.stem]
            assert label_of[read.classes[number]] == row["label"] and row["split"] == split
            expected = data.images(split)[row["index"]]
            assert np.array_equal(pixels.reshape(expected.shape), expected)
            assert int(rows[place.as_posix()]["class_index"]) == told["classes"].index(row["label"])
            seen += 1
    assert seen == len(LABELS) == len(rows)


def test_plain_tarfile_reads_the_shards(here: Path) -> None:
    data = write_dataset(here, LABELS, 3, licence="CC-BY-4.0")
    assert export("out", form="webdataset") == 0
    told = json.loads((here / "out/dataset.json").read_text(encoding="utf8"))
    table = read_table(here / "data/datasets/base/normalized/rows.parquet").set_index("image_id")
    seen: set[str] = set()
    for shard in told["shards"]:
        with tarfile.open(here / "out" / shard["file"]) as tar:
            members = tar.getmembers()
            assert [m.name for m in members] == sorted(m.name for m in members)
            assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
            content = {m.name: tar.extractfile(m).read() for m in members}
        keys = {name.partition(".")[0] for name in content}
        assert len(keys) == shard["images"] and len(content) == 3 * len(keys)
        for key in keys:
            row, known = table.loc[key], json.loads(content[f"{key}.json"])
            pixels = np.array(Image.open(io.BytesIO(content[f"{key}.png"])))
            assert np.array_equal(pixels, data.images(row["split"])[row["index"]])
            assert told["classes"][int(content[f"{key}.cls"])] == row["label"] == known["label"]
            assert known["path"] == row["path"] and known["licence"] == "CC-BY-4.0"
            assert shard["file"].startswith(row["split"])
        seen |= keys
    assert seen == set(table.index[table["status"] == "kept"])


def test_shards_keep_their_size_and_lose_nothing(here: Path) -> None:
    write_dataset(here, ["x"] * 400, 4, size=64)
    assert export("out", "--shard-mb", "1", form="webdataset") == 0
    told = json.loads((here / "out/dataset.json").read_text(encoding="utf8"))
    sizes = [(here / "out" / shard["file"]).stat().st_size for shard in told["shards"] if "train" in shard["file"]]
    assert len(sizes) > 3 and max(sizes) <= 10**6 and min(sizes[:-1]) > 900_000
    assert sum(shard["images"] for shard in told["shards"]) == 400


@pytest.mark.parametrize("form", ["folder", "webdataset"])
def test_the_same_bytes_each_time(here: Path, form: str) -> None:
    write_dataset(here, LABELS)
    assert export("one", form=form) == export("two", form=form) == 0
    assert files_of(here / "one") == files_of(here / "two") and len(files_of(here / "one")) > 3


def test_pictures_tell_nothing_but_pixels(here: Path) -> None:
    write_dataset(here, LABELS, 3)
    export("out")
    for path in (here / "out").rglob("*.png"):
        with Image.open(path) as picture:
            assert not picture.info and not picture.getexif()
        assert [kind for kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME") if kind in path.read_bytes()] == []


def test_no_cell_is_a_formula(here: Path) -> None:
    write_dataset(here, LABELS, licence="@SUM(1)")
    export("out")
    rows = list(csv.reader(metadata(here)))
    assert {cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))} == set()
    cells = {cell for row in rows for cell in row}
    assert {"'=cmd|' /C calc'!A0", "'=1+1/0.jpg", "'@SUM(1)"} <= cells


def test_one_split_only(here: Path) -> None:
    data = write_dataset(here, LABELS)
    assert export("out", "--split", "test") == 0
    assert len(list((here / "out").rglob("*.png"))) == data.settings.counts["test"]
    assert {path.name for path in (here / "out").iterdir()} == {"test", "metadata.csv", "dataset.json"}


def test_a_split_without_a_class_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here, ["a"] * 20 + ["b"] * 20)  # both in every split
    export("one")
    assert "lacks a class" not in capsys.readouterr().out
    shutil.rmtree(here / "data")
    write_dataset(here, ["a"] * 19 + ["b"])
    export("two")
    assert "class_index in metadata.csv" in capsys.readouterr().out


def test_a_folder_with_something_in_it_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here, LABELS)
    (here / "out").mkdir()
    (here / "out/mine.txt").write_text("mine")
    assert export("out") == 2
    said = capsys.readouterr().err
    assert "not an empty folder" in said and "remedy: name a new folder with --out (genimg export" in said
    assert files_of(here / "out") == {"mine.txt": b"mine"}


def test_a_data_set_that_is_not_there_names_the_nearest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here, LABELS)
    assert main(["export", "--dataset", "bse", "--format", "folder", "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert "genimg run normalize@bse" in said and "did you mean 'base'" in said and not (here / "out").exists()
    assert main(["export", "--dataset", "../x", "--format", "folder", "--out", "out"]) == 2


def test_a_table_of_other_arrays_is_no_export(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here, LABELS)
    file = here / "data/datasets/base/normalized/rows.parquet"
    table = read_table(file)
    table.loc[0, "label"] = "a b"
    write_table(table, file)
    assert export("out") == 2
    assert "does not fit the arrays" in capsys.readouterr().err and not (here / "out").exists()


def test_a_full_disk_is_said_and_leaves_nothing(here: Path, capsys: pytest.CaptureFixture[str],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    write_dataset(here, ["x"] * 60, 3, size=64)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        assert export("out", form="webdataset") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["data"]
