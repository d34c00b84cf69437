"""Settings of torch hold within the block and no longer."""

import pytest
import torch

from genimg_core.errors import SetupError
from genimg_core.training.devices import computing


def test_threads_and_determinism_hold_within_the_block():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with computing("cpu", 1) as device:
        assert device.type == "cpu"
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_a_gpu_that_is_not_there():
    if torch.cuda.is_available():
        with computing("cuda", 1) as device:
            assert device.type == "cuda"
    else:
        with pytest.raises(SetupError, match="cuda"), computing("cuda", 1):
            pass
