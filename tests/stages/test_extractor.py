import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from genimg_core.errors import CorruptFileError, EmptyDatasetError
from genimg_core.metrics.features import load_extractor
from genimg_core.stages.extractor import CHECKS, ExtractorParams, extractor
from genimg_core.store.arrays import write_normalized
from tests.letters import draw_letters

LETTERS = "AGKT"


def write_dataset(folder: Path, classes: tuple[str, ...] = tuple(LETTERS), counts=(300, 20, 60)) -> None:
    folder.mkdir()
    drawn = {split: draw_letters(LETTERS, count, seed, size=16)
             for seed, (split, count) in enumerate(zip(("train", "validation", "test"), counts, strict=True))}
    write_normalized(folder, dataset="base", images={split: images for split, (images, _) in drawn.items()},
                     labels={split: labels % len(classes) for split, (_, labels) in drawn.items()},
                     classes=classes, background="#ffffff")


def run(place: Path, seed: int = 0, **changes):
    for name in ("extractor", "report"):
        (place / name).mkdir(exist_ok=True)
    report = extractor(dataset=place / "normalized", extractor=place / "extractor", report=place / "report", seed=seed,
                       threads=1, params=ExtractorParams(**{"seen_images": 4000} | changes))
    report.write(place / "report", "extractor", None)
    assert [(check.name, check.description, check.blocking) for check in report.checks] == list(CHECKS)
    assert all((place / "report" / picture.file).is_file() for picture in report.pictures)
    return report


def test_learns_the_classes_and_says_what_it_is(tmp_path):
    write_dataset(tmp_path / "normalized")
    report = run(tmp_path)
    eyes = load_extractor(tmp_path / "extractor")
    tree = json.loads((tmp_path / "extractor/settings.json").read_text())
    sha256 = hashlib.sha256((tmp_path / "extractor/weights.safetensors").read_bytes()).hexdigest()
    assert (tree["id"], tree["sha256"]) == (f"cnn-base-{sha256[:8]}", sha256)
    assert (tree["task"], tree["classes"], tree["test_split"]) == ("class", list(LETTERS), "test")
    assert report.metrics["test_accuracy"] == tree["test_accuracy"] > 0.9
    assert not [check for check in report.checks if not check.passed]
    images = np.load(tmp_path / "normalized/images_train.npy")
    assert np.mean(eyes.features(images) ** 2) == pytest.approx(1, rel=1e-4)
    test_images, labels = (np.load(tmp_path / f"normalized/{what}_test.npy") for what in ("images", "labels"))
    assert (eyes.probabilities(test_images).argmax(axis=1) == labels).mean() == tree["test_accuracy"]


def test_learns_from_the_train_split_only(tmp_path):
    weights = []
    for name, counts in (("one", (60, 20, 60)), ("two", (60, 4, 8))):
        (tmp_path / name).mkdir()
        write_dataset(tmp_path / name / "normalized", counts=counts)
        run(tmp_path / name, seen_images=200)
        weights.append(load_extractor(tmp_path / name / "extractor").settings.sha256)
    assert weights[0] == weights[1]


def test_one_class_learns_rotations(tmp_path):
    write_dataset(tmp_path / "normalized", classes=("all",))
    report = run(tmp_path, seen_images=6000)
    settings = load_extractor(tmp_path / "extractor").settings
    assert (settings.task, settings.classes) == ("rotation", ("0", "90", "180", "270"))
    assert report.metrics["test_accuracy"] > 0.5
    assert report.checks[0].threshold == 0.25


def test_nothing_held_out_is_said(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(60, 0, 0))
    run(tmp_path, seen_images=100)
    assert load_extractor(tmp_path / "extractor").settings.test_split == "train"


def test_equal_runs_write_equal_bytes(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(60, 4, 8))
    written = []
    for seed in (0, 0, 1):
        run(tmp_path, seed, seen_images=300)
        files = [*sorted((tmp_path / "extractor").iterdir()), *sorted((tmp_path / "report").iterdir())]
        written.append({file.name: file.read_bytes() for file in files})
    assert written[0] == written[1] != written[2]


def test_bad_input_is_named(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(0, 4, 8))
    with pytest.raises(EmptyDatasetError, match="train split of base is empty"):
        run(tmp_path)
    (tmp_path / "normalized/settings.json").unlink()
    with pytest.raises(CorruptFileError):
        run(tmp_path)
