import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from genimg_core.errors import CorruptFileError, EmptyDatasetError, ParamsError
from genimg_core.stages.evaluate import CHECKS, EvaluateParams, evaluate
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.store.arrays import write_normalized
from tests.letters import draw_letters
from tests.samples import write_samples

LETTERS = "AGKT"


def write_dataset(folder: Path, letters: str = LETTERS, counts=(300, 20, 120), size: int = 16) -> None:
    folder.mkdir()
    drawn = {split: draw_letters(letters, count, seed, size=size)
             for seed, (split, count) in enumerate(zip(("train", "validation", "test"), counts, strict=True))}
    write_normalized(folder, dataset="base", images={split: images for split, (images, _) in drawn.items()},
                     labels={split: labels for split, (_, labels) in drawn.items()}, classes=tuple(letters),
                     background="#ffffff")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A data set, its extractor, and samples as good as real."""
    place = tmp_path_factory.mktemp("evaluate")
    write_dataset(place / "normalized")
    (place / "extractor").mkdir()
    extractor(dataset=place / "normalized", extractor=place / "extractor", report=place, seed=0, threads=1,
              params=ExtractorParams(seen_images=4000))
    images, labels = draw_letters(LETTERS, 160, 7, size=16)
    write_samples(place / "samples", images, [LETTERS[k] for k in labels])
    return place


@pytest.fixture
def place(trained, tmp_path) -> Path:
    for name in ("normalized", "extractor", "samples"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


def run(place: Path, seed: int = 0, **changes):
    for name in ("evaluation", "report"):
        (place / name).mkdir(exist_ok=True)
    report = evaluate(samples=place / "samples", extractor=place / "extractor", dataset=place / "normalized",
                      evaluation=place / "evaluation", report=place / "report", name="latin", seed=seed, threads=1,
                      params=EvaluateParams(**changes))
    report.write(place / "report", "evaluate", "latin")
    assert [(check.name, check.description, check.blocking) for check in report.checks] == list(CHECKS)
    assert all((place / "report" / picture.file).is_file() for picture in report.pictures)
    return report, json.loads((place / "evaluation/scores.json").read_text())


def test_scores_are_written_as_agreed(place):
    report, tree = run(place)
    settings = json.loads((place / "extractor/settings.json").read_text())
    assert (tree["model"], tree["dataset"], tree["images"], tree["real_split"]) == ("latin", "base", 120, "test")
    assert list(tree["scores"]) == [settings["id"]]
    scores = tree["scores"][settings["id"]]
    assert scores["sha256"] == settings["sha256"]
    for name in ("kid", "fd", "coverage"):
        assert set(scores[name]) == {"value", "floor", "low", "high"}
        assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]
        assert all(math.isfinite(value) for value in scores[name].values())
        assert report.metrics[name] == scores[name]["value"]
        assert report.metrics[f"{name}_floor"] == scores[name]["floor"]
    assert set(report.metrics) == {"kid", "kid_floor", "fd", "fd_floor", "coverage", "coverage_floor"}
    assert all(check.passed for check in report.checks)
    assert report.facts["class_agreement"]["generated"] > 0.85
    assert set(report.facts["class_agreement"]["classes"]) == set(LETTERS)


def test_samples_as_good_as_real_reach_the_floor_and_noise_does_not(place):
    _, good = run(place)
    shutil.rmtree(place / "samples")
    noise = np.random.default_rng(0).integers(0, 256, (160, 16, 16, 1)).astype(np.uint8)
    write_samples(place / "samples", noise, [LETTERS[i % 4] for i in range(160)])
    report, bad = run(place)
    good, bad = (next(iter(tree["scores"].values())) for tree in (good, bad))
    assert good["kid"]["low"] <= good["kid"]["floor"] <= good["kid"]["high"]
    assert bad["kid"]["low"] > good["kid"]["high"]
    assert bad["fd"]["low"] > good["fd"]["high"]
    assert bad["coverage"]["high"] < good["coverage"]["low"]
    warning = next(check for check in report.checks if check.name == "coverage_above_floor_share")
    assert (warning.passed, warning.blocking) == (False, False)
    assert report.facts["class_agreement"]["generated"] < 0.6


def test_equal_numbers_on_both_sides(place):
    assert run(place, max_images=50)[1]["images"] == 50
    shutil.rmtree(place / "samples")
    images, labels = draw_letters(LETTERS, 30, 7, size=16)
    write_samples(place / "samples", images, [LETTERS[k] for k in labels])
    assert run(place)[1]["images"] == 30


def test_samples_of_some_classes_are_held_against_those(place):
    shutil.rmtree(place / "samples")
    images, labels = draw_letters("GK", 40, 7, size=16)
    write_samples(place / "samples", images, ["GK"[k] for k in labels])
    report, _ = run(place)
    assert set(report.facts["class_agreement"]["classes"]) == {"G", "K"}
    assert report.metrics["coverage"] > 0.8


def test_a_data_set_of_other_classes_has_no_class_agreement(place):
    shutil.rmtree(place / "normalized")
    shutil.rmtree(place / "samples")
    write_dataset(place / "normalized", letters="BD", counts=(20, 2, 120))
    images, labels = draw_letters("BD", 60, 7, size=16)
    write_samples(place / "samples", images, ["BD"[k] for k in labels])
    report, tree = run(place)
    assert report.facts["class_agreement"] is None
    assert (tree["real_split"], tree["floor_split"], tree["images"]) == ("test", "test", 60)


def test_a_data_set_with_nothing_held_out_is_scored_against_train_and_warns(place):
    shutil.rmtree(place / "normalized")
    write_dataset(place / "normalized", counts=(120, 1, 1))
    report, tree = run(place)
    assert (tree["real_split"], tree["images"]) == ("train", 60)
    assert not next(check for check in report.checks if check.name == "real_images_held_out").passed


def test_equal_runs_write_equal_bytes_and_the_seed_others(place):
    written = []
    for seed in (0, 0, 1):
        run(place, seed, resamples=20)
        files = [*sorted((place / "evaluation").iterdir()), *sorted((place / "report").iterdir())]
        written.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
    assert written[0] == written[1] != written[2]


def test_a_spoilt_sample_is_named(place):
    path = place / "samples/images/000003.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CorruptFileError, match=r"000003\.png cannot be read"):
        run(place)


def test_a_spoilt_extractor_is_named(place):
    path = place / "extractor/weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptFileError, match="sha256 differs"):
        run(place)


def test_images_of_another_kind_are_refused(place):
    shutil.rmtree(place / "samples")
    images, labels = draw_letters(LETTERS, 160, 7, size=16, channels=3)
    write_samples(place / "samples", images, [LETTERS[k] for k in labels])
    with pytest.raises(ParamsError, match="takes grey images"):
        run(place)


def test_classes_that_the_data_set_does_not_have_are_refused(place):
    shutil.rmtree(place / "samples")
    write_samples(place / "samples", draw_letters("Z", 20, 7, size=16)[0], ["Z"] * 20)
    with pytest.raises(CorruptFileError, match="class 'Z'"):
        run(place)


def test_too_few_or_too_equal_images_are_refused(place):
    shutil.rmtree(place / "normalized")
    write_dataset(place / "normalized", counts=(4, 1, 4))
    with pytest.raises(EmptyDatasetError, match="are needed"):
        run(place)
    shutil.rmtree(place / "normalized")
    (place / "normalized").mkdir()
    same = {split: np.full((60, 16, 16, 1), 9, np.uint8) for split in ("train", "validation", "test")}
    write_normalized(place / "normalized", dataset="base", images=same, classes=tuple(LETTERS), background="#ffffff",
                     labels={split: np.arange(60) % 4 for split in same})
    with pytest.raises(EmptyDatasetError, match="distinct real images, not 1"):
        run(place)
