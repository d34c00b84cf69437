"""Settings of torch hold within the block and no longer."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from genimg_core.errors import SetupError
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import autocast, computing


def test_threads_and_determinism_hold_within_the_block():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with computing("cpu", 1) as device:
        assert device.type == "cpu"
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_no_compiler_is_loaded_for_what_compiles_nothing():
    """It takes two seconds, of every stage that draws samples or scores them."""
    code = ("import sys, torch\nfrom genimg_core.training.devices import computing\n"
            "with computing('cpu', 1):\n    assert torch.are_deterministic_algorithms_enabled()\n"
            "print(sorted({'torch._dynamo', 'torch._inductor'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_gpu_that_is_not_there():
    if torch.cuda.is_available():
        with computing("cuda", 1) as device:
            assert device.type == "cuda"
    else:
        with pytest.raises(SetupError, match="cuda"), computing("cuda", 1):
            pass


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_precision_of_products(precision, kind):
    a = torch.ones(2, 2)
    with autocast(torch.device("cpu"), precision):
        assert (a @ a).dtype == kind
    assert (a @ a).dtype == torch.float32


class AGpu:
    """Stands for torch's CUDA: so many GPUs, so much memory free."""

    def __init__(self, monkeypatch, gpus=2, free=1000):
        self.chosen = None
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "set_device", self.choose)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))

    def choose(self, rank):
        self.chosen = rank


def of_several(monkeypatch, rank, count):
    for name, value in (("RANK", rank), ("WORLD_SIZE", count), ("LOCAL_RANK", rank), ("LOCAL_WORLD_SIZE", count)):
        monkeypatch.setenv(name, str(value))


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    """No GPU is here: what is asked of torch is looked at, not what a GPU does."""
    gpu = AGpu(monkeypatch)
    with computing("auto", 1) as device:
        assert device == torch.device("cuda") and gpu.chosen is None
    of_several(monkeypatch, 1, 2)
    with computing("auto", 1) as device:
        assert device == torch.device("cuda", 1) and gpu.chosen == 1
    with computing("cpu", 1) as device:
        assert device == torch.device("cpu")


def test_fewer_gpus_than_processes(monkeypatch):
    AGpu(monkeypatch, gpus=2)
    of_several(monkeypatch, 1, 3)
    with pytest.raises(SetupError, match=r"3 processes .* 2 GPU"), computing("cuda", 1):
        pass


@pytest.mark.parametrize(("free", "resident"), [(10_000, True), (1_000, False)])
def test_a_data_set_lies_on_the_gpu_where_it_has_room(monkeypatch, free, resident):
    """640 bytes of pixels, and half of the free memory for them."""
    AGpu(monkeypatch, free=free)
    asked = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device, **_: asked.append(self.dtype) or self)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: asked.append("pinned") or self)
    data = TrainSet(np.zeros((10, 8, 8, 1), np.uint8), np.zeros(10, np.int64), torch.device("cuda"))
    assert asked == [torch.int64, torch.uint8 if resident else "pinned"]
    assert data.device == torch.device("cuda") and len(data) == 10
