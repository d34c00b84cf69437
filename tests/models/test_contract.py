"""What every family owes the rest of the pipeline. A new line in FAMILIES is tested by these without a change."""

import numpy as np
import pytest
import torch

from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.models.model_file import load_model, save_model
from genimg_core.training.augment import Augmentation
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.generators import torch_generator, weights_from
from genimg_core.training.loop import Trainer, train
from tests.models.tiny import NARROW, dark_and_light, run_pretrain, tiny_params, write_dataset

every_family = pytest.mark.parametrize("name", FAMILIES)


def bound(name, size=8, channels=1, classes=2):
    return VARIANTS[name](ModelSpec(size, channels, classes))


def variant(family, **settings):
    entry = FAMILIES[family]
    return lambda spec: entry.load(spec, entry.params(**NARROW[family], **settings))


VARIANTS = {name: variant(name) for name in FAMILIES} | {
    "flow attention": variant("flow", network="attention"),
    "gan dcgan": variant("gan", network="dcgan"),
    "gan fully_connected": variant("gan", network="fully_connected"),
    "gan wasserstein": variant("gan", loss="wasserstein"),
    "gan relativistic": variant("gan", loss="relativistic"),
    "vae clipped": variant("vae", reconstruction="clipped", free_bits=0.1),
    "vae cross_entropy": variant("vae", reconstruction="cross_entropy", beta_warm_up=0.5),
}
"""Every family, and those of its settings that build or compute something else."""
every_variant = pytest.mark.parametrize("name", VARIANTS)


def built(family, seed=0):
    with weights_from(seed, "test"):
        return family.build()


