import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genimg_core.errors import CorruptFileError, EmptyDatasetError, TrainingError
from genimg_core.stages.label import CHECKS, LabelParams, label
from genimg_core.store.manifest import DOUBTFUL_COLUMNS, LABELS_COLUMNS, read_table, write_table
from tests.letters import draw_letters

TINY = LabelParams(seen_images=4000)


@pytest.fixture
def place(tmp_path) -> Path:
    for name in ("profile", "clean", "labels", "report"):
        (tmp_path / name).mkdir()
    return tmp_path


def write_clean(place: Path, images: np.ndarray, labels: list[str | None],
                rejected: tuple[int, ...] = ()) -> pd.DataFrame:
    """The images in reverse order of the rows, so that a row's index and its `row` differ."""
    count = len(labels)
    ids = [hashlib.sha256(f"{i}".encode()).hexdigest() for i in range(count)]
    frame = pd.DataFrame({
        "image_id": ids, "path": [f"{i:04}.png" for i in range(count)], "label": labels, "split": None,
        "row": np.arange(count)[::-1].astype(np.int32),
        "status": ["rejected" if i in rejected else "kept" for i in range(count)],
        "reason": ["flat" if i in rejected else None for i in range(count)], "detail": None, "duplicate_of": None,
        "cluster": ids})
    np.save(place / "profile/images.npy", images[::-1], allow_pickle=False)
    write_table(frame, place / "clean/clean.parquet")
    return frame


def run(place: Path, params: LabelParams = TINY):
    report = label(profile=place / "profile", clean=place / "clean", labels=place / "labels", report=place / "report",
                   name="base", seed=0, threads=1, params=params)
    report.write(place / "report", "label", "base")
    table = read_table(place / "labels/labels.parquet")
    settings = json.loads((place / "labels/settings.json").read_text())
    assert [(check.name, check.description, check.blocking) for check in report.checks] == list(CHECKS)
    assert all((place / "report" / picture.file).is_file() for picture in report.pictures)
    assert set(LABELS_COLUMNS) <= set(table.columns)
    assert report.facts["kept"] + sum(report.facts["rejected"].values()) == report.facts["collected"] == len(table)
    return report, table, settings


def test_given_labels_stay_and_the_missing_ones_are_predicted(place):
    images, truth = draw_letters("AKT", 300, 1, size=16)
    labels = [None if i % 10 == 0 else "AKT"[k] for i, k in enumerate(truth)]
    clean = write_clean(place, images, labels, rejected=(3, 10))
    report, table, settings = run(place)
    kept = table["status"] == "kept"
    assert table["path"].equals(clean["path"])
    given = kept & clean["label"].notna()
    assert (table.loc[given, "label"] == clean.loc[given, "label"]).all()
    assert (table.loc[given, ["label_source", "label_confidence"]] == ["given", 1.0]).all(axis=None)
    predicted = table[table["label_source"] == "predicted"]
    right = predicted["label"].to_numpy() == np.array(list("AKT"))[truth[predicted.index]]
    assert len(predicted) >= 25
    assert right.mean() > 0.9
    assert predicted["label_confidence"].between(0.5, 1).all()
    assert table.loc[[3, 10], ["label", "label_source", "label_confidence"]].isna().all(axis=None)
    assert settings["classes"] == ["A", "K", "T"]
    assert report.metrics["given"] == 269
    assert report.metrics["predicted"] + report.metrics["uncertain"] == 29
    assert report.metrics["labeller_accuracy"] > 0.8
    assert not report.failed
    assert [picture.file for picture in report.pictures] == ["classes.png", "predicted.png"]


