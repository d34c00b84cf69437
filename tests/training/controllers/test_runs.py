"""Controllers at work in real, tiny runs: each failure that they are for is provoked, and cured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.models.model_file import load_model
from genimg_core.training.controllers.augmentation import CERTAINTY
from genimg_core.training.controllers.kl import NATS
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.loop import Trainer, learning_rate_at, train
from tests.letters import draw_letters
from tests.models.tiny import dark_and_light, run_pretrain, tiny_params, write_dataset

ALL = {"gan": {"augment": {"images": 2000}, "penalty": {"low": 0.5, "high": 0.6}, "rate": {"patience": 1},
               "stop": {"patience": None}},
       "vae": {"kl": {"target": 3}, "stop": {"patience": None}},
       "flow": {"rate": {"patience": 1, "better_by": 0.2}, "stop": {"patience": None}}}
"""Every controller of each family."""


def trainer_of(family, adapt, data=None, **changes):
    settings = {"seen_images": 960, "log_images": 32, "adapt": adapt} | changes
    params = tiny_params(family, **settings)
    bound = FAMILIES[family].load(ModelSpec(8, 1, 2), params.family_params)
    torch.manual_seed(0)
    data = TrainSet(*(data or dark_and_light(40, 8, 1)), torch.device("cpu"))
    return Trainer(bound, bound.build(), data, params, seed=0)


def made_up_look(trainer):
    """Figures that follow the averaged weights, up and down."""
    weights = torch.cat([weight.flatten() for weight in trainer.ema.networks.parameters()]).double()
    wave = torch.sin(1e4 * weights.sum()).item()
    return {"variety": 1.0, "coverage": 1.0, "kid": 1.5 + wave, "held_out_loss": 1.5 + wave, "nearest_ratio": 1.0}


@pytest.mark.parametrize("family", ALL)
def test_a_run_with_controllers_resumes_bit_equal(family, tmp_path, monkeypatch):
    def run(name, stop_at=None):
        trainer = trainer_of(family, ALL[family])
        (tmp_path / name).mkdir(exist_ok=True)
        if stop_at is not None:
            step = trainer.step

            def step_until_killed():
                if trainer.seen_images >= stop_at:
                    raise KeyboardInterrupt
                step()

            monkeypatch.setattr(trainer, "step", step_until_killed)
            with pytest.raises(KeyboardInterrupt):
                train(trainer, tmp_path / name, "a run", look=lambda: made_up_look(trainer))
        else:
            train(trainer, tmp_path / name, "a run", look=lambda: made_up_look(trainer))
        return trainer

    with computing("cpu", 1):
        straight = run("straight")
        run("killed", 352)
        run("killed", 640)
        resumed = run("killed")
    assert resumed.events == straight.events and resumed.log == straight.log
    wanted = {"gan": {"augment", "penalty", "rate"}, "vae": {"kl"}, "flow": {"rate"}}[family] | {"keep_best"}
    assert {event["action"] for event in straight.events} == wanted
    for one, other in ((resumed.networks, straight.networks), (resumed.ema.networks, straight.ema.networks)):
        for key, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[key]), key


def test_a_killed_process_goes_on_where_it_was(tmp_path):
    """SIGKILL in the middle of a run with every controller of a GAN."""
    write_dataset(tmp_path / "data")
    program = (
        "import os, signal, sys; from pathlib import Path; from genimg_core.training.loop import Trainer\n"
        "from tests.models.tiny import run_pretrain, tiny_params\n"
        "from tests.training.controllers.test_runs import ALL\n"
        "root, at = Path(sys.argv[1]), int(sys.argv[2]); step = Trainer.step\n"
        "def deadly(self):\n"
        "    step(self)\n"
        "    if self.seen_images == at: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Trainer.step = deadly\n"
        "params = tiny_params('gan', seen_images=640, adapt=ALL['gan'])\n"
        "run_pretrain(root, params, root.parent / 'data')\n")
    for root in ("straight", "killed"):
        (tmp_path / root).mkdir()
    with computing("cpu", 1):
        run_pretrain(tmp_path / "straight", tiny_params("gan", seen_images=640, adapt=ALL["gan"]), tmp_path / "data")
    codes = []
    for at in (288, 0):
        done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "killed"), str(at)], check=False,
                              cwd=Path(__file__).parents[3], env=os.environ | {"OMP_NUM_THREADS": "1"},
                              capture_output=True, text=True)
        codes.append(done.returncode)
    assert codes == [-signal.SIGKILL, 0], done.stderr
    for name in ("weights.safetensors", "settings.json", "log.jsonl", "events.jsonl"):
        one, other = ((tmp_path / root / "model" / name).read_bytes() for root in ("straight", "killed"))
        assert one == other, name
    assert "augment" in (tmp_path / "killed" / "model" / "events.jsonl").read_text()


class Perfect(torch.nn.Module):
    """A generator that has nothing to learn: it draws from the law of the real images."""

    def __init__(self):
        super().__init__()
        self.idle = torch.nn.Parameter(torch.zeros(1))

    def forward(self, latent, labels):
        return noisy(latent, labels) + 0 * self.idle


def noisy(latent, labels):
    """(B, 64), (B,) => dark or light images with noise, (B, 1, 8, 8)."""
    return (labels - 0.5)[:, None, None, None] + 0.15 * latent.view(-1, 1, 8, 8)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_a_discriminator_that_learns_its_images_by_heart_gets_augmentation(loss, tmp_path):
    """Overfitting of a GAN: real and generated images follow one law, so twelve images can only be known by heart."""
    labels = torch.arange(12) % 2
    pixels = noisy(torch.randn(12, 64, generator=torch.Generator().manual_seed(5)), labels)
    images = ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    sure = {}
    for name, adapt in (("without", {"target": 0.99, "images": 10**9}), ("with", {"images": 4000})):
        params = tiny_params("gan", seen_images=6400, log_images=320, learning_rate=0.02, watch={"critic_share": 0},
                             gan={"width": 8, "r1": 0, "r2": 0, "loss": loss}, adapt={"augment": adapt})
        family = FAMILIES["gan"].load(ModelSpec(8, 1, 2), params.family_params)
        torch.manual_seed(0)
        networks = torch.nn.ModuleDict({"discriminator": family.build()["discriminator"], "generator": Perfect()})
        trainer = Trainer(family, networks, TrainSet(images, labels.numpy(), torch.device("cpu")), params, seed=0)
        (tmp_path / name).mkdir()
        train(trainer, tmp_path / name, "a run")
        sure[name] = float(np.mean([line[CERTAINTY] for line in trainer.log[-10:]]))
    assert sure["without"] > 0.9 and sure["with"] < sure["without"] - 0.15, sure
    assert 0.08 <= max(line["adapt.augmentation"] for line in trainer.log) <= 0.8
    assert {event["action"] for event in trainer.events} == {"augment"}
    assert trainer.events[0]["cause"] == "discriminator_too_sure"


def test_beta_follows_the_target_in_a_real_vae(tmp_path):
    carried = {}
    for target in (2.0, 8.0):
        trainer = trainer_of("vae", {"kl": {"target": target}}, draw_letters("AB", 200, 0, 8), seen_images=9600,
                             log_images=320, learning_rate=0.01)
        (tmp_path / str(target)).mkdir()
        train(trainer, tmp_path / str(target), "a run")
        carried[target] = float(np.mean([line[NATS] for line in trainer.log[-5:]]))
    assert carried[2.0] == pytest.approx(2, rel=0.25) and carried[8.0] == pytest.approx(8, rel=0.25), carried


def test_the_rate_stays_up_until_held_out_images_no_longer_gain(tmp_path):
    trainer = trainer_of("vae", {"rate": {"patience": 2}}, warm_up=0.1)
    assert learning_rate_at(900, trainer.params) == trainer.params.learning_rate
    train(trainer, tmp_path, "a run", look=lambda: {"held_out_loss": max(0.5, 1 - trainer.seen_images / 960)})
    told = [event for event in trainer.events if event["action"] == "rate"]
    assert told and told[0]["cause"] == "plateau" and told[0]["seen_images"] > 480
    last = trainer.log[-1]
    assert last["adapt.rate_factor"] < 1 and last["learning_rate"] == 0.004 * last["adapt.rate_factor"]


def test_an_overfitted_model_is_stopped_and_put_back_to_its_best(tmp_path):
    """Copies, the longer the more: samples drawn towards twelve images, as a generator that learns them by heart."""
    write_dataset(tmp_path / "data")
    params = tiny_params("vae", seen_images=3200, log_images=64, watch={"looks": 50},
                         adapt={"stop": {"patience": 4, "after": 0}})
    from genimg_core.training import held_out

    honest = held_out.HeldOut.look

    def copying(self, drawn):
        share = min(1.0, max(0.0, (copying.looks - 6) / 6))
        copying.looks += 1
        learnt = self._train[np.arange(len(drawn)) % len(self._train)]
        return honest(self, (share * learnt + (1 - share) * drawn).astype(np.uint8))

    copying.looks = 0
    held_out.HeldOut.look = copying
    try:
        report = run_pretrain(tmp_path, params, tmp_path / "data")
    finally:
        held_out.HeldOut.look = honest
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    ratios = [line["nearest_ratio"] for line in log if "nearest_ratio" in line]
    assert ratios[-1] < 0.1 < 0.7 < ratios[3]
    *_, stop, keep = report.facts["events"]
    assert stop["action"] == "stop" and stop["cause"] == "memorizing"
    assert keep["action"] == "keep_best" and keep["after"]["weights_at"] < stop["seen_images"] < 3200
    assert report.facts["stopped"] and all(check.passed for check in report.checks)
    assert report.metrics["seen_images"] == stop["seen_images"]
    load_model(tmp_path / "model")


@pytest.mark.parametrize("family", ALL)
def test_curves_and_events_reach_the_report(family, tmp_path):
    write_dataset(tmp_path / "data")
    report = run_pretrain(tmp_path, tiny_params(family, adapt=ALL[family]), tmp_path / "data")
    events = [json.loads(line) for line in (tmp_path / "model" / "events.jsonl").read_text().splitlines()]
    assert report.facts["events"] == events
    for event in events:
        assert set(event) == {"seen_images", "cause", "detail", "action", "before", "after"}
    assert [picture.file for picture in report.pictures][-1] == "controls.png"
    with Image.open(tmp_path / "report" / "controls.png") as picture:
        assert picture.size == (640, 220 * len(ALL[family]))
    assert report.metrics["restarts"] == 0
