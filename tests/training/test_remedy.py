"""A run that goes wrong goes back and is cured, or fails clearly; each failure is provoked."""

import json

import numpy as np
import pytest
import torch

from genimg_core.errors import TrainingError
from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.checkpoint import read_start
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.health import Finding
from genimg_core.training.loop import Trainer, train
from tests.models.tiny import dark_and_light, run_pretrain, tiny_params, write_dataset


def trainer_of(family="flow", **changes):
    settings = {"seen_images": 960, "log_images": 32} | changes
    params = tiny_params(family, **settings)
    bound = FAMILIES[family].load(ModelSpec(8, 1, 2), params.family_params)
    torch.manual_seed(0)
    return Trainer(bound, bound.build(), TrainSet(*dark_and_light(40, 8, 1), torch.device("cpu")), params, seed=0)


def spoil(trainer, monkeypatch, factor, at=400):
    """Multiply the loss after `at` images seen, as long as the rate is the first one."""
    honest = trainer.family.loss

    def loss(networks, player, images, labels, generator, progress):
        told = honest(networks, player, images, labels, generator, progress)
        ill = trainer.seen_images >= at and trainer.rate_scale == 1.0
        return told._replace(total=told.total * factor) if ill else told

    monkeypatch.setattr(trainer.family, "loss", loss)


@pytest.mark.parametrize(("factor", "cause"), [(float("nan"), "not_finite"), (1e5, "exploding_gradient")])
def test_numbers_that_run_away_are_cured_by_a_lower_rate(factor, cause, tmp_path, monkeypatch, capsys):
    trainer = trainer_of()
    spoil(trainer, monkeypatch, factor)
    train(trainer, tmp_path, "a run")
    (event,) = trainer.events
    assert event["cause"] == cause and event["seen_images"] == 448 and event["back_to"] == 384
    assert event["after"]["learning_rate"] == event["before"]["learning_rate"] / 2
    assert trainer.seen_images == 960 and np.isfinite([line["loss"] for line in trainer.log]).all()
    assert [line["seen_images"] for line in trainer.log] == list(range(32, 961, 32))
    assert f"{cause.replace('_', ' ')} at 448 images seen" in capsys.readouterr().err


def test_what_no_lower_rate_cures_fails_clearly_after_three_attempts(tmp_path, monkeypatch):
    trainer = trainer_of()
    honest = trainer.family.loss

    def loss(*given):
        told = honest(*given)
        return told._replace(total=told.total * float("nan"))

    monkeypatch.setattr(trainer.family, "loss", loss)
    with pytest.raises(TrainingError, match=r"(?s)not finite at 32 images seen.*after 3 attempt.*lower learning_rate"):
        train(trainer, tmp_path, "a run")
    assert [event["rate_scale"] for event in trainer.events] == [0.5, 0.25, 0.125]


def test_no_restarts_fails_at_once(tmp_path, monkeypatch):
    trainer = trainer_of(watch={"restarts": 0})
    spoil(trainer, monkeypatch, float("nan"))
    with pytest.raises(TrainingError, match="at 448 images seen"):
        train(trainer, tmp_path, "a run")
    assert trainer.events == []


def test_a_discriminator_that_wins_outright_is_held_back(tmp_path, monkeypatch):
    """The generator stands still, so the discriminator of a GAN without penalty wins; stabilised, it cannot."""
    trainer = trainer_of("gan", seen_images=6400, log_images=160, learning_rate=0.1, gan={"width": 8, "r1": 1e-4},
                         watch={"critic_share": 0.05})
    for group in trainer.optimisers["generator"].param_groups:
        group["rate_scale"] = 0.0
    monkeypatch.setattr("genimg_core.models.gan.family.STABILISER", 1e6)
    train(trainer, tmp_path, "a run")
    assert [event["cause"] for event in trainer.events] == ["discriminator_won"]
    assert trainer.events[0]["before"]["r1"] == pytest.approx(1e-4)
    assert trainer.events[0]["after"]["r1"] == pytest.approx(100)


def test_a_discriminator_that_is_led_astray_is_brought_back(tmp_path, monkeypatch):
    """At the first rate, from 400 images on, it climbs its loss instead of lowering it."""
    trainer = trainer_of("gan", seen_images=3200, learning_rate=0.1, gan={"width": 8, "r1": 0.01})
    honest = trainer.family.loss

    def loss(networks, player, images, labels, generator, progress):
        told = honest(networks, player, images, labels, generator, progress)
        astray = player == "discriminator" and trainer.seen_images >= 400 and trainer.rate_scale == 1.0
        return told._replace(total=-told.total) if astray else told

    monkeypatch.setattr(trainer.family, "loss", loss)
    train(trainer, tmp_path, "a run")
    (event,) = trainer.events
    assert event["cause"] == "discriminator_lost" and event["action"] == "go_back"
    assert event["after"] == {"learning_rate": 0.05, "r1": pytest.approx(0.03)}
    assert np.mean([line["discriminator/adversarial"] for line in trainer.log[-9:]]) < 2 * trainer.family.guessing_costs


