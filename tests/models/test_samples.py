"""How many samples of which class, and what a folder of samples holds."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from genimg_core.errors import ParamsError
from genimg_core.metrics.samples import read_samples
from genimg_core.models.model_file import ModelSettings
from genimg_core.models.samples import class_grid, class_weights, sample_labels, write_samples

SETTINGS = ModelSettings(
    model="m", family="flow", family_params={}, size=8, channels=3, classes=("a", "b", "γ"), class_counts=(6, 3, 1),
    background="#ffffff", dataset="base", dataset_sha256="d" * 64, parent=None, parent_sha256=None, seen_images=1,
    train_params={}, seed=0, weights_sha256="w" * 64, sha256="m" * 64)


def shares(weights, images):
    return np.bincount(sample_labels(np.array(weights), images), minlength=len(weights)).tolist()


def test_shares_are_fair():
    assert shares([6, 3, 1], 10) == [6, 3, 1]
    assert shares([6, 3, 1], 5) == [3, 1, 1]  # 3, 1.5, 0.5: of equal claims that of the class without any goes first
    assert shares([1, 1, 1], 4) == [2, 1, 1]
    assert shares([5, 0, 5], 3) == [2, 0, 1]
    assert shares([10**7, 1], 1000) == [1000, 0]


@pytest.mark.parametrize("images", [1, 2, 3, 7, 100, 1001])
def test_shares_add_up(images):
    assert sum(shares([17, 3, 0, 55, 2], images)) == images


def test_the_classes_come_in_turn():
    assert sample_labels(np.array([3, 2, 1]), 6).tolist() == [0, 1, 2, 0, 1, 0]


@pytest.mark.parametrize("weights", [[17, 3, 0, 55, 2], [1] * 26, [193, 186, 199, 1], [10**6, 1, 1, 1]])
def test_more_images_only_add_to_the_row(weights):
    longest = sample_labels(np.array(weights), 777)
    for images in (1, 2, 25, 26, 27, 100, 776):
        assert sample_labels(np.array(weights), images).tolist() == longest[:images].tolist()
    exact = 777 * np.array(weights) / sum(weights)
    assert (np.abs(np.bincount(longest, minlength=len(weights)) - exact) <= 1).all()


def test_named_classes_only():
    assert class_weights(SETTINGS, ()).tolist() == [6, 3, 1]
    assert class_weights(SETTINGS, ("b", "γ")).tolist() == [0, 3, 1]
    with pytest.raises(ParamsError, match="no class 'c'"):
        class_weights(SETTINGS, ("c",))


def test_classes_without_a_train_image_share_equally():
    settings = dataclasses.replace(SETTINGS, class_counts=(6, 0, 0))
    assert class_weights(settings, ("b", "γ")).tolist() == [0, 1, 1]


def test_the_folder(tmp_path):
    labels = sample_labels(np.array([6, 3, 1]), 10)
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    write_samples(tmp_path, SETTINGS, images, labels, seed=5, steps=7, guidance=1.5)
    rows = list(csv.DictReader((tmp_path / "samples.csv").read_text(encoding="utf8").splitlines()))
    assert [row["label"] for row in rows[:5]] == ["a", "b", "a", "a", "γ"] and len(rows) == 10
    for index, row in enumerate(rows):
        assert row["index"] == str(index) and row["seed"] == "5"
        with Image.open(tmp_path / row["file"]) as picture:
            assert np.array_equal(np.asarray(picture), images[index])
            assert picture.info == {
                "genimg:model": "m", "genimg:model_sha256": "m" * 64, "genimg:dataset": "base",
                "genimg:dataset_sha256": "d" * 64, "genimg:seed": "5", "genimg:index": str(index),
                "genimg:class": row["label"], "genimg:steps": "7", "genimg:guidance": "1.5"}
    assert json.loads((tmp_path / "settings.json").read_text()) == {
        "model": "m", "model_sha256": "m" * 64, "dataset": "base", "dataset_sha256": "d" * 64, "images": 10, "seed": 5}
    assert (tmp_path / "grid.png").is_file()


def test_a_class_named_like_a_formula_is_a_text_and_comes_back(tmp_path):
    settings = dataclasses.replace(SETTINGS, classes=("=cmd()", "-b", "γ"))
    images = np.zeros((3, 8, 8, 3), np.uint8)
    write_samples(tmp_path, settings, images, np.array([0, 1, 2]), seed=5)
    assert ",'=cmd(),5\n" in (tmp_path / "samples.csv").read_text(encoding="utf8")
    assert read_samples(tmp_path).labels == settings.classes


def test_the_grid_has_a_row_per_class():
    labels = np.array([0, 2] * 3)
    images = np.where(labels == 0, 0, 128).astype(np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    grid = np.asarray(class_grid(images, labels, ("a", "b", "c")).convert("L"))
    middle = grid[:, 20]
    assert (middle[: len(middle) // 2] == 0).sum() >= 40 and (middle[len(middle) // 2:] == 128).sum() >= 40


def test_the_grid_of_very_many_classes_shows_some():
    labels = np.arange(300)
    grid = class_grid(np.zeros((300, 8, 8, 1), np.uint8), labels, tuple(f"{k:03}" for k in range(300)))
    assert grid.height < 4000
