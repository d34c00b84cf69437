import numpy as np
import pytest
import torch

from genimg_core.models.classifier.examples import LabelledImages, RotatedImages
from genimg_core.models.classifier.fit import accuracy, fit, scale_features, shifted
from genimg_core.models.classifier.infer import BATCH, features, probabilities
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.training.devices import computing
from tests.letters import draw_letters


@pytest.fixture(autouse=True)
def one_thread():
    with computing("cpu", 1):
        yield


def tiny(seed: int = 0, seen_images: int = 320):
    images, labels = draw_letters("ABC", 60, 1, size=16)
    return fit(LabelledImages(images, labels), 3, ClassifierSettings(seen_images=seen_images, batch=16), seed, "test")


def test_learns_letters():
    images, labels = draw_letters("AGKMRSTX", 1200, 1)
    test_images, test_labels = draw_letters("AGKMRSTX", 400, 2)
    network = fit(LabelledImages(images, labels), 8, ClassifierSettings(seen_images=8000), 0, "test")
    assert accuracy(network, LabelledImages(test_images, test_labels)) >= 0.97


def test_learns_which_way_up_letters_stand():
    images, _ = draw_letters("AGKRT", 300, 1, size=16)
    test_images, _ = draw_letters("AGKRT", 100, 2, size=16)
    network = fit(RotatedImages(images), 4, ClassifierSettings(seen_images=8000), 0, "test")
    assert accuracy(network, RotatedImages(test_images)) > 0.7


def test_equal_runs_give_equal_bits_and_the_seed_another():
    one, two, other = (tiny(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    tiny(seen_images=16)
    assert torch.equal(torch.rand(1), expected)


def test_a_class_of_one_image_and_fewer_images_than_a_batch():
    images, labels = draw_letters("AB", 3, 1, size=8)
    network = fit(LabelledImages(images, labels), 2, ClassifierSettings(seen_images=640), 0, "test")
    assert probabilities(network, images).argmax(axis=1).tolist() == [0, 1, 0]


def test_rows_choose_the_images():
    images, labels = draw_letters("AB", 10, 1, size=8)
    rows = np.array([9, 0, 4])
    taken, classes = LabelledImages(images, labels[rows], rows).take(np.array([2, 0]))
    assert (taken == images[[4, 9]]).all()
    assert classes.tolist() == [labels[4], labels[9]]


def test_rotations_turn_each_image_by_every_right_angle():
    images, _ = draw_letters("AB", 2, 1, size=8)
    taken, turns = RotatedImages(images).take(np.arange(8))
    assert turns.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert (taken[6] == np.rot90(images[1], 2)).all()
    assert (taken[1] == np.rot90(images[0], 1)).all()


def test_shifts_move_by_up_to_a_sixteenth_and_never_mirror():
    image = np.full((1, 32, 32, 1), 255, np.uint8)
    image[0, 10, 12] = 0
    moved = shifted(np.repeat(image, 500, axis=0), np.random.default_rng(0))
    places = {tuple(np.argwhere(picture[..., 0] == 0)[0]) for picture in moved}
    assert places == {(y, x) for y in range(8, 13) for x in range(10, 15)}


@pytest.mark.parametrize("answer", [features, probabilities])
def test_an_image_has_the_same_bits_whatever_n_is(answer):
    network, (images, _) = tiny(), draw_letters("ABC", BATCH + 9, 3, size=16)
    everything = answer(network, images)
    assert everything.dtype == np.float64
    assert np.array_equal(answer(network, images[:1]), everything[:1])
    assert np.array_equal(answer(network, images[BATCH:]), everything[BATCH:])
    assert answer(network, images[:0]).shape == (0, everything.shape[1])


def test_scaling_brings_features_to_one_and_leaves_the_answers():
    network, (images, labels) = tiny(), draw_letters("ABC", 60, 3, size=16)
    before = probabilities(network, images)
    scale_features(network, LabelledImages(images, labels))
    assert np.mean(features(network, images)**2) == pytest.approx(1, rel=1e-5)
    assert probabilities(network, images) == pytest.approx(before, abs=1e-5)


def test_probabilities_are_some():
    network, (images, _) = tiny(), draw_letters("ABC", 5, 3, size=16)
    scores = probabilities(network, images)
    assert scores.sum(axis=1) == pytest.approx(1)
    assert scores.min() >= 0