def test_an_uncertain_prediction_rejects_the_row_and_says_what_it_would_have_been(place):
    images, truth = draw_letters("AB", 60, 1, size=8)
    images[:6] = np.random.default_rng(0).integers(0, 256, images[:6].shape)
    write_clean(place, images, [None if i < 6 else "AB"[k] for i, k in enumerate(truth)])
    report, table, _ = run(place, LabelParams(seen_images=64, min_confidence=0.999))
    lost = table[:6]
    assert (lost["status"] == "rejected").all()
    assert (lost["reason"] == "label_uncertain").all()
    assert lost["detail"].str.fullmatch(r"[AB] at 0\.\d\d").all()
    assert lost["label"].isna().all()
    assert report.facts["rejected"] == {"label_uncertain": 6}
    warning = next(check for check in report.checks if check.name == "few_labels_uncertain")
    assert (warning.passed, warning.observed, warning.blocking) == (False, 1.0, False)


def test_all_given_trains_nothing(place):
    images, truth = draw_letters("AB", 20, 1, size=8)
    write_clean(place, images, ["AB"[k] for k in truth])
    report, table, settings = run(place)
    assert (table["label_source"] == "given").all()
    assert settings == {"classes": ["A", "B"], "labeller": None}
    assert "labeller_accuracy" not in report.metrics


def test_no_label_at_all_is_the_one_class_all(place):
    write_clean(place, draw_letters("AB", 20, 1, size=8)[0], [None] * 20, rejected=(7,))
    report, table, settings = run(place)
    kept = table[table["status"] == "kept"]
    assert (kept[["label", "label_source", "label_confidence"]] == ["all", "none", 1.0]).all(axis=None)
    assert settings["classes"] == ["all"]
    assert report.metrics == {"classes": 1, "given": 0, "predicted": 0, "none": 19, "uncertain": 0}


def test_one_class_is_given_to_the_rest(place):
    write_clean(place, draw_letters("A", 20, 1, size=8)[0], ["A"] * 8 + [None] * 12)
    report, table, _ = run(place)
    assert (table["label"] == "A").all()
    assert (table.loc[8:, "label_source"] == "predicted").all()
    assert (table.loc[8:, "label_confidence"] == 0.9).all()
    assert report.facts["labeller"] == {"trained_on": 0, "held_out": 0, "accuracy": None}


def test_classes_of_one_image_in_colour(place):
    images, truth = draw_letters("ABCDEFGHIJKLM", 20, 1, size=8, channels=3)
    write_clean(place, images, [None if i >= 13 else "ABCDEFGHIJKLM"[k] for i, k in enumerate(truth)])
    _, _, settings = run(place, LabelParams(seen_images=200, min_confidence=0))
    assert settings["classes"] == list("ABCDEFGHIJKLM")
    assert settings["labeller"]["accuracy"] is None


def test_equal_runs_write_equal_bytes(place):
    images, truth = draw_letters("AB", 40, 1, size=8)
    write_clean(place, images, [None if i < 5 else "AB"[k] for i, k in enumerate(truth)])
    hashes = []
    for _ in range(2):
        run(place, LabelParams(seen_images=500))
        files = [*sorted((place / "labels").iterdir()), *sorted((place / "report").iterdir())]
        hashes.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 5


LETTERS = "AGKMRSTX"


def plant(place: Path, count: int = 480, unlabelled: int = 0) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """The clean table, its rows with a wrong label, and the true labels; the last rows have none."""
    images, truth = draw_letters(LETTERS, count, 1, size=16)
    given = truth.copy()
    wrong = np.arange(0, count - unlabelled, 30)
    given[wrong] = (given[wrong] + 3) % len(LETTERS)
    labels = [LETTERS[k] if i < count - unlabelled else None for i, k in enumerate(given)]
    return write_clean(place, images, labels), wrong, [LETTERS[k] for k in truth]


