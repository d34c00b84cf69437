import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genimg_core.errors import CorruptFileError, EmptyDatasetError, ParamsError
from genimg_core.metrics.features import KINDS, load_extractors
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
        shutil.rmtree(place / name, ignore_errors=True)
        (place / name).mkdir()
    report = extractor(dataset=place / "normalized", extractor=place / "extractor", report=place / "report", seed=seed,
                       threads=1, params=ExtractorParams(**{"seen_images": 4000} | changes))
    report.write(place / "report", "extractor", None)
    assert [(check.name, check.description, check.blocking) for check in report.checks] == list(CHECKS)
    assert all((place / "report" / picture.file).is_file() for picture in report.pictures)
    return report


def test_learns_the_classes_and_says_what_it_is(tmp_path):
    write_dataset(tmp_path / "normalized")
    report = run(tmp_path)
    eyes = load_extractors(tmp_path / "extractor")[0]
    tree = json.loads((tmp_path / "extractor/domain_cnn/settings.json").read_text())
    sha256 = hashlib.sha256((tmp_path / "extractor/domain_cnn/weights.safetensors").read_bytes()).hexdigest()
    assert (tree["id"], tree["sha256"]) == (f"cnn-base-{sha256[:8]}", sha256)
    assert report.facts["extractor"]["id"] == tree["id"]
    assert (tree["task"], tree["classes"], tree["test_split"]) == ("class", list(LETTERS), "test")
    assert report.metrics["test_accuracy"] == tree["test_accuracy"] > 0.9
    assert not [check for check in report.checks if not check.passed]
    test_images, labels = (np.load(tmp_path / f"normalized/{what}_test.npy") for what in ("images", "labels"))
    assert (eyes.probabilities(test_images).argmax(axis=1) == labels).mean() == tree["test_accuracy"]


def test_three_extractors_of_one_scale_and_of_different_opinion(tmp_path):
    write_dataset(tmp_path / "normalized")
    report = run(tmp_path, seen_images=640)
    eyes = load_extractors(tmp_path / "extractor")
    assert [tree["kind"] for tree in report.facts["extractors"]] == list(KINDS)
    images = np.load(tmp_path / "normalized/images_train.npy")
    features = [one.features(images) for one in eyes]
    for one, found in zip(eyes, features, strict=True):
        assert np.mean(found**2) == pytest.approx(1, rel=1e-4), one.settings.kind
        assert one.settings.dataset_sha256 == json.loads((tmp_path / "normalized/settings.json").read_text())["sha256"]
    assert not np.allclose(features[0], features[1])
    assert features[1].std(axis=0).max() > 0.05, "random weights tell images apart, too"


def test_another_optimiser_and_augmentation_make_another_network_and_the_same_others(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(60, 4, 20))
    seen = []
    for changes in ({}, {"optimiser": "sgd", "learning_rate": 0.05}, {"augment": {"rotate_degrees": 45}}):
        run(tmp_path, seen_images=640, **changes)
        seen.append([(tmp_path / f"extractor/{kind}/weights.safetensors").read_bytes() for kind in KINDS])
    trained, random, principal = (set(of_kind) for of_kind in zip(*seen, strict=True))
    assert len(trained) == 3 and len(random) == 1 and len(principal) == 1


def test_turning_images_where_right_angles_are_to_be_told_is_refused(tmp_path):
    write_dataset(tmp_path / "normalized", classes=("all",), counts=(20, 4, 8))
    with pytest.raises(ParamsError, match=r"rotate_degrees is 90, but base has one class"):
        run(tmp_path, augment={"rotate_degrees": 90})


def test_learns_from_the_train_split_only(tmp_path):
    weights = []
    for name, counts in (("one", (60, 20, 60)), ("two", (60, 4, 8))):
        (tmp_path / name).mkdir()
        write_dataset(tmp_path / name / "normalized", counts=counts)
        run(tmp_path / name, seen_images=200)
        weights.append([one.settings.sha256 for one in load_extractors(tmp_path / name / "extractor")])
    assert weights[0] == weights[1]


def test_one_class_learns_rotations(tmp_path):
    write_dataset(tmp_path / "normalized", classes=("all",))
    report = run(tmp_path, seen_images=6000)
    settings = load_extractors(tmp_path / "extractor")[0].settings
    assert (settings.task, settings.classes) == ("rotation", ("0", "90", "180", "270"))
    assert report.metrics["test_accuracy"] > 0.5
    assert report.checks[0].threshold == 0.25


def test_nothing_held_out_is_said(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(60, 0, 0))
    run(tmp_path, seen_images=100)
    assert load_extractors(tmp_path / "extractor")[0].settings.test_split == "train"


def test_equal_runs_write_equal_bytes(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(60, 4, 8))
    written = []
    for seed in (0, 0, 1):
        run(tmp_path, seed, seen_images=300)
        files = sorted(path for path in tmp_path.rglob("*") if path.is_file() and "normalized" not in path.parts)
        written.append({str(file.relative_to(tmp_path)): file.read_bytes() for file in files})
    assert written[0] == written[1] != written[2]
    names = {kind: f"extractor/{kind}/weights.safetensors" for kind in KINDS}
    assert len(written[0]) == 8
    assert [written[0][name] == written[2][name] for name in names.values()] == [False, False, True]


def test_bad_input_is_named(tmp_path):
    write_dataset(tmp_path / "normalized", counts=(0, 4, 8))
    with pytest.raises(EmptyDatasetError, match="train split of base is empty"):
        run(tmp_path)
    (tmp_path / "normalized/settings.json").unlink()
    with pytest.raises(CorruptFileError):
        run(tmp_path)
