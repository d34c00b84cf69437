"""The built-in letters: how many, how legible, how spoiled, and the same bytes each time."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genimg_core.sources.glyph_plan import DEFECTS
from genimg_core.sources.glyphs import GlyphsParams, GlyphsSource, draw_glyphs, planted_defects
from genimg_core.sources.typefaces import SCRIPTS, face_files


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """(params, files by path, bytes by path) of 400 training letters and 96 for reference."""
    params = GlyphsParams(script="greek_small", images=400, reference_images=96, defect_share=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("glyphs"))
        source = GlyphsSource(params)
        files = {file.path: file for file in source.scan({})}
        return params, files, dict(source.contents(files.keys()))


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.int16)


def test_counts_splits_and_balance(drawn):
    _, files, _ = drawn
    assert Counter(file.split for file in files.values()) == {"train": 400, "test": 96}
    reference = Counter(file.label for file in files.values() if file.split == "test")
    assert reference == dict.fromkeys(SCRIPTS["greek_small"].names, 4)
    training = Counter(file.label for file in files.values() if file.split == "train" and file.label)
    assert set(training) == set(SCRIPTS["greek_small"].names)
    assert min(training.values()) >= 14 and max(training.values()) <= 19


def test_names_tell_nothing(drawn):
    params, files, _ = drawn
    assert sorted(files) == [f"img_{number:06d}.png" for number in range(496)]
    places = [int(defect.path[4:10]) for defect in planted_defects(params)]
    assert min(places) < 100 and max(places) > 396
    reference = [int(path[4:10]) for path, file in files.items() if file.split == "test"]
    assert min(reference) < 50 and max(reference) > 446


def test_what_was_planted_is_what_is_there(drawn):
    params, files, contents = drawn
    planted = planted_defects(params)
    assert Counter(defect.kind for defect in planted) == dict.fromkeys(DEFECTS, 5)
    assert all(files[defect.path].split == "train" for defect in planted)
    for defect in planted:
        data = contents[defect.path]
        if defect.kind == "truncated":
            with pytest.raises(OSError):
                Image.open(io.BytesIO(data)).load()
        elif defect.kind == "empty":
            assert data == b""
        elif defect.kind == "text":
            assert data.decode("ascii").endswith(".\n")
        elif defect.kind == "flat":
            assert _pixels(data).std() == 0
        elif defect.kind == "tiny":
            assert max(_pixels(data).shape) < 8
        elif defect.kind == "exact_copy":
            assert data == contents[defect.original]
        elif defect.kind == "near_copy":
            difference = _pixels(data) - _pixels(contents[defect.original])
            assert data != contents[defect.original] and 0 < np.abs(difference).max() <= 5
        else:
            assert files[defect.path].label is None and _pixels(data).shape == (32, 32)
    assert sum(file.label is None for file in files.values()) == 5


def test_copies_bear_their_originals_label(drawn):
    params, files, _ = drawn
    copies = [defect for defect in planted_defects(params) if defect.original]
    assert len({copy.original for copy in copies}) == len(copies) == 10
    assert all(files[copy.path].label == files[copy.original].label for copy in copies)


def test_the_others_are_good_letters(drawn):
    params, _, contents = drawn
    planted = {defect.path for defect in planted_defects(params)}
    good = {path: data for path, data in contents.items() if path not in planted}
    assert len({hashlib.sha256(data).hexdigest() for data in good.values()}) == len(good)
    for data in good.values():
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.mode, image.size) == ("PNG", "L", (32, 32))
        pixels = np.asarray(image, np.int16)
        ink = 1 - pixels / 255
        assert 0.02 < ink.mean() < 0.4, "a letter is neither a speck nor a blot"
        assert pixels.min() < 130 and pixels.max() == 255
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert edge.min() == 255, "no letter touches the edge"


def _centred(data: bytes) -> np.ndarray:
    """Ink, 0..1, its bounding box in the middle, of one total darkness."""
    ink = 255.0 - _pixels(data)
    rows, columns = np.nonzero(ink.max(axis=1) > 64)[0], np.nonzero(ink.max(axis=0) > 64)[0]
    middle = np.roll(ink, (16 - (rows[0] + rows[-1]) // 2, 16 - (columns[0] + columns[-1]) // 2), axis=(0, 1))
    return middle.ravel() / np.linalg.norm(middle)


def test_letters_can_be_told_apart_by_their_pixels(drawn):
    # A stand-in for a reader: the most alike training image names most letters right (1 of 24 would be chance).
    params, files, contents = drawn
    planted = {defect.path for defect in planted_defects(params)}
    split = {
        name: [path for path, file in files.items() if file.split == name and path not in planted]
        for name in ("train", "test")
    }
    alike = (
        np.stack([_centred(contents[path]) for path in split["test"]])
        @ np.stack([_centred(contents[path]) for path in split["train"]]).T
    )
    named = [files[split["train"][place]].label for place in alike.argmax(axis=1)]
    assert np.mean([label == files[path].label for label, path in zip(named, split["test"], strict=True)]) > 0.7


def test_the_same_bytes_each_time_and_others_for_another_seed(tmp_path):
    def digests(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    params = GlyphsParams(images=40)
    first, second = draw_glyphs(params, tmp_path / "a"), draw_glyphs(params, tmp_path / "b")
    assert digests(first) == digests(second) and len(digests(first)) == 41
    other = draw_glyphs(GlyphsParams(images=40, seed=1), tmp_path / "a")
    assert other != first and set(digests(other).values()).isdisjoint(
        set(digests(first).values()) - {hashlib.sha256(b"").hexdigest()}
    )


def test_drawn_once_whole_or_not_at_all(tmp_path, monkeypatch):
    params = GlyphsParams(images=20)
    folder = draw_glyphs(params, tmp_path)
    before = (folder / "labels.csv").stat().st_mtime_ns
    assert draw_glyphs(params, tmp_path) == folder and (folder / "labels.csv").stat().st_mtime_ns == before

    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("genimg_core.sources.glyph_drawing._png", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_glyphs(GlyphsParams(images=21), tmp_path)
    assert list(tmp_path.iterdir()) == [folder]


def test_without_reference_there_is_no_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {file.split for file in GlyphsSource(GlyphsParams(images=30)).scan({})} == {None}


@pytest.mark.parametrize("images", [1, 2, 3, 12])
def test_few_images_with_many_defects(tmp_path, images):
    params = GlyphsParams(images=images, defect_share=0.5)
    assert len(list((draw_glyphs(params, tmp_path) / "files").iterdir())) == images
    assert len(planted_defects(params)) == round(images / 2)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_every_face_has_every_letter(script):
    from PIL import ImageFont

    entry = SCRIPTS[script]
    assert len(entry.letters) == len(entry.names) == len(set(entry.names)) and all(
        name.isascii() for name in entry.names
    )
    assert len(entry.faces) == (12 if script == "georgian" else 16)
    for face in face_files(script):
        font = ImageFont.truetype(str(face), 64)
        missing = bytes(font.getmask("\U0010fffd"))
        shapes = [bytes(font.getmask(letter)) for letter in entry.letters]
        assert missing not in shapes and len(set(shapes)) == len(shapes), face
