"""Splits that do not leak and do not move; arrays that hold what the table says."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.errors import CorruptFileError, EmptyDatasetError, ParamsError
from genimg_core.params import ImageParams, parse
from genimg_core.stages.normalize import CHECKS, NormalizeParams, normalize, split_of
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.store.manifest import LABELS_COLUMNS, write_table


def labelled(count: int, classes: int = 3, **changes) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "image_id": [f"{i:064x}" for i in range(count)],
            "path": [f"{i:05d}.png" for i in range(count)],
            "label": [f"class {i % classes}" for i in range(count)],
            "split": None,
            "row": np.arange(count),
            "status": "kept",
            "reason": None,
            "detail": None,
            "duplicate_of": None,
            "cluster": [f"{i:064x}" for i in range(count)],
            "label_source": "given",
            "label_confidence": 1.0,
        }
    )
    return frame.assign(**changes)[list(LABELS_COLUMNS)]


def run(tmp_path, rows, pixels=None, given=None, image=None, extra=None, **settings):
    for folder in ("p", "l", "n", "r"):
        (tmp_path / folder).mkdir(exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 8, 8, 1), np.uint8)
    np.save(tmp_path / "p" / "images.npy", pixels)
    write_table(rows, tmp_path / "l" / "labels.parquet")
    came_with = given if given is not None else rows["label"]
    profile = pd.DataFrame({"path": rows["path"], "label": came_with})
    write_table(profile if extra is None else profile.assign(extra=extra), tmp_path / "p" / "profile.parquet")
    return normalize(
        name="base",
        profile=tmp_path / "p",
        labels=tmp_path / "l",
        normalized=tmp_path / "n",
        report=tmp_path / "r",
        image=image or ImageParams(size=8, channels=1),
        settings=NormalizeParams(**settings),
    )


def test_arrays_hold_the_pixels_and_labels_of_their_rows(tmp_path):
    rows = labelled(300)
    rows.loc[[5, 9], ["status", "reason"]] = ["rejected", "flat"]
    report = run(tmp_path, rows)
    pixels, data = np.load(tmp_path / "p" / "images.npy"), NormalizedDataset(tmp_path / "n")
    table = pd.read_parquet(tmp_path / "n" / "rows.parquet")
    assert len(table) == 300
    assert table.loc[[5, 9], "index"].tolist() == [-1, -1]
    for row in table[table["status"] == "kept"].itertuples():
        assert np.array_equal(data.images(row.split)[row.index], pixels[row.row])
        assert data.settings.classes[data.labels(row.split)[row.index]] == row.label
    assert sum(data.settings.counts.values()) == 298
    assert data.settings.mean[0] == pytest.approx(data.images("train").mean() / 255)
    assert not report.failed
    assert [check.name for check in report.checks] == [name for name, _, _ in CHECKS]
    assert json.dumps(report.facts["class_counts"]["train"])
    assert (tmp_path / "r" / "train.png").is_file()


def test_shares_are_about_what_was_asked():
    split = split_of(labelled(20_000), NormalizeParams(test_share=0.1, validation_share=0.05)).value_counts(
        normalize=True
    )
    assert split["test"] == pytest.approx(0.1, abs=0.01)
    assert split["validation"] == pytest.approx(0.05, abs=0.01)


def test_a_given_split_wins():
    rows = labelled(60, split=["train"] * 30 + ["test"] * 30)
    assert split_of(rows, NormalizeParams()).tolist() == ["train"] * 30 + ["test"] * 30


@given(count=st.integers(1, 60), more=st.integers(0, 60), classes=st.integers(1, 20), seed=st.integers(0, 1000))
def test_new_images_move_no_old_one_of_a_class_that_trains(count, more, classes, seed):
    rng = np.random.default_rng(seed)
    rows = labelled(
        count + more, classes, cluster=[f"{value:064x}" for value in rng.permutation(10_000)[: count + more]]
    )
    settings = NormalizeParams(test_share=0.3, validation_share=0.2)
    before, after = split_of(rows.iloc[:count], settings), split_of(rows, settings)
    assert set(rows["label"][after == "train"]) == set(rows["label"]), "every class has a training image"
    moved = before.index[before != after.iloc[:count]]
    drawn = split_of(rows.assign(label="one"), settings)
    # Only the image that stood in for a class without any training image may go back to where it was drawn.
    assert all(before[i] == "train" and after[i] == drawn[i] for i in moved)
    assert rows.loc[moved, "label"].is_unique


def test_a_class_of_one_image_trains():
    rows = pd.concat([labelled(200), labelled(1, cluster=["7" * 64], label="alone")], ignore_index=True)
    for share in (0.1, 0.9):
        assert split_of(rows, NormalizeParams(test_share=share, validation_share=0)).iloc[-1] == "train"


@pytest.mark.parametrize(
    ("rows", "settings", "failing"),
    [
        (labelled(40), {"min_train_images": 41}, {"enough_train_images"}),
        (
            labelled(40, split=["test"] * 40),
            {},
            {"every_class_trained", "enough_train_images", "train_mean_inside", "train_std_positive",
             "scaled_mean_zero", "scaled_variance_one"},
        ),
        (labelled(40, cluster="a" * 64, split=["train", "test"] * 20), {}, {"no_leak"}),
        (labelled(40, split=["train", "holdout"] * 20), {}, {"splits_valid", "nothing_lost", "images_once"}),
        (
            labelled(60, split=["train"] * 40 + ["test"] * 20, label=["a"] * 40 + ["b"] * 20),
            {},
            {"every_class_trained"},
        ),
    ],
)
def test_the_gate(tmp_path, rows, settings, failing):
    report = run(tmp_path, rows, **settings)
    assert {check.name for check in report.failed} == failing


def test_flat_data_fail(tmp_path):
    report = run(tmp_path, labelled(40), pixels=np.full((40, 8, 8, 1), 255, np.uint8))
    assert {check.name for check in report.failed} == {
        "train_mean_inside", "train_std_positive", "scaled_variance_one"}


def test_a_flat_channel_beside_lively_ones_passes(tmp_path):
    """An alpha of which every pixel is opaque is no fault."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 4), np.uint8)
    pixels[..., 3] = 255
    report = run(tmp_path, labelled(40), pixels, image=ImageParams(size=8, channels=4))
    assert not report.failed
    observed = {check.name: check.observed for check in report.checks}
    assert abs(observed["scaled_mean_zero"]) < 1e-5 and observed["scaled_variance_one"] == pytest.approx(1, abs=1e-5)