def test_label_errors_are_listed_and_stay_by_default(place):
    clean, wrong, truth = plant(place, unlabelled=10)
    report, table, _ = run(place, LabelParams(seen_images=4000, check_labels=True, check_seen_images=5000))
    doubtful = read_table(place / "labels/doubtful.parquet")
    assert list(doubtful.columns) == list(DOUBTFUL_COLUMNS)
    places = clean.set_index("image_id").index.get_indexer(doubtful["image_id"])
    hits = np.isin(places, wrong)
    assert hits.sum() >= 8
    assert hits.mean() >= 0.8
    assert (doubtful["given"].to_numpy() == clean["label"].to_numpy()[places]).all()
    assert (doubtful["suggested"].to_numpy()[hits] == np.array(truth)[places[hits]]).all()
    assert (doubtful["path"].to_numpy() == clean["path"].to_numpy()[places]).all()
    assert doubtful["given_confidence"].is_monotonic_increasing
    assert doubtful[["confidence", "given_confidence"]].to_numpy().min() >= 0
    assert doubtful[["confidence", "given_confidence"]].to_numpy().max() <= 1
    given = table["label_source"] == "given"
    assert (table.loc[given, "label"] == clean.loc[given, "label"]).all()
    assert given.sum() == 470
    told = report.facts["label_check"]
    assert (told["judged"], told["unjudged"], told["doubtful"]) == (470, 0, len(doubtful))
    assert report.metrics["doubtful_labels"] == len(doubtful) == told["by_rule"]["unlikely"]
    assert 0 < report.metrics["check_ece"] < report.metrics["check_ece_uncalibrated"] < 0.5
    assert [picture.file for picture in report.pictures] == [
        "classes.png", "predicted.png", "check_reliability.png", "doubtful.png"]


def test_doubtful_labels_are_taken_away_and_predicted_anew(place):
    clean, _, truth = plant(place)
    _, table, _ = run(place, LabelParams(seen_images=4000, check_labels=True, check_seen_images=5000,
                                         label_errors="unlabel"))
    doubtful = set(read_table(place / "labels/doubtful.parquet")["path"])
    changed = table["path"].isin(doubtful)
    assert set(table.loc[changed, "label_source"].dropna()) == {"predicted"}
    assert (table.loc[~changed, "label_source"] == "given").all()
    right = table["label"] == pd.Series(truth)
    assert right[changed].mean() > 0.7
    assert len(table) == len(clean)
    assert (table.loc[changed & table["label"].isna(), "reason"] == "label_uncertain").all()


def test_suggested_labels_are_taken_where_they_are_likely_enough(place):
    _, wrong, truth = plant(place)
    report, table, _ = run(place, LabelParams(check_labels=True, check_seen_images=5000, label_errors="relabel"))
    doubtful = read_table(place / "labels/doubtful.parquet").set_index("path")
    changed = table[table["label_source"] == "predicted"].set_index("path")
    sure = doubtful[doubtful["confidence"] >= 0.5]
    assert changed.loc[sure.index, "label"].tolist() == sure["suggested"].tolist()
    assert changed.loc[sure.index, "label_confidence"].tolist() == sure["confidence"].tolist()
    assert (table["label"].to_numpy() == np.array(truth)).mean() > 1 - len(wrong) / 480
    assert not report.failed


def test_labels_that_are_mostly_doubtful_are_not_changed(place):
    images, truth = draw_letters("AKT", 240, 1, size=16)
    draws = np.random.default_rng(0)
    write_clean(place, images, ["AKT"[k] for k in draws.permutation(truth)])
    params = LabelParams(check_labels=True, check_seen_images=500, doubt_below=1.0, label_errors="relabel")
    with pytest.raises(TrainingError, match=r"of the 240 labels of data set 'base' are doubtful: too many to relabel"):
        run(place, params)


