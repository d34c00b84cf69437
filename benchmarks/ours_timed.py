"""Our families by the clock: the product's own step, its schedule told anew how many images the time will hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.drawing import draw
from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.data import TrainSet
from genimg_core.training.generators import weights_from
from genimg_core.training.loop import Trainer
from genimg_core.training.params import TrainParams

if TYPE_CHECKING:
    from benchmarks.timed import Draw, Job

FLOW_SAMPLERS = (("euler", 1), ("euler", 2), ("euler", 4), ("heun", 3), ("heun", 5), ("heun", 10), ("heun", 20))


class Ours:
    """A family of genimg with its Trainer.

    Args:
        job: `settings` hold `train` (of TrainParams), `family` (of the family's params), maybe `guidance` (a list) and
            `samplers` (pairs of solver and steps).
        images: uint8 (N, H, W, C).
        labels: int64 (N,).
    """

    def __init__(self, job: Job, images: np.ndarray, labels: np.ndarray) -> None:
        entry = FAMILIES[job.system]
        spec = ModelSpec(images.shape[1], images.shape[3], job.classes if job.conditional else 1)
        self._family = entry.load(spec, entry.params(**job.settings.get("family", {})))
        self._params = TrainParams(dataset="images", seen_images=10**9, device="cpu", **job.settings.get("train", {}))
        with weights_from(job.seed, "train/weights"):
            networks = self._family.build()
        self.weights = _count(networks)
        data = TrainSet(images, labels, torch.device("cpu"))
        self._trainer = Trainer(self._family, networks, data, self._params, job.seed)
        self._job = job
        self.batch = self._params.batch
        self.weights_drawing = _count(networks[self._family.players[-1].name])

    def step(self, share: float) -> None:
        """The rate, the average's ramp and beta's warm-up follow the share of the time that is over."""
        seen = self._trainer.seen_images
        budget = max(seen + self.batch, round(seen / share)) if share else 10**9
        self._trainer.params = self._params.model_copy(update={"seen_images": budget})
        self._trainer.step()

    def samplers(self) -> dict[str, Draw]:
        """Of the flow: solvers and steps, each with every guidance."""
        if self._family.one_pass:
            return {"one_pass": self._drawing("heun", 1, 1.0)}
        told: dict[str, Any] = self._job.settings
        solvers = told.get("samplers", FLOW_SAMPLERS)
        drawing = {f"{solver}{steps}": self._drawing(solver, steps, 1.0) for solver, steps in solvers}
        for guidance in told.get("guidance", ()):
            drawing |= {f"heun{steps}_guidance{guidance:g}": self._drawing("heun", steps, guidance)
                        for steps in (5, 10)}
        return drawing

    def _drawing(self, solver: Any, steps: int, guidance: float) -> Draw:
        def drawn(labels: np.ndarray, seed: int) -> np.ndarray:
            return draw(self._family, self._trainer.ema.networks, labels, seed, steps=steps, guidance=guidance,
                        solver=solver)

        return drawn


def _count(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def load(job: Job, images: np.ndarray, labels: np.ndarray) -> Ours:
    """For benchmarks.timed."""
    return Ours(job, images, labels)