def test_statistics_that_do_not_belong_to_the_arrays_fail(tmp_path, monkeypatch):
    from genimg_core.store import arrays

    real = arrays.channel_statistics
    monkeypatch.setattr(arrays, "channel_statistics", lambda images: real(images // 2))
    report = run(tmp_path, labelled(40))
    assert {check.name for check in report.failed} == {"scaled_mean_zero", "scaled_variance_one"}


def test_a_class_without_a_test_image_is_a_warning(tmp_path):
    rows = labelled(60, split=["train"] * 40 + ["test"] * 20, label=["a"] * 20 + ["b"] * 20 + ["a"] * 20)
    report = run(tmp_path, rows)
    check, = (check for check in report.checks if check.name == "classes_tested")
    assert (check.passed, check.observed, check.blocking) == (False, 1, False) and not report.failed
    assert report.facts["untested_classes"] == ["b"]
    assert report.facts["test_shares"] == {"least": 0.0, "whole": 20 / 60, "greatest": 0.5}


def test_rejections_are_told_by_the_class_that_came_in_and_by_folder(tmp_path):
    rows = labelled(120, path=[f"{'old' if i < 60 else 'new'}/{i:03d}.png" for i in range(120)])
    given = rows["label"].copy()
    gone = rows.index[[i for i in range(60) if i % 3 == 0]]
    rows.loc[gone, ["status", "reason", "label"]] = ["rejected", "too_dark", None]
    report = run(tmp_path, rows, given=given)
    by_class, by_folder = report.facts["rejections"]["by_class"], report.facts["rejections"]["by_folder"]
    assert [(r["name"], r["collected"], r["rejected"], r["higher"]) for r in by_class] == [
        ("class 0", 40, 20, True), ("class 1", 40, 0, False), ("class 2", 40, 0, False)]
    assert [(r["name"], r["rejected"], r["reasons"]) for r in by_folder] == [
        ("old", 20, {"too_dark": 20}), ("new", 0, {})]
    check, = (check for check in report.checks if check.name == "rejected_evenly")
    assert (check.passed, check.observed) == (False, 2)
    assert (tmp_path / "r" / "balance.png").is_file() and (tmp_path / "r" / "rejections.png").is_file()


def test_bad_input_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(EmptyDatasetError):
        run(tmp_path, labelled(3, status="rejected", reason="flat"))
    with pytest.raises(CorruptFileError, match=r"\(9, 9, 1\)"):
        run(tmp_path, labelled(3), pixels=np.zeros((3, 9, 9, 1), np.uint8))
    with pytest.raises(CorruptFileError, match="has 2 images"):
        run(tmp_path, labelled(3), pixels=np.zeros((2, 8, 8, 1), np.uint8))
    (tmp_path / "other").mkdir()
    run(tmp_path / "other", labelled(30))
    write_table(labelled(29)[["path", "label"]], tmp_path / "other/p/profile.parquet")
    with pytest.raises(CorruptFileError, match="not of the same files"):
        normalize(name="base", profile=tmp_path / "other/p", labels=tmp_path / "other/l", report=tmp_path,
                  normalized=tmp_path / "other/n", image=ImageParams(size=8, channels=1), settings=NormalizeParams())
    with pytest.raises(ParamsError, match="leave nothing to train on"):
        parse(NormalizeParams, {"test_share": 0.6, "validation_share": 0.4}, "datasets.base.normalize")


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.sampled_from([None, "test", "train"])), min_size=1,
                max_size=30))
def test_copies_that_a_person_keeps_are_never_parted(drawn):
    """Several kept rows of a cluster, whatever their labels: as clean leaves them, of one given split or of none."""
    given_split = {cluster: split for cluster, _, split in drawn}
    rows = labelled(len(drawn)).assign(cluster=[f"{cluster:064x}" for cluster, _, _ in drawn],
                                       label=[f"class {label}" for _, label, _ in drawn],
                                       split=[given_split[cluster] for cluster, _, _ in drawn])
    split = split_of(rows, NormalizeParams(test_share=0.5, validation_share=0.3))
    assert (split.groupby(rows["cluster"]).nunique() == 1).all()
