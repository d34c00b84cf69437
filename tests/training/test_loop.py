"""The loop: schedule, log, players, and a run that diverges."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from genimg_core.errors import TrainingError
from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.data import TrainSet
from genimg_core.training.loop import Trainer, learning_rate_at, train
from genimg_core.training.params import TrainParams
from tests.models.tiny import NARROW, dark_and_light, tiny_params


def trainer_of(family="flow", images=None, **changes):
    entry = FAMILIES[family]
    bound = entry.load(ModelSpec(8, 1, 2), entry.params(**NARROW[family]))
    torch.manual_seed(0)
    default, labels = dark_and_light(40, 8, 1)
    data = TrainSet(default if images is None else images, labels, torch.device("cpu"))
    return Trainer(bound, bound.build(), data, tiny_params(family, **changes), seed=0)


def test_the_rate_rises_and_falls_to_nothing():
    params = TrainParams(dataset="base", seen_images=1000, learning_rate=0.5, warm_up=0.1)
    rates = [learning_rate_at(seen, params) for seen in range(0, 1001, 50)]
    assert rates[0] == 0 and rates[1] == pytest.approx(0.25) and rates[2] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in pairwise(rates[2:]))
    assert rates[-1] == pytest.approx(0)
    assert learning_rate_at(550, params) == pytest.approx(0.25)


@pytest.mark.parametrize("warm_up", [0.0, 1.0])
def test_the_rate_without_a_rise_or_without_a_fall(warm_up):
    params = TrainParams(dataset="base", seen_images=1000, learning_rate=0.5, warm_up=warm_up)
    assert max(learning_rate_at(seen, params) for seen in range(1, 1001)) == pytest.approx(0.5, rel=0.01)


def test_the_log(tmp_path):
    trainer = trainer_of("gan", seen_images=300)
    train(trainer, tmp_path, "a run")
    assert [line["seen_images"] for line in trainer.log] == [64, 128, 192, 256, 320]
    for line in trainer.log:
        assert set(line) == {"seen_images", "learning_rate", "loss", "discriminator/adversarial", "discriminator/r1",
                             "generator/adversarial", "discriminator.gradient_norm", "generator.gradient_norm"}
        assert line["loss"] == line["generator/adversarial"]


def test_only_the_player_moves():
    trainer = trainer_of("gan")
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    trainer._move(trainer.family.players[0], *trainer.data.batch(torch.arange(8)), 0.01)
    for name, value in trainer.networks.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("generator"), name


def test_class_tables_learn_faster():
    """Adam's first step is as long as the rate, whatever the gradient."""
    trainer = trainer_of("vae", class_rate=10.0)
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    trainer._move(trainer.family.players[0], *trainer.data.batch(torch.arange(8)), 0.002)  # of which the VAE takes half
    longest = {name: (value - before[name]).abs().max().item() for name, value in trainer.networks.state_dict().items()}
    assert longest["autoencoder.decoder.class_embedding.weight"] == pytest.approx(0.01, rel=0.05)
    assert longest["autoencoder.decoder.head.weight"] == pytest.approx(0.001, rel=0.05)


def test_equal_runs_give_equal_weights_and_seeds_matter(tmp_path):
    runs = []
    for number, seed in enumerate((0, 0, 1)):
        trainer = trainer_of()
        trainer = Trainer(trainer.family, trainer.networks, trainer.data, trainer.params, seed)
        (tmp_path / str(number)).mkdir()
        train(trainer, tmp_path / str(number), "a run")
        runs.append(torch.cat([weight.flatten() for weight in trainer.networks.parameters()]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_run_that_diverges_says_so(tmp_path):
    trainer = trainer_of()
    with torch.no_grad():
        next(trainer.networks.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"not finite at 64 images seen: .*after 3 attempt") as caught:
        train(trainer, tmp_path, "a run")
    assert "learning_rate" in caught.value.remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000000", "good"]


def test_bf16_trains_and_leaves_the_weights_in_fp32(tmp_path):
    trainer = trainer_of(precision="bf16")
    train(trainer, tmp_path, "a run")
    assert all(weight.dtype == torch.float32 for weight in trainer.networks.parameters())
    assert np.isfinite(trainer.log[-1]["loss"])


def test_flip_mirrors_about_half():
    images = np.zeros((40, 8, 8, 1), np.uint8)
    images[:, :, :4] = 255
    seen = []

    class Spy:
        """Stands where the family stands and looks at what it is shown."""

        def __init__(self, family):
            self.family, self.players, self.guessing_costs = family, family.players, None

        def loss(self, networks, player, images, labels, generator, progress):
            seen.append(images[:, 0, 0, 0].clone())
            return self.family.loss(networks, player, images, labels, generator, progress)

    for flip in (False, True):
        trainer = trainer_of(images=images, flip=flip)
        trainer.family = Spy(trainer.family)
        for _ in range(4):
            trainer.step()
    left = [(part > 0).double().mean().item() for part in seen]
    assert left[:4] == [1, 1, 1, 1]
    assert all(0.2 < share < 0.8 for share in left[4:])


def drawn(trainer):
    """Something to stand for samples that follows the averaged weights: uint8 (3, 2, 2, 1)."""
    weights = torch.cat([weight.flatten() for weight in trainer.ema.networks.parameters()])
    return (weights[:12] * 1e6).long().remainder(256).to(torch.uint8).reshape(3, 2, 2, 1).numpy()


@pytest.mark.parametrize(("strips", "at"), [(0, []), (1, [320]), (2, [192, 320]), (5, [64, 128, 192, 256, 320])])
def test_strips_are_spread_over_the_budget_and_end_with_it(tmp_path, strips, at):
    trainer = trainer_of(strips=strips)
    train(trainer, tmp_path, "a run", lambda: drawn(trainer))
    assert [seen for seen, _ in trainer.strips] == at


def test_strips_outlive_an_interruption(tmp_path):
    whole = trainer_of(strips=5)
    (tmp_path / "whole").mkdir()
    train(whole, tmp_path / "whole", "a run", lambda: drawn(whole))

    def draw_or_stop():
        if len(first.strips) == 3:
            raise KeyboardInterrupt
        return drawn(first)

    first, second = trainer_of(strips=5), trainer_of(strips=5)
    with pytest.raises(KeyboardInterrupt):
        train(first, tmp_path, "a run", draw_or_stop)
    train(second, tmp_path, "a run", lambda: drawn(second))
    assert [seen for seen, _ in second.strips] == [seen for seen, _ in whole.strips]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(second.strips, whole.strips, strict=True))
    assert len({images.tobytes() for _, images in whole.strips}) > 1


def test_drawing_changes_no_weight(tmp_path):
    runs = []
    for strips in (0, 5):
        trainer = trainer_of(strips=strips)
        (tmp_path / str(strips)).mkdir()
        train(trainer, tmp_path / str(strips), "a run", lambda: drawn(trainer))  # noqa: B023
        runs.append(torch.cat([weight.flatten() for weight in trainer.networks.parameters()]))
    assert torch.equal(*runs)
