"""What is planted is what its name says, by seed; and what clean says of it is counted rightly."""

import io
import struct

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.cells import Bench
from benchmarks.defects import Truth, glyphs_cell, tally
from benchmarks.planting import KINDS, Kind, Planted, plant

PHOTOS = len(KINDS) * 2 + 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS):
        draws = np.random.default_rng(number)
        small = Image.fromarray(draws.integers(0, 256, (9, 12, 3)).astype(np.uint8))
        small.resize((240, 180), Image.Resampling.BICUBIC).save(folder / f"photo_{number:02d}.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def planted(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted") / "files"
    return folder, plant(photos, folder, 2, seed=5)


def test_a_seed_decides_everything(photos, planted, tmp_path):
    folder, told = planted
    assert plant(photos, tmp_path / "same", 2, seed=5) == told
    for one in told:
        assert (tmp_path / "same" / one.path).read_bytes() == (folder / one.path).read_bytes()
    assert {one.original for one in plant(photos, tmp_path / "other", 2, seed=6) if one.kind == "flat"} != {
        one.original for one in told if one.kind == "flat"}


def test_damage_takes_the_place_of_a_photo_and_copies_come_beside_it(photos, planted):
    folder, told = planted
    assert {kind: sum(one.kind == kind for one in told) for kind in KINDS} == dict.fromkeys(KINDS, 2)
    assert len({one.original for one in told}) == len(told)  # a photo serves one kind
    spoiled = {one.original for one in told if not KINDS[one.kind].copy}
    there = {path.name for path in folder.iterdir()}
    assert there == {path.name for path in photos.iterdir()} - spoiled | {one.path for one in told}
    assert not any(one.kind in one.path for one in told)  # names tell nothing


def test_too_few_photos(photos, tmp_path):
    with pytest.raises(ValueError, match="are needed"):
        plant(photos, tmp_path / "files", 3, seed=0)


def test_each_kind_is_what_it_says(photos, planted):
    folder, told = planted
    for one in told:
        data, original = (folder / one.path).read_bytes(), (photos / one.original).read_bytes()
        check = CHECKS.get(one.kind)
        assert check is None or check(data, original), one
    assert set(CHECKS) | {"text"} == set(KINDS)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


def pixels(data):
    return np.asarray(opened(data), np.float64)


def difference(data, original):
    size = opened(original).size
    return np.abs(np.asarray(opened(data).resize(size), np.float64) - pixels(original)).mean()


CHECKS = {
    "truncated": lambda data, original: len(data) < len(original) and original.startswith(data),
    "empty": lambda data, original: data == b"",
    "damaged_png": lambda data, original: data.startswith(b"\x89PNG") and _differ_in_one_byte(data, original),
    "bomb": lambda data, original: len(data) < 100_000 and _png_pixels(data) > 90_000_000,
    "flat": lambda data, original: pixels(data).std(axis=(0, 1)).max() < 2,
    "tiny": lambda data, original: min(opened(data).size) < 8,
    "strip": lambda data, original: max(opened(data).size) > 8 * min(opened(data).size),
    "dark": lambda data, original: pixels(data).mean() < 8,
    "bright": lambda data, original: pixels(data).mean() > 247,
    "bit_rot": lambda data, original: len(data) == len(original) and data != original,
    "flipped_byte": lambda data, original: len(data) == len(original) and sum(map(int.__ne__, data, original)) == 1,
    "exact_copy": lambda data, original: data == original,
    "lossless_copy": lambda data, original: data != original and (pixels(data) == pixels(original)).all(),
    "reencoded": lambda data, original: data != original and 0 < difference(data, original) < 8,
    "resized": lambda data, original: opened(data).width < 240 and difference(data, original) < 8,
    "retouched": lambda data, original: 0.5 < difference(data, original) < 6,
    "cropped": lambda data, original: 215 < opened(data).width < 240,
    "mirrored": lambda data, original: difference(data, original) > 15,
}