def test_a_check_writes_equal_bytes_and_no_check_writes_no_list(place):
    plant(place, 120, unlabelled=5)
    hashes = []
    for _ in range(2):
        run(place, LabelParams(seen_images=500, check_labels=True, check_seen_images=500, doubt_below=1.0))
        files = [*sorted((place / "labels").iterdir()), *sorted((place / "report").iterdir())]
        hashes.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert hashes[0] == hashes[1]
    assert {"doubtful.parquet", "doubtful.png", "check_reliability.png"} <= {name for name, _ in hashes[0]}
    (place / "labels/doubtful.parquet").unlink()
    report, _, _ = run(place, LabelParams(seen_images=500))
    assert not (place / "labels/doubtful.parquet").exists()
    assert not {"label_check", "calibration"} & set(report.facts), "too few are held out to calibrate anything"
    assert not any("ece" in name for name in report.metrics)


def test_without_labels_there_is_nothing_to_doubt(place):
    write_clean(place, draw_letters("AB", 20, 1, size=8)[0], [None] * 20)
    report, table, _ = run(place, LabelParams(check_labels=True, label_errors="relabel"))
    assert (table["label"] == "all").all()
    assert len(read_table(place / "labels/doubtful.parquet", DOUBTFUL_COLUMNS)) == 0
    assert report.facts["label_check"] == {"judged": 0, "unjudged": 0, "agreed": None, "rule": "unlikely",
                                           "by_rule": {"unlikely": 0, "confident_joint": 0}, "doubtful": 0,
                                           "action": "relabel", "calibration": None}


def test_predicted_confidence_is_calibrated_where_enough_is_held_out(place):
    images, truth = draw_letters("AKT", 500, 1, size=16)
    write_clean(place, images, [None if i < 20 else "AKT"[k] for i, k in enumerate(truth)])
    report, table, _ = run(place, LabelParams(seen_images=2000, held_out_share=0.4))
    told = report.facts["calibration"]
    assert told["examples"] == report.facts["labeller"]["held_out"] == 192
    assert report.metrics["labeller_ece"] == told["ece_after"] < told["ece_before"]
    assert report.metrics["labeller_ece_uncalibrated"] == told["ece_before"]
    from genimg_core.labels.calibration import Calibration
    from genimg_core.labels.predict import train_labeller
    from genimg_core.models.classifier.settings import ClassifierSettings
    from genimg_core.training.devices import computing

    clean = read_table(place / "clean/clean.parquet")
    with computing("cpu", 1):
        trained = train_labeller(np.load(place / "profile/images.npy"), clean, ClassifierSettings(seen_images=2000),
                                 0.4, 0)
        rows = clean["row"].to_numpy()[:20]
        raw, scaled = (trained.scores(np.load(place / "profile/images.npy"), rows, c) for c in (False, True))
    assert isinstance(trained.calibration, Calibration)
    assert scaled.max(axis=1).tolist() == table["label_confidence"][:20].tolist()
    powered = raw ** (1 / told["temperature"])
    assert scaled == pytest.approx(powered / powered.sum(axis=1, keepdims=True), abs=1e-9)


def test_bad_input_is_named(place):
    images, truth = draw_letters("AB", 20, 1, size=8)
    write_clean(place, images, ["AB"[k] for k in truth], rejected=tuple(range(20)))
    with pytest.raises(EmptyDatasetError, match="no image of data set 'base'"):
        run(place)
    write_clean(place, images, ["AB"[k] for k in truth])
    np.save(place / "profile/images.npy", images[:5])
    with pytest.raises(CorruptFileError, match="does not hold the images"):
        run(place)
    whole = (place / "profile/images.npy").read_bytes()
    (place / "profile/images.npy").write_bytes(whole[:200])
    with pytest.raises(CorruptFileError, match=r"images\.npy cannot be read"):
        run(place)
    (place / "clean/clean.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptFileError, match=r"clean\.parquet"):
        run(place)


@pytest.mark.parametrize("module", ["label", "extractor", "evaluate"])
def test_the_module_is_light(module):
    code = (f"import sys, genimg_core.stages.{module} as m; assert m.CHECKS and m.STAGE; "
            "print([n for n in ('torch', 'pandas', 'numpy', 'scipy', 'matplotlib') if n in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
