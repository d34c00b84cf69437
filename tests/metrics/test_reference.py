import numpy as np
import pytest

from genimg_core.errors import EmptyDatasetError
from genimg_core.metrics.reference import choose_evenly, choose_real
from genimg_core.store.arrays import SPLITS, NormalizedDataset, write_normalized


def dataset(folder, train: int, validation: int, test: int) -> NormalizedDataset:
    """Image i of a split is filled with the split's number and i, so that each can be told from all others."""
    counts = dict(zip(SPLITS, (train, validation, test), strict=True))
    images, labels = {}, {}
    for number, split in enumerate(SPLITS):
        images[split] = np.zeros((counts[split], 8, 8, 3), np.uint8)
        images[split][..., 0] = number
        images[split][..., 1:] = np.stack(np.divmod(np.arange(counts[split]), 256), axis=1)[:, None, None]
        labels[split] = np.arange(counts[split]) % 3
    write_normalized(folder, dataset="base", images=images, labels=labels, classes=("A", "B", "C"),
                     background="#ffffff")
    return NormalizedDataset(folder)


def choose(data, most=1000, classes=frozenset({0, 1, 2}), seed=0):
    return choose_real(data, classes, most, enough=50, least=7, seed=seed)


def names(images: np.ndarray) -> set[tuple[int, ...]]:
    found = {tuple(image[0, 0].tolist()) for image in images}
    assert len(found) == len(images), "an image was chosen twice"
    return found


def splits(images: np.ndarray) -> set[str]:
    return {SPLITS[number] for number, _, _ in names(images)}


def test_test_against_train(tmp_path):
    real = choose(dataset(tmp_path, 300, 30, 100))
    assert (real.real_split, real.floor_split) == ("test", "train")
    assert (splits(real.images), splits(real.floor)) == ({"test"}, {"train"})
    assert len(real.images) == len(real.floor) == len(real.labels) == 100


def test_no_more_than_were_generated(tmp_path):
    real = choose(dataset(tmp_path, 300, 30, 100), most=60)
    assert len(real.images) == len(real.floor) == 60


def test_a_small_train_split_leaves_the_floor_to_held_out_images_that_are_no_reference(tmp_path):
    """As for Greek: 240 images to learn from, 2,000 to be judged by."""
    real = choose(dataset(tmp_path, 40, 5, 300), most=120)
    assert (real.real_split, real.floor_split) == ("test", "test")
    assert not names(real.images) & names(real.floor)


def test_where_neither_suffices_the_floor_takes_both_and_n_is_half_of_all(tmp_path):
    real = choose(dataset(tmp_path, 40, 5, 100))
    assert (real.floor_split, len(real.images), len(real.floor)) == ("train+test", 70, 70)
    assert not names(real.images) & names(real.floor)


def test_a_small_test_split_is_joined_by_validation(tmp_path):
    real = choose(dataset(tmp_path, 300, 30, 30))
    assert (real.real_split, len(real.images)) == ("test+validation", 60)
    assert splits(real.images) == {"test", "validation"}


def test_with_hardly_anything_held_out_the_train_split_serves_half_and_half(tmp_path):
    real = choose(dataset(tmp_path, 300, 3, 3))
    assert (real.real_split, real.floor_split, len(real.images)) == ("train", "train", 150)
    assert not names(real.images) & names(real.floor)


def test_only_the_classes_asked_for(tmp_path):
    real = choose(dataset(tmp_path, 300, 30, 300), classes=frozenset({1}))
    assert set(real.labels.tolist()) == {1}
    assert {(high * 256 + low) % 3 for _, high, low in names(real.floor)} == {1}


def test_labels_belong_to_the_images(tmp_path):
    real = choose(dataset(tmp_path, 300, 30, 100))
    assert [(int(i[0, 0, 1]) * 256 + int(i[0, 0, 2])) % 3 for i in real.images] == real.labels.tolist()


def test_classes_keep_their_shares():
    labels = np.repeat([0, 1, 2, 3], [40, 20, 20, 1])
    for seed in range(20):
        chosen = choose_evenly(labels, 27, np.random.default_rng(seed))
        assert len(set(chosen.tolist())) == 27
        assert abs(np.bincount(labels[chosen], minlength=4) - np.array([40, 20, 20, 1]) / 3).max() < 1
    assert (choose_evenly(labels, 81, np.random.default_rng(0)) == np.arange(81)).all()


def test_the_seed_decides(tmp_path):
    data = dataset(tmp_path, 300, 30, 100)
    assert (choose(data, most=50).images == choose(data, most=50).images).all()
    assert names(choose(data, most=50).images) != names(choose(data, most=50, seed=1).images)


def test_too_few_are_refused(tmp_path):
    with pytest.raises(EmptyDatasetError, match="only 5 images a side of base can be compared, 7 are needed"):
        choose(dataset(tmp_path, 10, 1, 1))
