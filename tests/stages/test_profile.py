"""Every collected file keeps its row; the memo and the workers change no byte."""

import hashlib
import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genimg_core.imaging.decode import DecodeLimits
from genimg_core.imaging.fit import ImageForm
from genimg_core.imaging.profile import ImageProfile, profile_image
from genimg_core.params import ImageParams
from genimg_core.stages.profile import BLOCK, ProfileParams, _write_pixels
from genimg_core.store.manifest import PROFILE_COLUMNS
from tests.engine_jobs import profile_or_misbehave
from tests.pictures import encoded, photo, run_profile, write_raw

IMAGE = ImageParams(size=16, channels=3)
PNG = encoded(photo(1))
FILES = {
    "a/one.PNG": PNG,
    "a/same.png": PNG,
    "b/two.jpg": encoded(photo(2), "JPEG"),
    "b/cut.png": PNG[:-400],
    "b/empty.png": b"",
    "c/note.txt": b"a note",
    "c/three.gif": encoded(photo(3), "GIF"),
}


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_raw(
        tmp_path / "raw",
        FILES,
        labels={"a/one.PNG": "x"},
        splits={"b/two.jpg": "test"},
        refused={"d/gone.png": "missing_file"},
    )
    return tmp_path / "raw"


def test_every_file_keeps_its_row(raw, tmp_path):
    report = run_profile(raw, tmp_path / "p", IMAGE)
    table = pd.read_parquet(tmp_path / "p" / "profile.parquet").set_index("path")
    assert list(table.index) == sorted([*FILES, "d/gone.png"])
    reasons = table["reason"].dropna().to_dict()
    assert reasons == {
        "b/cut.png": "truncated",
        "b/empty.png": "empty",
        "c/note.txt": "unreadable",
        "d/gone.png": "missing_file",
    }
    assert set(PROFILE_COLUMNS) <= {"path", *table.columns}
    assert table["row"].to_dict() == {
        "a/one.PNG": 0,
        "a/same.png": 0,
        "b/cut.png": -1,
        "b/empty.png": -1,
        "b/two.jpg": 1,
        "c/note.txt": -1,
        "c/three.gif": 2,
        "d/gone.png": -1,
    }
    assert table.loc["a/one.PNG", ["label", "format", "extension", "width"]].tolist() == ["x", "png", "png", 48]
    assert table.loc["b/two.jpg", "split"] == "test"
    images, thumbnails = np.load(tmp_path / "p" / "images.npy"), np.load(tmp_path / "p" / "thumbnails.npy")
    assert images.shape == (3, 16, 16, 3)
    assert thumbnails.shape == (3, 32, 32, 4)
    assert np.abs(images[0].astype(int) - np.asarray(photo(1).resize((16, 16), 1), int)).max() <= 1
    assert not report.failed
    assert report.metrics["unreadable"] == 4
    assert report.facts["unreadable_reasons"] == {"empty": 1, "missing_file": 1, "truncated": 1, "unreadable": 1}
    assert (tmp_path / "p" / "report" / "raw.png").is_file()


def test_memo_and_workers_change_no_byte(raw, tmp_path, monkeypatch):
    monkeypatch.setenv("GENIMG_WORKERS", "1")
    reports = [run_profile(raw, tmp_path / "fresh", IMAGE)]
    reports.append(run_profile(raw, tmp_path / "remembered", IMAGE))
    shutil.rmtree(".genimg")
    monkeypatch.setenv("GENIMG_WORKERS", "3")
    reports.append(run_profile(raw, tmp_path / "forgotten", IMAGE))
    (tmp_path / ".genimg" / "memo" / "profile.sqlite").write_bytes(b"damaged" * 1000)
    reports.append(run_profile(raw, tmp_path / "damaged", IMAGE))
    assert reports == [reports[0]] * 4
    digests = [hash_of(tmp_path / name) for name in ("fresh", "remembered", "forgotten", "damaged")]
    assert digests == [digests[0]] * 4


def test_the_memo_is_used(raw, tmp_path, monkeypatch):
    assert run_profile(raw, tmp_path / "first", IMAGE).work == {"decoded": 6, "remembered": 0}
    # What is remembered needs no bytes: only the new image is read.
    for shard in (raw / "shards").iterdir():
        shard.unlink()
    assert run_profile(raw, tmp_path / "second", IMAGE).work == {"decoded": 0, "remembered": 6}
    assert hash_of(tmp_path / "first") == hash_of(tmp_path / "second")


