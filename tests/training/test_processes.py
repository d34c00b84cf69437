"""Several processes train as one does; one that dies ends the others, and the run goes on from its snapshot."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from genimg_core.errors import ParamsError, SetupError
from genimg_core.params import parse
from genimg_core.stages.pretrain import PretrainParams
from genimg_core.training.companions import Place, place_here
from genimg_core.training.devices import Team, computing, together
from genimg_core.training.generators import torch_generator
from tests.models.tiny import NARROW, write_dataset
from tests.training.one_of_several import VARIANTS, trained

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(**changes):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **changes}


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What two real processes over gloo have come to, all variants in one go."""
    folder = tmp_path_factory.mktemp("two")
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GENIMG_MEETING": f"file://{folder}/meeting",
              "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-m", "tests.training.one_of_several", str(folder)]
    running = [subprocess.Popen(command, cwd=ROOT, env=environment(**shared, RANK=str(rank), LOCAL_RANK=str(rank)),
                                stderr=subprocess.PIPE, text=True) for rank in range(2)]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    return folder


def off(found, wanted):
    """The greatest difference, as a part of the greatest figure."""
    return ((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)).item()


@pytest.mark.parametrize("name", VARIANTS)
def test_two_processes_give_the_gradients_and_weights_of_one(name, of_two):
    """The same draws to the bit; gradients but for the order of summation in fp32.

    Adam divides a gradient by its own size, so where a gradient is nothing but rounding (1e-8 of the greatest) a weight
    may move by a whole step of its rate: so weights are compared in the mean, gradients one by one.
    """
    with computing("cpu", 1):
        one = trained(name, Team())
    two = load_file(of_two / f"{name}.safetensors")
    assert torch.equal(one["generator"], two["generator"])
    gradients = [key for key in one if key.startswith("gradient.")]
    assert len(gradients) > 5 and any(one[key].abs().max() > 0 for key in gradients)
    greatest = max(one[key].abs().max().item() for key in gradients)
    for key in gradients:
        assert (two[key] - one[key]).abs().max().item() < 1e-5 * greatest, key
    for part in ("weight.", "average."):
        ours, theirs = (torch.cat([values[key].flatten() for key in one if key.startswith(part)])
                        for values in (one, two))
        assert ((ours - theirs).norm() / ours.norm()).item() < 1e-3, part
    for key in (key for key in one if key.startswith("log.")):
        assert two[key].item() == pytest.approx(one[key].item(), rel=1e-3, abs=1e-5), key


def test_draws_with_a_row_per_image_are_shared_out(monkeypatch):
    whole, rows = torch_generator(0, "draws"), []
    wanted = [torch.randn(6, 3, generator=whole), torch.rand(6, generator=whole),
              torch.randint(0, 9, (6, 2), generator=whole), torch.randn(1, 4, generator=whole),
              torch.rand(5, 6, generator=whole)]
    for rank in range(3):
        own, team = torch_generator(0, "draws"), Team(rank, 3)
        with team.draws(own, 6):
            rows.append([torch.randn(2, 3, generator=own), torch.rand(torch.Size([2]), generator=own),
                         torch.randint(0, 9, (2, 2), generator=own), torch.randn(1, 4, generator=own),
                         torch.rand(5, 2, generator=own)])
            assert not torch.equal(torch.rand(2), torch.rand(2)), "another generator's draws are its own"
        assert torch.equal(own.get_state(), whole.get_state())
    for place in range(3):
        assert torch.equal(torch.cat([part[place] for part in rows]), wanted[place])
    assert all(torch.equal(part[3], wanted[3]) for part in rows)
    assert torch.equal(torch.cat([part[4] for part in rows], dim=1), wanted[4])


