"""The order of a run: every epoch is a permutation, and a place in it is only a number."""

import numpy as np
import torch

from genimg_core.training.data import EpochOrder, TrainSet


def test_every_epoch_shows_every_image_once_in_another_order():
    order = EpochOrder(10, seed=0)
    first, second = order.take(0, 10).tolist(), order.take(10, 10).tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_batches_run_over_the_ends_of_epochs():
    whole = EpochOrder(10, seed=0).take(0, 40)
    order = EpochOrder(10, seed=0)
    assert torch.equal(torch.cat([order.take(start, 8) for start in range(0, 40, 8)]), whole)
    assert torch.equal(EpochOrder(10, seed=0).take(16, 24), whole[16:])


def test_the_seed_changes_the_order():
    assert not torch.equal(EpochOrder(50, seed=0).take(0, 50), EpochOrder(50, seed=1).take(0, 50))


def test_a_batch_is_normalised_and_keeps_its_labels():
    images = np.zeros((3, 4, 4, 1), np.uint8)
    images[1], images[2] = 255, 51
    data = TrainSet(images, np.array([5, 6, 7]), torch.device("cpu"))
    batch, labels = data.batch(torch.tensor([2, 1]))
    assert batch.shape == (2, 1, 4, 4) and labels.tolist() == [7, 6]
    assert torch.allclose(batch[0], torch.tensor(-0.6)) and (batch[1] == 1).all()