def _png_pixels(data):
    """Out of the header: Pillow would warn."""
    width, height = struct.unpack(">II", data[16:24])
    return width * height


def _differ_in_one_byte(data, original):
    stream = io.BytesIO()
    opened(original).save(stream, "PNG")
    whole = stream.getvalue()
    return len(whole) == len(data) and sum(a != b for a, b in zip(whole, data, strict=True)) == 1


def table(*rows):
    columns = ["path", "image_id", "status", "reason", "duplicate_of"]
    return pd.DataFrame(rows, columns=columns)


def kept(path):
    return path, path, "kept", None, None


def gone(path, reason, root=None, image_id=None):
    return path, image_id or path, "rejected", reason, root


SOME = {"flat": Kind(None, ("flat",)), "copy": Kind(None, ("exact_duplicate", "near_duplicate"), copy=True)}


def told(rows, *planted_files):
    return tally(table(*rows), Truth(list(planted_files), SOME))


def test_a_defect_is_found_by_a_fitting_reason_only():
    result = told([gone("a", "flat"), gone("b", "near_duplicate", "x"), kept("c"), kept("x")],
                  *(Planted(path, "flat", f"{path}0") for path in "abc"))
    assert result["kinds"]["flat"] | {"missed": None} == {
        "planted": 3, "found": 1, "said": {"flat": 1, "near_duplicate": 1, "kept": 1}, "claimed": True, "missed": None}
    assert result["kinds"]["flat"]["missed"] == ["b of b0", "c of c0"]
    assert result["good"] == {"images": 1, "wrongly_rejected": 0, "which": []}


def test_a_copy_is_found_on_either_side_and_its_original_is_not_wrongly_rejected():
    result = told([kept("o1"), gone("c1", "near_duplicate", "o1"),
                   gone("o2", "exact_duplicate", "c2"), kept("c2"),
                   kept("o3"), kept("c3"),
                   gone("o4", "near_duplicate", "o1"), kept("c4")],
                  *(Planted(f"c{n}", "copy", f"o{n}") for n in (1, 2, 3, 4)))
    assert result["kinds"]["copy"]["found"] == 2
    assert result["kinds"]["copy"]["missed"] == ["c3 of o3", "c4 of o4"]
    assert result["good"] == {"images": 4, "wrongly_rejected": 1, "which": ["o4: near_duplicate"]}


def test_a_good_image_that_goes_for_someone_elses_copy_is_wrongly_rejected():
    result = told([kept("o1"), kept("c1"), gone("other", "near_duplicate", "c1")], Planted("c1", "copy", "o1"))
    assert result["good"]["which"] == ["other: near_duplicate"]


def test_what_the_set_holds_twice_is_rightly_rejected_once():
    result = told([kept("a"), gone("b", "exact_duplicate", "a", image_id="a"), kept("exif_Portrait_8.jpg"),
                   gone("exif_Portrait_1.jpg", "near_duplicate", "exif_Portrait_8.jpg"),
                   gone("exif_Landscape_1.jpg", "near_duplicate", "exif_Portrait_8.jpg"),
                   gone("exif_Portrait_2.jpg", "flat")])
    assert result["natural_copies"] == ["b: exact_duplicate", "exif_Portrait_1.jpg: near_duplicate"]
    assert result["good"]["which"] == ["exif_Landscape_1.jpg: near_duplicate", "exif_Portrait_2.jpg: flat"]


@pytest.mark.slow
def test_planted_letters_go_through_the_real_stages(tmp_path):
    result = Bench.for_smoke(tmp_path).measure(glyphs_cell(Bench.for_smoke(tmp_path), "greek_small", 3))
    assert sum(entry["planted"] for entry in result["kinds"].values()) + result["good"]["images"] == 300
    assert all(entry["found"] == entry["planted"] > 0 for entry in result["kinds"].values())
    assert result["good"]["wrongly_rejected"] <= 2
