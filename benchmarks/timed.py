"""A training stopped by the clock, then sampled, in a process of its own: `python -m benchmarks.timed JOB.json OUT`.

Ours and the peers go through this same door. Building, compiling and the first steps stand before the clock; drawing
and scoring after it. OUT gets `told.json` (images seen, weights, rates, how busy the machine was with other things)
and, for each sampler, `<name>.npy`, uint8 (n, H, W, C).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

WARM_UP_STEPS = 3
"""Before the clock starts: they compile, and allocate."""
SYSTEMS = {"flow": "ours_timed", "gan": "ours_timed", "vae": "ours_timed", "dcgan": "peer_dcgan",
           "lucidrains": "peer_models", "pythae": "peer_models", "diffusers": "peer_models"}
"""Name => the module beside this one whose `load` builds it."""

Draw = Callable[[np.ndarray, int], np.ndarray]
"""int64 (n,) labels, seed => uint8 (n, H, W, C)."""


class Learner(Protocol):
    """A system that learns from the images it was built with."""

    batch: int
    """Images of a step."""
    weights: int
    """Trained numbers, all networks."""
    weights_drawing: int
    """Those that drawing needs."""

    def step(self, share: float) -> None:
        """Learn from one batch; `share` of the time is over, in [0, 1]."""
        ...

    def samplers(self) -> dict[str, Draw]:
        """Name (a file's) => how it draws, of the weights as they are now."""
        ...


@dataclass(frozen=True)
class Job:
    """What is to be trained."""

    system: str
    """Of SYSTEMS."""
    settings: dict[str, Any]
    conditional: bool
    """Whether classes are told; otherwise there is one class only."""
    classes: int
    data: str
    """A folder with train.npy and train_labels.npy."""
    seconds: float
    """Of training."""
    clock: str
    """`wall`, or `cpu` (processor time, for trials on a busy machine)."""
    threads: int
    seed: int
    drawn: int
    """Images by each sampler."""


def build(job: Job) -> Learner:
    """The system of a job, with its data."""
    images = np.load(Path(job.data) / "train.npy", allow_pickle=False)
    labels = np.load(Path(job.data) / "train_labels.npy", allow_pickle=False)
    module = importlib.import_module(f"benchmarks.{SYSTEMS[job.system]}")
    return module.load(job, images, labels if job.conditional else np.zeros_like(labels))


def train_for(learner: Learner, seconds: float, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Step until the time is over.

    Returns:
        `seen_images` (those before the clock started among them), `seconds`, `images_per_second`, and of the machine
        meanwhile: `load_average` (of a minute, at the start and the end) and `others_busy`, how many cores worked for
        somebody else.
    """
    for _ in range(WARM_UP_STEPS):
        learner.step(0.0)
    load, busy, own, steps = os.getloadavg()[0], _busy_seconds(), time.process_time(), 0
    started, wall = clock(), time.perf_counter()
    while (over := clock() - started) < seconds:
        learner.step(over / seconds)
        steps += 1
    spent, wall = clock() - started, time.perf_counter() - wall
    others = (_busy_seconds() - busy - (time.process_time() - own)) / wall
    return {"seen_images": (steps + WARM_UP_STEPS) * learner.batch, "seconds": round(spent, 2),
            "wall_seconds": round(wall, 2), "images_per_second": round(steps * learner.batch / spent, 1),
            "load_average": [round(load, 2), round(os.getloadavg()[0], 2)], "others_busy": round(max(0.0, others), 2)}


def _busy_seconds() -> float:
    """Processor time of all processes since the machine started, all cores: user, nice, system, interrupts."""
    fields = [int(word) for word in Path("/proc/stat").read_text(encoding="utf8").splitlines()[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK")


def draw_all(job: Job, learner: Learner, out: Path) -> dict[str, Any]:
    """Draw with each sampler and write it; a first batch, which warms up, is not timed. => name => images/s."""
    labels = np.arange(job.drawn) % job.classes if job.conditional else np.zeros(job.drawn, np.int64)
    rates = {}
    for name, draw in learner.samplers().items():
        draw(labels[:learner.batch], job.seed)
        started = time.perf_counter()
        images = draw(labels, job.seed)
        rates[name] = round(job.drawn / (time.perf_counter() - started), 1)
        np.save(out / f"{name}.npy", images, allow_pickle=False)
    return rates


def main() -> None:
    """See the module."""
    job, out = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf8"))), Path(sys.argv[2])
    import torch

    torch.set_num_threads(job.threads)
    learner = build(job)
    told = train_for(learner, job.seconds, {"wall": time.perf_counter, "cpu": time.process_time}[job.clock])
    told |= {"weights": learner.weights, "weights_drawing": learner.weights_drawing, "batch": learner.batch,
             "drawing_images_per_second": draw_all(job, learner, out)}
    (out / "told.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
