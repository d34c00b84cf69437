import numpy as np
import pandas as pd

from genimg_core.labels.given import labelled_part


def table(labels: list[str | None], **columns: list) -> pd.DataFrame:
    count = len(labels)
    return pd.DataFrame({"label": labels, "split": None, "status": "kept", "cluster": [f"{i:03}" for i in range(count)]}
                        | columns)


def names(frame: pd.DataFrame, places: np.ndarray) -> list[str]:
    return frame["label"].to_numpy(dtype=object)[places].tolist()


def test_a_tenth_of_each_class_is_held_out():
    frame = table(["A"] * 40 + ["B"] * 20 + [None] * 5)
    part = labelled_part(frame, 0.1, 0)
    assert names(frame, part.held_out) == ["A"] * 4 + ["B"] * 2
    assert sorted([*part.train, *part.held_out]) == list(range(60))


def test_a_class_keeps_at_least_one_image_to_learn_from():
    frame = table(["A", "B", "B", "C", "C", "C"])
    part = labelled_part(frame, 0.5, 0)
    assert set(names(frame, part.train)) == {"A", "B", "C"}
    assert "A" not in names(frame, part.held_out)


def test_rejected_rows_and_those_without_a_label_teach_nothing():
    frame = table(["A", "B", None, "A", "B"], status=["kept", "kept", "kept", "rejected", "kept"])
    assert labelled_part(frame, 0, 0).train.tolist() == [0, 1, 4]


def test_rows_of_the_test_split_teach_nothing():
    frame = table(["A", "B"] * 10, split=["train"] * 8 + ["test"] * 8 + ["validation"] * 4)
    part = labelled_part(frame, 0.2, 0)
    assert sorted([*part.train, *part.held_out]) == [*range(8), *range(16, 20)]


def test_unless_no_other_rows_show_two_classes():
    frame = table(["A"] * 4 + ["B"] * 4, split=["train"] * 4 + ["test"] * 4)
    assert labelled_part(frame, 0, 0).train.tolist() == list(range(8))
    frame = table(["A"] * 8, split=["train"] * 4 + ["test"] * 4)
    assert labelled_part(frame, 0, 0).train.tolist() == list(range(4))


def test_no_near_copy_of_what_it_learnt_tests_it():
    clusters = [f"{i // 4:03}" for i in range(40)]
    part = labelled_part(table(["A"] * 20 + ["B"] * 20, cluster=clusters), 0.5, 0)
    told = np.array(clusters)
    assert not set(told[part.train]) & set(told[part.held_out])
    assert len(part.train) + len(part.held_out) == 40


def test_the_seed_decides():
    frame = table(["A", "B"] * 30)
    assert labelled_part(frame, 0.2, 0).held_out.tolist() == labelled_part(frame, 0.2, 0).held_out.tolist()
    assert labelled_part(frame, 0.2, 0).held_out.tolist() != labelled_part(frame, 0.2, 1).held_out.tolist()