def test_a_gan_without_penalty_gets_one_when_its_game_is_out_of_balance():
    for gan, weights in (({}, {"r1": 3.0}), ({"r1": 0}, {"r1": 1.0}),
                         ({"r1": 0, "network": "fully_connected"}, {"r1": 1}),
                         ({"network": "dcgan"}, {}), ({"loss": "wasserstein"}, {}),
                         ({"loss": "relativistic", "r1": 0.1, "r2": 0}, {"r1": 0.3, "r2": 1.0})):
        family = trainer_of("gan", gan={"width": 8} | gan).family
        assert family.stabilise(1) == pytest.approx(weights)
        assert family.stabilise(2) == pytest.approx({name: 3 * weight for name, weight in weights.items()})
        assert family.stabilise(0) == {name: family.params.penalties[name] for name in weights}


def test_a_collapse_goes_back_to_before_it_began(tmp_path):
    trainer = trainer_of("gan", snapshot_images=32, watch={"looks": 30})
    varied = iter([0.9] * 10 + [0.3] * 2 + [0.9] * 40)

    def look():
        share = next(varied)
        return {"variety": share, "coverage": share}

    train(trainer, tmp_path, "a run", look=look)
    (event,) = trainer.events
    assert event["cause"] == "collapse" and event["seen_images"] == 12 * 32
    assert event["back_to"] == 10 * 32  # the eleventh snapshot was suspicious
    assert event["stabilised"] == 1 and event["after"]["r1"] == 3 * event["before"]["r1"]
    assert all(line["variety"] == 0.9 for line in trainer.log)


def test_the_last_attempt_at_a_collapse_begins_anew(tmp_path):
    trainer = trainer_of("gan", snapshot_images=32, watch={"looks": 30})
    start = {name: weight.clone() for name, weight in trainer.networks.state_dict().items()}
    varied = iter([0.9] * 10 + [0.3] * 6 + [0.9] * 40)
    began = []

    def look():
        if len(trainer.restarts) == 3 and not began:
            began.append(trainer.seen_images)
        share = next(varied)
        return {"variety": share, "coverage": share}

    train(trainer, tmp_path, "a run", look=look)
    assert [event["back_to"] for event in trainer.restarts] == [320, 320, 0] and began == [32]
    assert [event["rate_scale"] for event in trainer.restarts] == [0.5, 0.25, 0.125]
    assert [event["stabilised"] for event in trainer.restarts] == [1, 2, 3]
    first = read_start(tmp_path)
    assert all(torch.equal(first.tensors[f"networks.{name}"], weight) for name, weight in start.items())


def test_a_run_killed_after_it_went_back_resumes_bit_equal(tmp_path, monkeypatch):
    with computing("cpu", 1):
        straight = trainer_of()
        spoil(straight, monkeypatch, float("nan"))
        (tmp_path / "straight").mkdir()
        train(straight, tmp_path / "straight", "a run")
        first = trainer_of()
        spoil(first, monkeypatch, float("nan"))
        (tmp_path / "killed").mkdir()
        step = first.step

        def step_until_killed():
            if first.events and first.seen_images >= 512:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(first, "step", step_until_killed)
        with pytest.raises(KeyboardInterrupt):
            train(first, tmp_path / "killed", "a run")
        second = trainer_of()
        spoil(second, monkeypatch, float("nan"))
        train(second, tmp_path / "killed", "a run")
    assert len(straight.events) == 1 and second.events == straight.events and second.log == straight.log
    for key, value in straight.networks.state_dict().items():
        assert torch.equal(value, second.networks.state_dict()[key]), key


def test_events_reach_the_model_and_the_report(tmp_path, monkeypatch):
    findings = iter([None, None, Finding("collapse", "as told by the test")])
    monkeypatch.setattr("genimg_core.training.loop.diagnose", lambda *given: next(findings, None))
    write_dataset(tmp_path / "data")
    report = run_pretrain(tmp_path, tiny_params("gan"), tmp_path / "data")
    (event,) = [json.loads(line) for line in (tmp_path / "model" / "events.jsonl").read_text().splitlines()]
    assert report.facts["events"] == [event] and report.metrics["restarts"] == 1
    assert event["detail"] == "as told by the test" and event["after"]["r1"] == 3


def test_a_run_that_is_well_has_no_events(tmp_path):
    write_dataset(tmp_path / "data")
    report = run_pretrain(tmp_path, tiny_params("vae"), tmp_path / "data")
    assert report.facts["events"] == [] and (tmp_path / "model" / "events.jsonl").read_bytes() == b""
    assert '"variety"' in (tmp_path / "model" / "log.jsonl").read_text()
