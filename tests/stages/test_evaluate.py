import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genimg_core.errors import CorruptFileError, EmptyDatasetError, GateFailedError, ParamsError
from genimg_core.metrics.features import KINDS
from genimg_core.stages.evaluate import CHECKS, STAGE, EvaluateParams, evaluate
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.stages.runner import run_stage
from genimg_core.store.arrays import write_normalized
from tests.letters import draw_letters
from tests.samples import write_samples

LETTERS = "AGKT"


def unlike(train: np.ndarray, letters: str, count: int, seed: int, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Letters so small are often drawn as training images were; cleaning leaves one of two such, and so does this."""
    images, labels = draw_letters(letters, 3 * count, seed, size=size)
    distances = cdist(images.reshape(len(images), -1).astype(float), train.reshape(len(train), -1).astype(float))
    kept = np.flatnonzero(distances.min(axis=1, initial=np.inf) > 12 * size)[:count]
    return images[kept], labels[kept]


def write_dataset(folder: Path, letters: str = LETTERS, counts=(300, 20, 120), size: int = 16) -> None:
    folder.mkdir()
    drawn = {"train": draw_letters(letters, counts[0], 0, size=size)}
    for seed, split in ((1, "validation"), (2, "test")):
        drawn[split] = unlike(drawn["train"][0], letters, counts[seed], seed, size)
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
    images, labels = unlike(np.load(place / "normalized/images_train.npy"), LETTERS, 160, 7)
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


def check_of(report, name: str):
    return next(check for check in report.checks if check.name == name)


def replace_samples(place: Path, images: np.ndarray, labels: list[str] | None = None) -> None:
    shutil.rmtree(place / "samples")
    write_samples(place / "samples", images, labels or [LETTERS[i % 4] for i in range(len(images))])


def test_scores_are_written_as_agreed(place):
    report, tree = run(place)
    settings = {kind: json.loads((place / f"extractor/{kind}/settings.json").read_text()) for kind in KINDS}
    assert (tree["model"], tree["dataset"], tree["images"], tree["real_split"]) == ("latin", "base", 120, "test")
    assert tree["lead"] == settings["domain_cnn"]["id"]
    assert set(tree["scores"]) == set(tree["baseline"]["scores"]) == {one["id"] for one in settings.values()}
    for kind, one in settings.items():
        scores, plain = tree["scores"][one["id"]], tree["baseline"]["scores"][one["id"]]
        assert (scores["sha256"], scores["kind"]) == (one["sha256"], kind)
        assert set(scores) - {"sha256", "kind"} == set(plain) == set(tree["notes"])
        for name in plain:
            for found in (scores[name], plain[name]):
                assert set(found) == {"value", "floor", "low", "high"}
                assert found["low"] <= found["value"] <= found["high"]
                assert all(math.isfinite(value) for value in found.values())
            assert scores[name]["floor"] == plain[name]["floor"]
    assert tree["baseline"]["what"].startswith("PCA-Gaussian")
    assert tree["memorization"]["held_out_images"] == 140 and tree["copycat"]["caught"] is True
    for key, value in tree.items():
        assert report.facts[key] == value
    assert report.facts["class_agreement"]["generated"] > 0.85
    assert set(report.facts["class_agreement"]["classes"]) == set(LETTERS)


def test_metrics_are_flat_and_of_the_leading_extractor(place):
    report, tree = run(place)
    scores = tree["scores"][tree["lead"]]
    wanted = {name: scores[name]["value"] for name in ("kid", "fd", "precision", "recall", "density", "coverage")}
    wanted |= {f"{name}_floor": scores[name]["floor"] for name in ("kid", "fd", "coverage")}
    wanted |= {f"copied_share_{space}": tree["memorization"][space]["copied_share"]["value"]
               for space in ("pixels", "features")}
    assert report.metrics == wanted | {"baseline_kid": tree["baseline"]["scores"][tree["lead"]]["kid"]["value"]}


def test_samples_as_good_as_real_pass_every_gate_and_the_baseline_is_worse(place):
    report, tree = run(place)
    assert [check.name for check in report.checks if not check.passed] == []
    for kind in ("domain_cnn", "random_cnn"):  # by pixel_pca a Gaussian is, by its making, almost real
        (name,) = [eye for eye, scores in tree["scores"].items() if scores["kind"] == kind]
        scores, plain = tree["scores"][name], tree["baseline"]["scores"][name]
        assert plain["fd"]["low"] > scores["fd"]["high"], kind
    assert report.metrics["baseline_kid"] > report.metrics["kid"] + 0.05


def test_a_copier_has_the_best_scores_and_fails_its_gate(place):
    train = np.load(place / "normalized/images_train.npy")
    replace_samples(place, train[:160], [LETTERS[k] for k in np.load(place / "normalized/labels_train.npy")[:160]])
    report, tree = run(place)
    assert [check.name for check in report.failed] == ["memorization"]
    check = check_of(report, "memorization")
    assert (check.observed, check.threshold) == (1, 0.2) and "evaluate.max_copied_share" in check.description
    assert tree["memorization"]["pixels"]["distance_ratio"]["value"] == 0
    assert not run(place, max_copied_share=1)[0].failed


def test_a_collapsed_model_fails_its_gate(place):
    images = np.repeat(np.load(place / "normalized/images_test.npy")[:1], 160, axis=0)
    replace_samples(place, images)
    report, _ = run(place)
    assert "coverage_above_floor_share" in {check.name for check in report.failed}
    assert check_of(report, "coverage_above_floor_share").observed < 0.1
    assert "coverage_above_floor_share" not in {check.name for check in run(place, min_coverage_share=0)[0].failed}


def test_a_model_worse_than_the_baseline_fails_its_gate(place):
    replace_samples(place, np.random.default_rng(0).integers(0, 256, (160, 16, 16, 1)).astype(np.uint8))
    report, _ = run(place)
    check = check_of(report, "better_than_baseline")
    assert check in report.failed
    assert check.observed == report.metrics["kid"] > check.threshold == report.metrics["baseline_kid"]
    report, _ = run(place, require_better_than_baseline=False)
    assert check_of(report, "better_than_baseline").threshold == "not required"
    assert "better_than_baseline" not in {check.name for check in report.failed}


def test_too_few_held_out_images_leave_memorization_open_and_say_why(place):
    shutil.rmtree(place / "normalized")
    write_dataset(place / "normalized", counts=(120, 3, 12))
    report, tree = run(place)
    assert "15 held-out images are too few" in tree["memorization"]["why"]
    assert tree["copycat"] is None and "copied_share_pixels" not in report.metrics
    assert check_of(report, "memorization").passed and not check_of(report, "copycat_caught").passed
    assert not report.failed
    assert [picture.file for picture in report.pictures] == ["generated_and_real.png", "quiz.png", "memorization.png"]


def test_a_failed_gate_shows_figures_params_and_where_the_report_lies(place, monkeypatch):
    """As `genimg evaluate` tells it."""
    monkeypatch.chdir(place)
    replace_samples(place, np.random.default_rng(0).integers(0, 256, (160, 16, 16, 1)).astype(np.uint8))
    (place / "params.yaml").write_text("seed: 0\nthreads: 1\nevaluate: {resamples: 20}\n")
    paths = {name: Path(name) for name in ("samples", "extractor", "evaluation")} | {"dataset": Path("normalized")}
    with pytest.raises(GateFailedError) as caught:
        run_stage(STAGE, "latin", paths, Path("report"), Path("metrics.json"))
    for words in ("observed 0", "threshold 0.25", "evaluate.min_coverage_share", "PCA-Gaussian",
                  "evaluate.require_better_than_baseline", ".genimg/gates/evaluate-latin/report.json"):
        assert words in str(caught.value), words
    gate = json.loads((place / ".genimg/gates/evaluate-latin/report.json").read_text())
    assert gate["scores"][gate["lead"]]["kid"]["value"] > 0
    assert (place / ".genimg/gates/evaluate-latin/memorization.png").is_file()
    assert not (place / "evaluation").exists()


def test_pictures_are_of_modest_size(place):
    run(place)
    for name in ("generated_and_real.png", "memorization.png"):
        assert 2000 < (place / "report" / name).stat().st_size < 150_000


def test_samples_as_good_as_real_reach_the_floor_and_noise_does_not(place):
    _, good = run(place)
    shutil.rmtree(place / "samples")
    noise = np.random.default_rng(0).integers(0, 256, (160, 16, 16, 1)).astype(np.uint8)
    write_samples(place / "samples", noise, [LETTERS[i % 4] for i in range(160)])
    report, bad = run(place)
    good, bad = (tree["scores"][tree["lead"]] for tree in (good, bad))
    assert good["kid"]["low"] <= good["kid"]["floor"] <= good["kid"]["high"]
    assert bad["kid"]["low"] > good["kid"]["high"]
    assert bad["fd"]["low"] > good["fd"]["high"]
    assert bad["coverage"]["high"] < good["coverage"]["low"]
    gate = check_of(report, "coverage_above_floor_share")
    assert (gate.passed, gate.blocking) == (False, True)
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
    assert not check_of(report, "real_images_held_out").passed


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
    path = place / "extractor/pixel_pca/weights.safetensors"
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
