"""Value ranges of a data set: of the train split, streamed, the same as training's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.errors import ParamsError
from genimg_core.imaging.representation import to_float
from genimg_core.store.arrays import (
    BATCH,
    SPLITS,
    Picked,
    channel_statistics,
    level_counts,
    scaled_statistics,
    write_normalized,
)
from tests.models.tiny import write_dataset


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_train_split_has_mean_0_and_variance_1(tmp_path, channels):
    data = write_dataset(tmp_path / "d", channels=channels)
    floats = data.as_float("train").reshape(-1, channels).astype(np.float64)
    assert floats.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert floats.var(axis=0) == pytest.approx(1, abs=1e-5)
    mean, variance = scaled_statistics(data, batch=7)
    assert np.allclose(mean, floats.mean(axis=0)) and np.allclose(variance, floats.var(axis=0))


def test_other_splits_are_scaled_by_the_train_split(tmp_path):
    data = write_dataset(tmp_path / "d")
    expected = (data.images("test") / 255 - data.settings.mean[0]) / data.settings.std[0]
    assert np.allclose(data.as_float("test"), expected, atol=1e-5)


def test_ranges_are_exact_at_their_ends_and_training_s_own(tmp_path):
    data = write_dataset(tmp_path / "d")
    images = data.images("train")
    zero_one, around = data.as_float("train", "zero_one"), data.as_float("train", "minus_one_one")
    assert zero_one.dtype == around.dtype == np.float32 and zero_one.shape == images.shape
    assert np.array_equal(zero_one, images / np.float32(255))
    assert np.array_equal(around, to_float(images).permute(0, 2, 3, 1).numpy())


def test_a_part_is_the_part_of_the_whole(tmp_path):
    data = write_dataset(tmp_path / "d")
    whole = data.as_float("train")
    assert np.array_equal(data.as_float("train", rows=slice(5, 9)), whole[5:9])
    assert np.array_equal(data.as_float("train", rows=np.array([7, 2])), whole[[7, 2]])


def test_an_unknown_range_names_the_nearest(tmp_path):
    with pytest.raises(ParamsError, match="did you mean 'zero_mean'"):
        write_dataset(tmp_path / "d").as_float("train", "zero_men")


@settings(deadline=None)
@given(batch=st.integers(1, 12), seed=st.integers(0, 99))
def test_streamed_statistics_do_not_know_the_batch(batch, seed):
    images = np.random.default_rng(seed).integers(0, 256, (10, 4, 4, 3), np.uint8)
    assert channel_statistics(images, batch) == channel_statistics(images)
    assert channel_statistics(images)[0] == pytest.approx(images.reshape(-1, 3).mean(axis=0) / 255)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_levels_are_counted_in_each_channel(channels):
    images = np.random.default_rng(channels).integers(0, 256, (9, 5, 7, channels), np.uint8)
    images[..., 0] //= 2
    expected = np.stack([np.bincount(images[..., channel].reshape(-1), minlength=256) for channel in range(channels)])
    assert np.array_equal(level_counts(images, batch=4), expected)
    assert np.array_equal(level_counts(images[:, ::-1, :, :]), expected), "of a view, too"
    assert not level_counts(images[:0]).any()


def test_picked_rows_of_a_mapped_file_give_the_bytes_of_np_save(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3 * BATCH, 4, 4, 1), np.uint8)
    np.save(tmp_path / "source.npy", pixels)
    mapped = np.load(tmp_path / "source.npy", mmap_mode="r")
    rows = {"train": np.arange(2 * BATCH + 5), "validation": np.arange(0), "test": np.array([9, 3])}
    labels = {split: np.zeros(len(rows[split]), np.int64) for split in SPLITS}
    written = []
    for name, images in (("picked", {split: Picked(mapped, rows[split]) for split in SPLITS}),
                         ("whole", {split: pixels[rows[split]] for split in SPLITS})):
        (tmp_path / name).mkdir()
        written.append(write_normalized(tmp_path / name, dataset="base", images=images, labels=labels, classes=("all",),
                                        background="#ffffff"))
        for split in SPLITS:
            np.save(tmp_path / "saved.npy", pixels[rows[split]])
            assert (tmp_path / name / f"images_{split}.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
    assert written[0] == written[1]


def test_writing_keeps_the_memory_of_a_batch(tmp_path):
    import tracemalloc

    mapped = np.lib.format.open_memmap(tmp_path / "source.npy", "w+", np.uint8, (8 * BATCH, 16, 16, 3))
    images = {split: Picked(mapped, np.arange(len(mapped))) for split in SPLITS}
    labels = {split: np.zeros(len(mapped), np.int64) for split in SPLITS}
    (tmp_path / "out").mkdir()
    tracemalloc.start()
    try:
        write_normalized(tmp_path / "out", dataset="base", images=images, labels=labels, classes=("all",),
                         background="#ffffff")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 24 batches are written; the statistics hold a quarter of one as int64, and its squares.
    assert peak < 8 * BATCH * 16 * 16 * 3