def test_a_draw_that_cannot_be_shared_says_so():
    own = torch_generator(0, "draws")
    with Team(0, 2).draws(own, 4), pytest.raises(NotImplementedError, match="bernoulli"):
        torch.bernoulli(torch.rand(2), generator=own)


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ParamsError, match="64 cannot be shared evenly by 3"):
        parse(PretrainParams, {"dataset": "base", "processes": 3}, "pretrain.m")


def test_another_number_of_processes_than_params_say(monkeypatch):
    for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"), "1412", strict=True):
        monkeypatch.setenv(name, value)
    assert place_here() == Place(1, 4, 1, 2)
    with pytest.raises(SetupError, match=r"4 process\(es\) were started.*processes: 2"), \
            together(2, torch.device("cpu")):
        pass


def test_the_processes_of_a_machine_share_its_threads(monkeypatch):
    for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"), "0402", strict=True):
        monkeypatch.setenv(name, value)
    with computing("cpu", 6):
        assert torch.get_num_threads() == 3


def command_line(folder, seen_images=4800):
    """`genimg pretrain m` in a project of its own, in two processes."""
    write_dataset(folder / "data")
    entry = {"dataset": "base", "family": "gan", "seen_images": seen_images, "batch": 16, "log_images": 320,
             "snapshot_images": 640, "device": "cpu", "processes": 2, "gan": NARROW["gan"]}
    (folder / "params.yaml").write_text(json.dumps({"seed": 0, "threads": 2, "pretrain": {"m": entry}}))
    return ["genimg_core.cli", "pretrain", "m", "--dataset", "data", "--model", "model", "--report", "report",
            "--metrics", "metrics.json"]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for part in ("model", "report") for path in sorted((folder / part).rglob("*"))}


def companion_of(pid):
    """The process id of the companion, once it is one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next((int(child) for child in children
                 if b"genimg_core.cli" in Path(f"/proc/{child}/cmdline").read_bytes()), None)


def until(condition, running):
    deadline = time.monotonic() + 120
    while not condition():
        assert running.poll() is None and time.monotonic() < deadline, "it ended too early"
        time.sleep(0.002)


@pytest.mark.slow  # three starts of two processes, one of them by torchrun
def test_a_lost_process_ends_the_training_clearly_and_it_goes_on_to_the_same_bytes(tmp_path):
    place = tmp_path / "killed"
    command = [sys.executable, "-m", *command_line(place)]
    running = subprocess.Popen(command, cwd=place, env=environment(), stderr=subprocess.PIPE, text=True)
    until(lambda: [*place.glob(".genimg/resume/pretrain-m/*/0*[1-9]*")], running)
    os.kill(companion_of(running.pid), signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 2, said
    assert "process 1 of the 2 that train together was ended by signal 9" in said and "goes on" in said
    assert "Traceback" not in said
    assert not (place / "model").exists() and not [*(place / ".genimg/partial").iterdir()]

    again = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, timeout=120)
    assert again.returncode == 0 and "training m: going on at " in again.stderr, again.stderr
    assert json.loads((place / "model/settings.json").read_text())["train_params"]["processes"] == 2

    other = tmp_path / "torchrun"
    started = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                              "--module", *command_line(other)], cwd=other,
                             env=environment(GLOO_SOCKET_IFNAME="lo"), capture_output=True, text=True, timeout=120)
    assert started.returncode == 0, started.stderr
    assert files(other) == files(place)
    assert not [*(other / ".genimg").glob("partial/*")] and not [*(other / ".genimg/resume").iterdir()]


@pytest.mark.slow
def test_a_companion_ends_with_the_process_that_started_it(tmp_path):
    command = [sys.executable, "-m", *command_line(tmp_path / "killed", 10**6)]
    running = subprocess.Popen(command, cwd=tmp_path / "killed", env=environment(), stderr=subprocess.DEVNULL)
    until(lambda: companion_of(running.pid), running)
    other = companion_of(running.pid)
    running.kill()
    running.wait()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{other}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{other}").exists(), "a companion outlived the process that started it"
