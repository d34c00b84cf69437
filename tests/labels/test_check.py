import numpy as np
import pandas as pd
import pytest

from genimg_core.labels.calibration import Scaling
from genimg_core.labels.check import Judged, check_labels, doubtful
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.training.devices import computing
from tests.letters import draw_letters


def table(labels: list[str | None], rows: np.ndarray | None = None, split: list | None = None) -> pd.DataFrame:
    count = len(labels)
    return pd.DataFrame({"label": labels, "split": split or [None] * count, "status": "kept",
                         "row": np.arange(count) if rows is None else rows,
                         "cluster": [f"{i:03}" for i in range(count)]})


def check(images, frame, rule="unlikely", unlikely=0.5, trusted=None, seen_images=5000):
    with computing("cpu", 1):
        return check_labels(images, frame, ClassifierSettings(seen_images=seen_images), rule, unlikely, 0, trusted)


LETTERS = "AGKMRSTX"
COUNT = 600


@pytest.fixture(scope="module")
def planted():
    """Letters in another order than the table; one in thirty has the label of the next letter."""
    images, truth = draw_letters(LETTERS, COUNT, 1, size=16)
    rows = np.random.default_rng(0).permutation(COUNT)
    given = truth[rows].copy()
    wrong = np.arange(0, COUNT, 30)
    given[wrong] = (given[wrong] + 1) % len(LETTERS)
    names = np.array(list(LETTERS))
    return images, table(names[given].tolist(), rows), wrong, names[truth[rows]]


@pytest.fixture(scope="module")
def found(planted):
    images, frame, _, _ = planted
    return check(images, frame)


def test_planted_errors_are_found_and_their_true_labels_suggested(planted, found):
    _, frame, wrong, truth = planted
    doubts = found.doubts
    hits = np.isin(doubts.places, wrong)
    assert hits.sum() >= 14
    assert hits.mean() >= 0.9
    assert (doubts.suggested[hits] == truth[doubts.places[hits]]).all()
    assert (doubts.given == frame["label"].to_numpy(dtype=object)[doubts.places]).all()
    assert (doubts.suggested != doubts.given).all()
    assert (np.diff(doubts.given_confidence) >= 0).all(), "the least likely label first"
    assert (doubts.given_confidence < 0.5).all()
    assert (found.judged, found.unjudged) == (COUNT, 0)
    assert 0.9 < found.agreed < 1
    assert found.calibration.examples == COUNT
    assert found.calibration.ece_after < found.calibration.ece_before
    assert found.calibration.error_share == pytest.approx(20 / COUNT, abs=0.015)


def test_equal_runs_find_the_same(planted, found):
    images, frame, _, _ = planted
    again = check(images, frame)
    assert all((getattr(again.doubts, key) == getattr(found.doubts, key)).all()
               for key in ("places", "given", "suggested", "confidence", "given_confidence"))


def test_trusted_labels_are_never_doubted(planted, found):
    images, frame, wrong, _ = planted
    trusted = np.zeros(COUNT, bool)
    trusted[wrong[:6]] = True
    doubts = check(images, frame, trusted=trusted).doubts
    assert set(doubts.places) == set(found.doubts.places) - set(wrong[:6])


def test_cleanlabs_rule_finds_them_too_and_either_is_both(planted, found):
    images, frame, wrong, _ = planted
    either = check(images, frame, rule="either")
    assert either.by_rule == found.by_rule
    assert found.by_rule["unlikely"] == len(found.doubts.places)
    assert found.by_rule["confident_joint"] >= 10
    assert len(either.doubts.places) >= max(found.by_rule.values())
    assert set(found.doubts.places) <= set(either.doubts.places)
    assert np.isin(either.doubts.places, wrong).mean() >= 0.9


def test_rows_of_the_test_split_are_judged_and_teach_nothing():
    images, truth = draw_letters("AKT", 300, 1, size=16)
    labels = np.array(list("AKT"))[truth].astype(object)
    split = ["test" if i >= 240 else None for i in range(300)]
    labels[240:] = np.array(list("KTA"))[truth[240:]]  # all wrong: who learnt from them would find them right
    found = check(images, table(labels.tolist(), split=split))
    assert found.judged == 300
    assert np.isin(np.arange(240, 300), found.doubts.places).mean() > 0.8


def test_small_classes_are_not_judged_and_one_class_needs_no_check():
    images, truth = draw_letters("AK", 60, 1, size=8)
    labels = ["AK"[k] for k in truth[:56]] + ["rare"] * 3 + [None]
    found = check(images, table(labels), seen_images=200)
    assert (found.judged, found.unjudged) == (56, 3)
    alone = check(images, table(["A"] * 57 + ["rare"] * 3))
    assert (alone.judged, alone.unjudged, alone.agreed, alone.calibration) == (0, 60, None, None)
    assert len(alone.doubts.places) == 0


def test_the_two_rules_on_probabilities_by_hand():
    """A fifth of class b is called a, with probabilities that have learnt that; one stray label of class c."""
    scores = np.repeat([[0.97, 0.02, 0.01], [0.2, 0.79, 0.01], [0.2, 0.79, 0.01], [0.01, 0.01, 0.98],
                        [0.98, 0.01, 0.01]], [100, 80, 20, 99, 1], axis=0)
    given = np.repeat([0, 1, 0, 2, 2], [100, 80, 20, 99, 1])
    right = Scaling(1.0, 0.03).right(np.log(scores), given)
    judged = Judged(np.arange(300), np.array(list("abc")), given, scores, right, None)
    assert np.flatnonzero(doubtful(judged, "unlikely", 0.5)).tolist() == [299]
    assert set(np.flatnonzero(doubtful(judged, "unlikely", 1.0))) == {*range(180, 200), 299}
    joint = np.flatnonzero(doubtful(judged, "confident_joint", 0.5))
    assert set(joint) <= {*range(180, 200), 299}
    assert len(set(joint) & set(range(180, 200))) > 10
