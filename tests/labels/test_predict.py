import numpy as np
import pandas as pd
import pytest

from genimg_core.labels.predict import Labeller, predict_missing
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.training.devices import computing
from tests.letters import draw_letters


def table(labels: list[str | None], rows: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "split": None, "status": "kept", "row": rows,
                         "cluster": [f"{i:03}" for i in range(len(labels))]})


def predict(images: np.ndarray, frame: pd.DataFrame, held_out_share: float = 0.1, seen_images: int = 6000):
    missing = np.flatnonzero(frame["label"].isna())
    with computing("cpu", 1):
        return predict_missing(images, frame, missing, ClassifierSettings(seen_images=seen_images), held_out_share, 0)


def test_missing_labels_come_from_the_labelled_images_through_the_rows_column():
    images, truth = draw_letters("AKT", 360, 1, size=16)
    rows = np.random.default_rng(0).permutation(360)
    labels = ["AKT"[truth[row]] if place >= 60 else None for place, row in enumerate(rows)]
    predicted = predict(images, table(labels, rows.tolist()))
    right = predicted.labels == np.array(["AKT"[truth[row]] for row in rows[:60]])
    assert right.mean() >= 0.95
    assert predicted.confidence[right].mean() > 0.9
    assert (predicted.confidence >= 1 / 3).all()
    assert predicted.labeller.trained_on + predicted.labeller.held_out == 300
    assert predicted.labeller.held_out == pytest.approx(30, abs=2)
    assert predicted.labeller.accuracy > 0.9


def test_one_class_only_is_given_to_all_with_the_confidence_of_the_rule_of_succession():
    images, _ = draw_letters("A", 12, 1, size=8)
    predicted = predict(images, table(["A"] * 8 + [None] * 4, list(range(12))))
    assert predicted.labels.tolist() == ["A"] * 4
    assert predicted.confidence.tolist() == [0.9] * 4
    assert predicted.labeller == Labeller(0, 0, None)


def test_a_class_of_a_single_image_is_borne():
    images, _ = draw_letters("AAB", 30, 1, size=8)
    predicted = predict(images, table(["A"] * 20 + ["B"] + [None] * 9, list(range(30))), seen_images=200)
    assert set(predicted.labels) <= {"A", "B"}


def test_without_anything_held_out_the_accuracy_is_unknown():
    images, _ = draw_letters("AB", 10, 1, size=8)
    predicted = predict(images, table(["A", "B"] * 4 + [None] * 2, list(range(10))), held_out_share=0, seen_images=100)
    assert predicted.labeller == Labeller(8, 0, None)
