"""Copies: which one is kept, and what is known of it."""

import io

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from genimg_core.imaging.decode import DecodeLimits
from genimg_core.imaging.fit import ImageForm
from genimg_core.imaging.profile import profile_image
from genimg_core.quality.duplicates import find_duplicates, join_knowledge
from tests.pictures import encoded, photo

FORM = ImageForm(32, 3, "pad", "#ffffff")


def profiled(files: dict[str, bytes]) -> tuple[pd.DataFrame, np.ndarray]:
    profiles = [profile_image(data, FORM, DecodeLimits()) for data in files.values()]
    table = pd.DataFrame([profile.figures for profile in profiles]).assign(path=list(files), row=range(len(files)))
    return table, np.stack([profile.thumbnail for profile in profiles])


def kept(files: dict[str, bytes], max_rmse: float | None = 5.0, usable: list[bool] | None = None) -> dict[str, str]:
    table, thumbnails = profiled(files)
    found = find_duplicates(table, np.array(usable or [True] * len(table)), thumbnails, radius=5, max_rmse=max_rmse)
    paths = list(files)
    return {paths[i]: paths[j] for i, j in enumerate(found.kept) if i != j}


def test_exact_copies_go_to_the_first_path():
    data = encoded(photo(1))
    assert kept({"a": data, "b": data, "c": encoded(photo(2)), "d": encoded(photo(1), "BMP")}) == {"b": "a", "d": "a"}


def test_near_copies_go_to_the_largest_then_the_sharpest():
    large, small = photo(1, 200, 200), photo(1, 200, 200).resize((100, 100))
    files = {"a": encoded(small), "b": encoded(large, "JPEG", quality=60), "c": encoded(photo(2, 200, 200))}
    assert kept(files) == {"a": "b"}
    noise = np.random.default_rng(0).normal(0, 6, (64, 64, 3))
    textured = Image.fromarray(np.clip(np.asarray(photo(1, 64, 64)) + noise, 0, 255).astype(np.uint8))
    blurred = textured.filter(ImageFilter.GaussianBlur(1))
    assert kept({"a": encoded(blurred), "b": encoded(textured)}) == {"a": "b"}
    assert kept(files, max_rmse=None) == {}


def test_a_copy_of_a_near_copy_goes_too():
    large, small = encoded(photo(1, 200, 200)), encoded(photo(1, 200, 200).resize((100, 100)))
    assert kept({"a": small, "b": large, "c": small}) == {"a": "b", "c": "b"}


def test_what_is_not_usable_is_not_looked_at():
    data = encoded(photo(1))
    assert kept({"a": data, "b": data, "c": data}, usable=[False, True, True]) == {"c": "b"}
    assert kept({"a": data, "b": data}, usable=[False, False]) == {}


def test_other_pictures_stay():
    assert kept({f"{seed}": encoded(photo(seed)) for seed in range(60)}) == {}


def test_a_shape_is_part_of_a_picture():
    assert kept({"a": encoded(photo(1, 60, 60)), "b": encoded(photo(1, 60, 60).resize((120, 60)))}) == {}


def rows(*values: tuple) -> pd.DataFrame:
    return pd.DataFrame(values, columns=["image_id", "label", "split"])


def test_a_kept_copy_learns_what_its_copies_agree_on():
    table = rows(("3", None, None), ("1", "a", "test"), ("2", None, None), ("9", "z", "train"))
    known, conflicts = join_knowledge(table, np.array([0, 0, 0, 3]))
    assert known.loc[0].tolist() == ["a", "test", "1"]
    assert known["cluster"].tolist() == ["1", "1", "1", "9"]
    assert known.loc[3].tolist() == ["z", "train", "9"]
    assert conflicts == []


def test_a_cluster_is_as_far_from_training_as_its_farthest_member():
    table = rows(
        ("1", "a", "train"), ("2", "b", "test"), ("3", "a", "validation"), ("4", "a", "train"), ("5", "a", "validation")
    )
    known, conflicts = join_knowledge(table, np.array([0, 0, 0, 3, 3]))
    assert known["split"].tolist()[0] == "test"
    assert known["split"].tolist()[3] == "validation"
    assert known["label"].tolist()[0] == "a", "its own label stays"
    assert [(c.row, c.labels, c.splits) for c in conflicts] == [
        (0, ("a", "b"), ("test", "train", "validation")),
        (3, (), ("train", "validation")),
    ]


def test_a_copy_whose_sides_round_otherwise_is_found():
    whole = photo(3, 500, 333)
    files = {"a": encoded(whole, "JPEG", quality=92), "b": encoded(whole.resize((297, 198)), "JPEG", quality=80),
             "c": encoded(whole.resize((163, 109)), "PNG")}
    assert kept(files) == {"b": "a", "c": "a"}


def test_stretched_to_another_shape_it_is_another_picture():
    whole = photo(3, 300, 200)
    assert kept({"a": encoded(whole), "b": encoded(whole.resize((300, 300)))}) == {}


def textured(seed: int, width: int, height: int) -> Image.Image:
    """A photo with detail of every size: there copies differ that were reduced by another factor."""
    draw = np.random.default_rng(seed)
    pixels = np.asarray(photo(seed, width, height), float)
    for side in (48, 24, 12, 6, 3):
        coarse = draw.integers(0, 256, (height // side + 1, width // side + 1), np.uint8)
        pixels += (np.asarray(Image.fromarray(coarse).resize((width, height), 3), float)[..., None] - 128) / 2
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def test_copies_are_found_however_their_files_are_decoded():
    """A decoder halves a JPEG as it decodes, a box filter reduces other formats, by a factor that the size decides."""
    files = {}
    for seed, (width, height) in enumerate([(320, 213), (500, 332), (240, 160), (900, 500), (640, 200)]):
        image = textured(seed, width, height)
        jpeg = encoded(image, "JPEG", quality=90)
        files[f"{seed}.jpg"] = jpeg
        files[f"{seed}.lossless.png"] = encoded(Image.open(io.BytesIO(jpeg)))
        for share in (0.85, 0.7, 0.45):
            small = image.resize((round(width * share), round(height * share)))
            files[f"{seed}.{share}.jpg"] = encoded(small, "JPEG", quality=88)
    found = kept(files)
    assert all(name[0] == other[0] for name, other in found.items())
    assert [name[0] for name in files if name not in found] == list("01234"), "one of each picture stays"
