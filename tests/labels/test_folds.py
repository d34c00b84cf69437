import numpy as np
import pandas as pd

from genimg_core.labels.folds import LEAST_IMAGES, deal


def table(labels: list[str | None], **columns: list) -> pd.DataFrame:
    count = len(labels)
    return pd.DataFrame({"label": labels, "status": "kept", "cluster": [f"{i:03}" for i in range(count)]} | columns)


def test_every_class_is_in_every_fold_and_the_seed_decides():
    frame = table(["A"] * 30 + ["B"] * 9 + [None] * 5)
    folds = deal(frame, frame["label"].notna().to_numpy(), 3, 0)
    assert np.bincount(folds[:30]).tolist() == [10, 10, 10]
    assert np.bincount(folds[30:39]).tolist() == [3, 3, 3]
    assert (folds[39:] == -1).all()
    assert (folds == deal(frame, frame["label"].notna().to_numpy(), 3, 0)).all()
    assert (folds != deal(frame, frame["label"].notna().to_numpy(), 3, 1)).any()


def test_near_copies_stay_together_whatever_their_labels():
    clusters = [f"{i // 4}" for i in range(48)]
    frame = table(["A", "B"] * 24, cluster=clusters)
    folds = deal(frame, np.ones(48, bool), 3, 0)
    assert all(len(set(folds[np.array(clusters) == name])) == 1 for name in clusters)
    assert set(folds) == {0, 1, 2}


def test_classes_too_small_to_learn_are_not_dealt():
    frame = table(["A"] * 12 + ["B"] * (LEAST_IMAGES - 1) + ["C"] * LEAST_IMAGES + ["D"] * 9,
                  cluster=[*(f"{i}" for i in range(12 + 2 * LEAST_IMAGES - 1)), *["copies"] * 9])
    folds = deal(frame, np.ones(len(frame), bool), 3, 0)
    dealt = frame["label"][folds >= 0]
    assert dealt.value_counts().to_dict() == {"A": 12, "C": LEAST_IMAGES}


def test_rows_that_teach_nothing_are_dealt_too_after_those_that_do():
    frame = table(["A"] * 40, status=["kept"] * 39 + ["rejected"])
    teaching = np.arange(40) < 6
    folds = deal(frame, teaching, 3, 0)
    assert np.bincount(folds[:6]).tolist() == [2, 2, 2]
    assert (folds[:39] >= 0).all()
    assert folds[39] == -1
    assert (deal(frame, np.arange(40) < LEAST_IMAGES - 1, 3, 0) == -1).all()
