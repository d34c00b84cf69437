"""One of several processes that train together: `python -m tests.training.one_of_several FOLDER`.

Trains every variant for a few steps and, in the leading process, writes FOLDER/<variant>.safetensors. The test in
test_processes.py starts it with torchrun's variables, and calls `trained` by itself for one process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.companions import place_here
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import Team, computing, together
from genimg_core.training.generators import weights_from
from genimg_core.training.loop import Trainer
from tests.models.tiny import NARROW, dark_and_light, tiny_params

STEPS = 6
VARIANTS = {
    "flow": ("flow", {}, {"flip": True}),
    "flow_attention": ("flow", {"network": "attention"}, {}),
    "gan_r1": ("gan", {"r1": 1.0}, {}),
    "gan_gradient_penalty": ("gan", {"loss": "wasserstein", "critic_steps": 2}, {}),
    "gan_relativistic_r1_r2": ("gan", {"loss": "relativistic"}, {}),
    "gan_fully_connected": ("gan", {"network": "fully_connected"}, {}),
    "vae": ("vae", {}, {"flip": True}),
    "vae_cross_entropy": ("vae", {"reconstruction": "cross_entropy", "beta_warm_up": 0.5}, {}),
}
"""Name -> family, its settings, the run's. Not what looks across a batch: dcgan's batch normalisation, free bits."""


def trained(name: str, team: Team) -> dict[str, Tensor]:
    """Gradients of the first step, weights after STEPS, and the log's figures: what both must have in common."""
    family, own, run = VARIANTS[name]
    bound = FAMILIES[family].load(ModelSpec(8, 1, 2), FAMILIES[family].params(**NARROW[family], **own))
    with weights_from(0, "test"):
        networks = bound.build()
    data = TrainSet(*dark_and_light(40, 8, 1), torch.device("cpu"))
    params = tiny_params(family, processes=team.count, **{family: {**NARROW[family], **own}}, **run)
    trainer = Trainer(bound, networks, data, params, 0, team)
    trainer.step()
    found = {f"gradient.{key}": weight.grad.clone() for key, weight in networks.named_parameters()
             if weight.grad is not None}
    for _ in range(STEPS - 1):
        trainer.step()
    trainer.close_log_line()
    found |= {f"weight.{key}": weight.detach().clone() for key, weight in networks.named_parameters()}
    found |= {f"average.{key}": weight.detach().clone() for key, weight in trainer.ema.networks.named_parameters()}
    found |= {f"log.{key}": torch.tensor(value, dtype=torch.float64) for key, value in trainer.log[-1].items()}
    return found | {"generator": trainer.generator.get_state()}


def main(folder: Path) -> None:
    """See the module."""
    with computing("cpu", 1) as device, together(place_here().count, device) as team:
        for name in VARIANTS:
            found = trained(name, team)
            if team.leads:
                save_file({key: tensor.contiguous() for key, tensor in found.items()}, folder / f"{name}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
