"""pretrain: through its function, and through the real command line with a real kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from genimg_core.errors import EmptyDatasetError, ParamsError
from genimg_core.models.family import FAMILIES
from genimg_core.params import parse
from genimg_core.stages.pretrain import PretrainParams
from genimg_core.store.arrays import NormalizedDataset, write_normalized
from tests.models.tiny import NARROW, dark_and_light, needs_compiler, run_pretrain, tiny_params, write_dataset

ROOT = Path(__file__).resolve().parent.parent.parent


def test_an_empty_entry_but_for_its_dataset_takes_the_defaults():
    params = parse(PretrainParams, {"dataset": "base"}, "pretrain.m")
    assert params.family == "flow" and params.family_params.width == 32


@pytest.mark.parametrize(("entry", "said"), [
    ({"family": "flaw"}, "flow"), ({"flow": {"widht": 32}}, "width"), ({"seen_image": 5}, "seen_images"),
    ({"seen_images": 0}, "seen_images"), ({"flow": {"width": 3}}, "flow.width"), ({"precision": "fp8"}, "fp32")])
def test_what_is_wrong_in_params_is_named(entry, said):
    with pytest.raises(ParamsError) as caught:
        parse(PretrainParams, {"dataset": "base", **entry}, "pretrain.m")
    assert said in str(caught.value)


def test_report_model_and_log(tmp_path):
    write_dataset(tmp_path / "data")
    report = run_pretrain(tmp_path, tiny_params("flow", seen_images=200), tmp_path / "data")
    assert [(check.name, check.passed) for check in report.checks] == [("loss_is_finite", True), ("budget_spent", True)]
    assert report.metrics["seen_images"] == 224 and report.metrics["train_images"] == 40
    assert report.facts["classes"] == {"dark": 20, "light": 20} and report.facts["parent"] is None
    assert report.facts["train_params"]["learning_rate"] == 4e-3 and report.facts["family_params"]["width"] == 8
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["seen_images"] == 224 and log[-1]["loss"] == report.metrics["loss"]
    for picture in report.pictures:
        with Image.open(tmp_path / "report" / picture.file) as shown:
            assert shown.width > 50


def test_an_empty_train_split(tmp_path):
    images, labels = dark_and_light(6, 8, 1)
    (tmp_path / "data").mkdir()
    write_normalized(tmp_path / "data", dataset="base", classes=("a", "b"), background="#ffffff",
                     images={"train": images[:0], "validation": images, "test": images},
                     labels={"train": labels[:0], "validation": labels, "test": labels})
    assert NormalizedDataset(tmp_path / "data").settings.counts["train"] == 0
    with pytest.raises(EmptyDatasetError, match="train split of base"):
        run_pretrain(tmp_path, tiny_params("flow"), tmp_path / "data")


def test_one_image_of_one_class(tmp_path):
    write_dataset(tmp_path / "data", count=1, classes=("all",))
    assert run_pretrain(tmp_path, tiny_params("flow", seen_images=64), tmp_path / "data").metrics["seen_images"] == 64


def test_without_a_parent_every_hash_depends_on_data_and_params(tmp_path):
    hashes = set()
    for number, (count, rate) in enumerate(((40, 1e-3), (40, 2e-3), (42, 1e-3), (40, 1e-3))):
        root = tmp_path / str(number)
        write_dataset(root / "data", count=count)
        report = run_pretrain(root, tiny_params("vae", seen_images=64, learning_rate=rate), root / "data")
        hashes.add(report.facts["model_sha256"])
    assert len(hashes) == 3


def command_line(folder, family, **changes):
    """`genimg pretrain m` in a project of its own; 300 steps, a snapshot every 40."""
    write_dataset(folder / "data")
    entry = {"dataset": "base", "family": family, "seen_images": 4800, "batch": 16, "log_images": 320,
             "snapshot_images": 640, "device": "cpu", family: NARROW[family], **changes}
    (folder / "params.yaml").write_text(json.dumps({"seed": 0, "threads": 1, "pretrain": {"m": entry}}))
    command = [sys.executable, "-m", "genimg_core.cli", "pretrain", "m", "--dataset", "data", "--model", "model",
               "--report", "report", "--metrics", "metrics.json"]
    return command, {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for part in ("model", "report") for path in sorted((folder / part).rglob("*"))}


@pytest.mark.slow
@pytest.mark.parametrize(("family", "changes"), [*((name, {}) for name in FAMILIES),
                                                 pytest.param("flow", {"compile": True, "precision": "bf16"},
                                                              marks=needs_compiler, id="flow-compiled")])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, family, changes):
    command, env = command_line(tmp_path / "killed", family, **changes)
    killed = subprocess.Popen(command, cwd=tmp_path / "killed", env=env, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    snapshots = ()
    while not any(int(path.name) for path in snapshots):  # the one at 0 is no step on the way
        assert killed.poll() is None and time.monotonic() < deadline, "no snapshot came while the run was going"
        time.sleep(0.002)
        snapshots = (tmp_path / "killed/.genimg").glob("resume/pretrain-m/*/[0-9]*")
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed/model").exists()

    again = subprocess.run(command, cwd=tmp_path / "killed", env=env, check=True, capture_output=True, text=True)
    assert "training m: going on at " in again.stderr
    command, env = command_line(tmp_path / "straight", family, **changes)
    env["TORCHINDUCTOR_CACHE_DIR"] = str(tmp_path / "compiled")  # anew, whatever the other run has left
    subprocess.run(command, cwd=tmp_path / "straight", env=env, check=True, capture_output=True)
    assert files(tmp_path / "killed") == files(tmp_path / "straight")
    assert not [*(tmp_path / "killed/.genimg/resume").iterdir()], "success deletes the state"
