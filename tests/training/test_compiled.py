"""torch.compile: the same training, for every family; and a machine that cannot."""

import pytest
import torch

from genimg_core.errors import SetupError
from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.loop import Trainer
from tests.models.tiny import NARROW, dark_and_light, needs_compiler, tiny_params

STEPS = 3


def trained(family, compiled, **settings):
    """The averaged weights after some steps."""
    entry = FAMILIES[family]
    with computing("cpu", 1) as device:
        bound = entry.load(ModelSpec(8, 1, 2), entry.params(**NARROW[family], **settings))
        torch.manual_seed(0)
        trainer = Trainer(bound, bound.build(), TrainSet(*dark_and_light(40, 8, 1), device),
                          tiny_params(family, compile=compiled), seed=0)
        for _ in range(STEPS):
            trainer.step()
    return trainer.ema.networks.state_dict()


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize(("family", "settings"), [("flow", {}), ("gan", {"loss": "relativistic"}),
                                                  ("gan", {"network": "dcgan"}), ("vae", {})])
def test_it_learns_the_same(family, settings):
    plain, compiled = trained(family, False, **settings), trained(family, True, **settings)
    assert list(plain) == list(compiled)
    for name, weight in plain.items():
        torch.testing.assert_close(compiled[name], weight, rtol=1e-2, atol=1e-3, msg=name)


def test_without_a_compiler_the_cause_and_the_cure_are_told(monkeypatch, tmp_path):
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    with config.patch({"cpp.cxx": ("no-such-compiler",)}), \
            pytest.raises(SetupError, match="does not work on this machine") as told:
        trained("flow", True)
    assert "g++" in told.value.remedy
