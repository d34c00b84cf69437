"""What is found in folders of planted images, against what the pipeline itself would make of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genimg_core.configuring.survey import SAMPLE_BYTES, choose_sample, survey
from genimg_core.errors import EmptyDatasetError
from genimg_core.sources.folder import FolderParams
from genimg_core.sources.source import SourceFile
from tests.pictures import photo


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENIMG_WORKERS", "1")
    (tmp_path / "p").mkdir()
    return tmp_path


def look(**options):
    return survey("base", FolderParams(path="p"), **options)


def test_figures_of_planted_images(place):
    for i in range(20):
        (place / f"p/{'ab'[i % 2]}").mkdir(exist_ok=True)
        photo(i, 60 if i else 120, 40).save(place / f"p/{'ab'[i % 2]}/{i}.jpg", quality=95)
    shutil.copy(place / "p/a/0.jpg", place / "p/a/copy.jpg")  # byte for byte
    photo(1, 60, 40).save(place / "p/b/near.png")  # the picture of b/1.jpg
    Image.new("RGB", (30, 30), "grey").save(place / "p/a/flat.png")
    (place / "p/a/broken.jpg").write_bytes((place / "p/a/2.jpg").read_bytes()[:300])
    found = look()
    assert (found.files, found.distinct, found.looked_at, found.sampled) == (24, 23, 23, False)
    assert found.usable == 20
    assert {reason: round(24 * share) for reason, share in found.rejected.items()} == {
        "exact_duplicate": 1, "near_duplicate": 1, "flat": 1, "truncated": 1}
    assert found.unreadable_share == pytest.approx(1 / 24)
    assert found.classes == {"a": 13, "b": 11} and found.unlabelled == 0
    assert (found.long_side_px.least, found.long_side_px.median, found.long_side_px.most) == (30, 60, 120)
    assert found.aspect.most == 3 and found.grey_share == 0 and found.alpha_share == 0
    assert found.jpeg_share == 1 and found.decoded_per_s > 0
    assert found.pixels.shape == (20, 32, 32, 3)


def test_nothing_is_written_into_the_folder_or_left_behind(place):
    for i in range(4):
        photo(i).save(place / f"p/{i}.png")
    before = {path: path.stat().st_mtime_ns for path in (place / "p").rglob("*")} | {Path(): 0}
    look()
    assert {path: path.stat().st_mtime_ns for path in (place / "p").rglob("*")} | {Path(): 0} == before
    assert not (place / "data").exists() and not list((place / ".genimg/configure").iterdir())


def test_grey_jpegs_count_as_grey_and_coloured_ones_do_not(place):
    for i in range(6):
        photo(i).convert("L").convert("RGB").save(place / f"p/{i}.jpg", quality=80)
    assert look().grey_share == 1
    photo(9).save(place / "p/9.jpg")
    assert look().grey_share == pytest.approx(6 / 7)


def test_white_drawings_on_nothing_vanish_on_white(place):
    for i in range(4):
        image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
        image.paste((255, 255, 255, 255), (5 + i, 5, 20, 9 + 4 * i))
        image.save(place / f"p/{i}.png")
    found = look()
    assert found.alpha_share == 1 and found.vanishing_share == 1


def test_a_sample_estimates_what_all_would_say(place):
    for i in range(120):
        (Image.new("RGB", (20, 20), (i, 99, i)) if i % 4 == 0 else photo(i, 20, 20)).save(place / f"p/{i:03}.png")
    everything, part = look(), look(sample_images=60)
    assert everything.rejected["flat"] == pytest.approx(0.25)
    assert part.looked_at == 60 and part.sampled and part.files == 120
    assert part.rejected["flat"] == pytest.approx(0.25, abs=0.12)


def test_the_sample_depends_on_the_bytes_alone():
    files = [SourceFile(f"{i}", 10, f"{i * 7919 % 1000:064x}") for i in range(100)]
    chosen = choose_sample(files, 10)
    assert chosen == choose_sample(files[::-1], 10) and len(chosen) == 10
    large = [SourceFile(f"{i}", SAMPLE_BYTES // 4, f"{i:064x}") for i in range(300)]
    assert len(choose_sample(large, 300)) == 100


def test_no_image_at_all(place):
    (place / "p/readme.txt").write_text("nothing here")
    with pytest.raises(EmptyDatasetError, match="none of the 1 files of base"):
        look()


def test_files_made_to_break_image_software(place, real_data):
    found = survey("base", FolderParams(path=str(real_data / "hostile/files")), sample_images=200)
    assert found.looked_at == 200
    assert 0.2 < found.unreadable_share < 0.8
    assert np.isfinite(list(found.rejected.values())).all() and found.usable > 20
