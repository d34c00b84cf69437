"""What trials learn from and what judges them do not overlap, and neither is the test split."""

import numpy as np
import pytest

from genimg_core.errors import EmptyDatasetError
from genimg_core.store.arrays import NormalizedDataset, write_normalized
from genimg_core.trials.held_out import trial_data


def numbered(folder, train, validation, test=20):
    """Images that say by their pixels which they are: no two alike."""
    folder.mkdir()
    counts = {"train": train, "validation": validation, "test": test}
    images, labels, start = {}, {}, 0
    for split, count in counts.items():
        numbers = np.arange(start, start + count, dtype=np.uint16)
        images[split] = np.zeros((count, 8, 8, 1), np.uint8)
        images[split][:, 0, 0, 0], images[split][:, 0, 1, 0] = numbers // 256, numbers % 256
        labels[split] = np.arange(count) % 2
        start += count
    write_normalized(folder, dataset="base", images=images, labels=labels, classes=("a", "b"), background="#ffffff")
    return NormalizedDataset(folder)


def ids(images):
    return set((images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 1, 0]).tolist())


def test_a_large_validation_split_judges_alone(tmp_path):
    data = trial_data(numbered(tmp_path / "d", 300, 60), 50, 7, seed=0)
    assert len(data.real) == len(data.floor) == 50 and data.judged_by == "of the validation split"
    assert ids(data.train_images) == set(range(300)) and ids(data.real) <= set(range(300, 360))
    assert ids(data.floor) <= set(range(300)) and data.settings.counts == {"train": 300, "validation": 0, "test": 0}


def test_a_small_one_is_joined_by_images_that_no_trial_learns_from(tmp_path):
    whole = numbered(tmp_path / "d", 200, 12)
    data = trial_data(whole, 500, 7, seed=0)
    assert len(data.real) == 62 and "(12) and of the train split (50, from which" in data.judged_by
    assert len(data.train_images) == 150 and data.settings.class_counts["train"] == (75, 75)
    assert not ids(data.real) & ids(data.train_images) and not ids(data.real) & set(range(212, 232))
    assert np.array_equal(trial_data(whole, 500, 7, seed=0).real, data.real)
    assert len(data.images("validation")) == len(data.labels("test")) == 0


def test_too_few_to_judge_by(tmp_path):
    with pytest.raises(EmptyDatasetError, match=r"only 6 images a side of base.*7 are needed(?s:.*)pin the choice"):
        trial_data(numbered(tmp_path / "d", 20, 1), 500, 7, seed=0)
