"""A run of any family that is killed at any step, or while it writes a snapshot, ends with the same bits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from genimg_core.models.family import FAMILIES
from tests.training.killed_at_random import KILLS

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, "-m", "tests.training.killed_at_random", str(folder)], cwd=ROOT,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_killed_again_and_again_ends_with_the_same_bits(family, runs):
    folder, killed = runs
    assert killed[family] == KILLS
    straight, other = (load_file(folder / family / f"{part}.safetensors") for part in ("straight", "killed"))
    assert set(straight) == set(other) and len(straight) > 20
    for name, tensor in straight.items():
        assert torch.equal(tensor, other[name]), name
    assert [path.name for path in (folder / family).rglob("draft-*")] == []
