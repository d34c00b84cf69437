import numpy as np
import pytest
import torch

from genimg_core.errors import ParamsError
from genimg_core.models.classifier.examples import LabelledImages, RotatedImages
from genimg_core.models.classifier.fit import accuracy, fit, scale_features, shifted
from genimg_core.models.classifier.infer import BATCH, features, probabilities
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.params import parse
from genimg_core.stages.label import LabelParams
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


@pytest.mark.parametrize(("settings", "least"), [
    ({"optimiser": "adam", "weight_decay": 0.0}, 0.95),
    ({"optimiser": "adamw"}, 0.95),
    ({"optimiser": "sgd", "learning_rate": 0.05, "weight_decay": 5e-4}, 0.95),
    ({"optimiser": "sgd", "learning_rate": 0.05, "nesterov": False, "momentum": 0.8, "weight_decay": 0.0}, 0.95),
    ({"augment": {"crop": 0.1, "rotate_degrees": 8, "colour": 0.2, "mixup": 0.2}}, 0.9)])
def test_every_optimiser_and_augmentation_learns_letters(settings, least):
    images, labels = draw_letters("AKTX", 400, 1, size=16)
    test_images, test_labels = draw_letters("AKTX", 200, 2, size=16)
    budget = ClassifierSettings(seen_images=4000, batch=32, **settings)
    network = fit(LabelledImages(images, labels), 4, budget, 0, "test")
    assert accuracy(network, LabelledImages(test_images, test_labels)) >= least


def test_the_optimisers_differ_and_momentum_and_nesterov_count():
    settings = ({}, {"optimiser": "adam"}, {"optimiser": "sgd"}, {"optimiser": "sgd", "nesterov": False},
                {"optimiser": "sgd", "nesterov": False, "momentum": 0.5}, {"weight_decay": 0.1},
                {"augment": {"flip": True}}, {"augment": {"mixup": 1.0}})
    images, labels = draw_letters("ABC", 60, 1, size=16)
    heads = [fit(LabelledImages(images, labels), 3, ClassifierSettings(seen_images=96, batch=16, **changes), 0,
                 "test").head.weight for changes in settings]
    assert all(not torch.equal(one, other) for place, one in enumerate(heads) for other in heads[:place])


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(ParamsError, match="nesterov"):
        parse(ClassifierSettings, {"optimiser": "sgd", "momentum": 0}, "extractor")


def test_the_check_of_labels_keeps_all_but_the_budget():
    params = parse(LabelParams, {"optimiser": "sgd", "augment": {"crop": 0.2}, "batch": 32}, "label")
    budget = params.with_budget(77)
    assert type(budget) is ClassifierSettings and budget.seen_images == 77
    assert budget.optimiser == "sgd" and budget.augment.crop == 0.2 and budget.batch == 32


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