def test_an_image_more_takes_little_memory(tmp_path, monkeypatch):
    figures = json.dumps(profile_image(PNG, ImageForm(**IMAGE.model_dump()), DecodeLimits()).figures)

    def many(*_):
        for _ in range(3 * BLOCK // 2):
            yield ImageProfile(json.loads(figures), None, None)

    monkeypatch.setattr("genimg_core.stages.profile._profiles", many)
    (tmp_path / "p").mkdir()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        blocks, rows = _write_pixels(tmp_path, tmp_path / "p", pd.DataFrame(), IMAGE, ProfileParams(), {})
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert [len(block["phash"]) for block in blocks] == [BLOCK, BLOCK // 2] and len(rows) == 3 * BLOCK // 2
    assert grown / len(rows) < 900  # a dictionary for each image takes 2,000 bytes


def test_another_form_is_not_taken_from_the_memo(raw, tmp_path):
    run_profile(raw, tmp_path / "first", IMAGE)
    run_profile(raw, tmp_path / "second", ImageParams(size=16, channels=1))
    assert np.load(tmp_path / "second" / "images.npy").shape == (3, 16, 16, 1)


FAULTS = {"segfault": "decoder_crashed", "spin_in_c": "decoder_timeout", "sleep": "decoder_timeout",
          "memory": "out_of_memory"}


def test_a_decoder_that_crashes_hangs_or_eats_memory_costs_one_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {f"{number:02d}.png": encoded(photo(number)) for number in range(12)}
    files |= {f"{number:02d}.{fault}": f"!{fault} this one".encode()
              for number, fault in zip((1, 4, 7, 20), FAULTS, strict=True)}
    write_raw(tmp_path / "raw", files)
    with monkeypatch.context() as broken:
        broken.setattr("genimg_core.imaging.profile.profile_stored", profile_or_misbehave)
        limits = ProfileParams(decode_timeout_s=0.5, decode_memory_mib=256)
        report = run_profile(tmp_path / "raw", tmp_path / "p", IMAGE, limits)
    table = pd.read_parquet(tmp_path / "p" / "profile.parquet")
    told = {row.extension: row.reason for row in table.itertuples() if row.row < 0}
    assert told == FAULTS
    assert table.loc[table["row"] < 0, "detail"].notna().all()
    assert report.metrics["decodable"] == 12 and not report.failed
    assert len(np.load(tmp_path / "p" / "images.npy")) == 12
    # Another machine, or a mended decoder, may well read them: what went wrong here is not remembered.
    run_profile(tmp_path / "raw", tmp_path / "again", IMAGE)
    assert set(pd.read_parquet(tmp_path / "again" / "profile.parquet")["reason"].dropna()) == {"unreadable"}


def test_an_image_that_takes_too_much_memory_or_time_is_told_from_its_neighbours(tmp_path, monkeypatch):
    """With the real decoder: 64 million pixels in a file of 200 kB."""
    monkeypatch.chdir(tmp_path)
    large = Image.new("L", (8000, 8000), 7)
    large.paste(photo(1).convert("L"), (0, 0))
    write_raw(tmp_path / "raw", {"a.png": encoded(photo(2)), "b.png": encoded(large), "c.png": encoded(photo(3))})
    for settings, reason in ((ProfileParams(decode_memory_mib=64), "out_of_memory"),
                             (ProfileParams(decode_timeout_s=0.05), "decoder_timeout"), (ProfileParams(), None)):
        run_profile(tmp_path / "raw", tmp_path / str(reason), IMAGE, settings)
        table = pd.read_parquet(tmp_path / str(reason) / "profile.parquet")
        assert table["reason"].astype(object).where(table["reason"].notna(), None).tolist() == [None, reason, None]


def test_limits_reach_the_decoder(raw, tmp_path):
    run_profile(raw, tmp_path / "p", IMAGE, ProfileParams(max_pixels=48 * 48 - 1))
    assert (pd.read_parquet(tmp_path / "p" / "profile.parquet")["row"] == -1).all()
    assert np.load(tmp_path / "p" / "images.npy").shape == (0, 16, 16, 3)


def test_a_source_of_bad_files_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path / "raw", {"a": b"", "b": b"x"})
    report = run_profile(tmp_path / "raw", tmp_path / "p", IMAGE)
    assert (report.metrics["decodable"], report.metrics["unreadable"]) == (0, 2)


def hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