def noise_of(count, seed=0):
    generators = [torch_generator(seed, f"sample/{i}") for i in range(count)]
    return lambda *shape: torch.stack([torch.randn(shape, generator=g) for g in generators])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Family -> a model that a short run has left on disk."""
    root = tmp_path_factory.mktemp("trained")
    write_dataset(root / "data")
    models = {}
    for name in FAMILIES:
        run_pretrain(root / name, tiny_params(name, seen_images=1600, learning_rate=0.01), root / "data")
        models[name] = root / name / "model"
    return models


@every_variant
@pytest.mark.parametrize(("size", "channels", "classes"),
                         [(8, 1, 1), (12, 3, 2), (28, 1, 3), (32, 3, 5), (64, 1, 2), (128, 3, 1)])
def test_shapes(name, size, channels, classes):
    family = bound(name, size, channels, classes)
    networks = built(family)
    assert {player.name for player in family.players} == set(networks)
    labels = torch.arange(3) % classes
    images = torch.rand(3, channels, size, size) * 2 - 1
    for player in family.players:
        loss = family.loss(networks, player.name, images, labels, torch_generator(0, "draws"), 0.5)
        assert loss.total.shape == (3,)
        assert loss.parts and all(part.shape == (3,) for part in loss.parts.values())
        assert torch.allclose(sum(loss.parts.values()), loss.total)
    with torch.no_grad():
        assert family.sample(networks, labels, noise_of(3), 2, 1.5, "heun").shape == images.shape


@every_variant
def test_turned_knobs_are_heeded_and_every_weight_still_learns(name):
    """What controllers turn changes the loss, and nothing else about it."""
    family = bound(name, classes=3)
    networks = built(family)
    with torch.no_grad():  # a head that begins at zero would hide what a knob does (a VAE's divergence is 0 there)
        for weight in networks.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    images, labels = torch.rand(6, 1, 8, 8) * 2 - 1, torch.arange(6) % 3
    plain = {player.name: family.loss(networks, player.name, images, labels, torch_generator(0, "draws"), 1.0)
             for player in family.players}
    for knob in family.knobs:
        turned = bound(name, classes=3)
        turned.knobs[knob] = Augmentation(True) if knob == "augment" else 2.0
        if knob == "augment":
            turned.knobs[knob].strength = 0.8
        loss = turned.loss(networks, family.players[0].name, images, labels, torch_generator(0, "draws"), 1.0)
        before = plain[family.players[0].name]
        assert torch.allclose(sum(loss.parts.values()), loss.total) and set(loss.parts) == set(before.parts)
        assert not torch.equal(loss.total, before.total) or (knob == "penalty" and len(before.parts) == 1), knob
        assert set(loss.figures) == {"augment": {"certainty"}, "beta": {"nats"}}.get(knob, set())
        slopes = torch.autograd.grad(loss.total.mean(), list(networks[family.players[0].name].parameters()))
        assert all(slope.isfinite().all() for slope in slopes)


@every_variant
def test_every_weight_of_a_player_learns(name):
    """`torch.autograd.grad` of the loop refuses a weight that the loss does not reach."""
    family = bound(name, classes=3)
    networks = built(family)
    images = torch.rand(8, 1, 8, 8) * 2 - 1
    for player in family.players:
        loss = family.loss(networks, player.name, images, torch.arange(8) % 3, torch_generator(0, "draws"),
                           1.0).total.mean()
        slopes = torch.autograd.grad(loss, list(networks[player.name].parameters()))
        assert all(slope.isfinite().all() for slope in slopes)
        assert any(slope.any() for slope in slopes)


@every_variant
def test_class_tables_have_a_row_per_class(name):
    family = bound(name, classes=7)
    state = built(family).state_dict()
    assert family.class_tables
    assert all(state[table].shape[0] == 7 for table in family.class_tables)
    other = built(bound(name, classes=4)).state_dict()
    assert {key for key in state if state[key].shape != other[key].shape} == set(family.class_tables)


@every_variant
def test_a_sample_does_not_depend_on_its_neighbours(name):
    family = bound(name)
    networks = built(family).eval()
    with torch.no_grad():
        first = family.sample(networks, torch.tensor([0, 0, 0, 0]), noise_of(4), 3, 2.0, "heun")
        second = family.sample(networks, torch.tensor([0, 1, 1, 1]), noise_of(4), 3, 2.0, "heun")
    assert torch.equal(first[0], second[0])


@every_family
def test_training_learns_the_classes(name, trained):
    images = load_model(trained[name]).sample(np.array([0, 1] * 10), seed=0)
    dark, light = images[0::2].mean(), images[1::2].mean()
    assert dark + 40 < light, (dark, light)


@every_family
def test_the_label_changes_the_sample(name, trained):
    model = load_model(trained[name])
    one, other = model.sample(np.array([0]), seed=0), model.sample(np.array([1]), seed=0)
    assert one.shape == (1, 8, 8, 1) and one.dtype == np.uint8
    assert not np.array_equal(one, other)


@every_family
def test_the_seed_and_the_index_change_the_sample(name, trained):
    model = load_model(trained[name])
    a = model.sample(np.array([0, 0]), seed=0)
    assert not np.array_equal(a[0], a[1])
    assert not np.array_equal(a, model.sample(np.array([0, 0]), seed=1))


@every_family
def test_a_sample_has_the_same_bits_whatever_the_count(name, trained):
    model = load_model(trained[name])
    labels = np.arange(21) % 2
    all_at_once = model.sample(labels, seed=3, batch=8)
    assert np.array_equal(model.sample(labels[:3], seed=3, batch=8), all_at_once[:3])
    assert np.array_equal(model.sample(labels[13:14], seed=3, first_index=13, batch=8), all_at_once[13:14])
    assert np.array_equal(model.sample(labels[5:19], seed=3, first_index=5, batch=8), all_at_once[5:19])


@every_family
def test_save_and_load_round_trip(name, trained, tmp_path):
    model = load_model(trained[name])
    written = save_model(tmp_path, model.networks, model.settings)
    assert written == model.settings
    again = load_model(tmp_path)
    assert again.settings == model.settings
    assert (tmp_path / "weights.safetensors").read_bytes() == (trained[name] / "weights.safetensors").read_bytes()
    assert np.array_equal(again.sample(np.array([0, 1]), seed=0), model.sample(np.array([0, 1]), seed=0))


@every_family
@pytest.mark.parametrize("flip", [False, True])
def test_an_interrupted_run_goes_on_bit_equal(name, flip, tmp_path, monkeypatch):
    params = tiny_params(name, flip=flip)
    images, labels = dark_and_light(40, 8, 1)

    def trainer():
        family = bound(name)
        return Trainer(family, built(family), TrainSet(images, labels, torch.device("cpu")), params, seed=0)

    with computing("cpu", 1):
        straight = trainer()
        (tmp_path / "straight").mkdir()
        train(straight, tmp_path / "straight", "a run")
        interrupted = trainer()
        (tmp_path / "resume").mkdir()
        step = interrupted.step

        def step_until_a_key_is_pressed():
            if interrupted.seen_images == 224:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(interrupted, "step", step_until_a_key_is_pressed)
        with pytest.raises(KeyboardInterrupt):
            train(interrupted, tmp_path / "resume", "a run")
        assert sorted(path.name for path in (tmp_path / "resume").iterdir()) == ["000000000000", "000000000192", "good"]
        resumed = trainer()
        train(resumed, tmp_path / "resume", "a run")
    assert resumed.log == straight.log
    assert len(resumed.log) == 5
    for one, other in ((resumed.networks, straight.networks), (resumed.ema.networks, straight.ema.networks)):
        for key, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[key]), key
