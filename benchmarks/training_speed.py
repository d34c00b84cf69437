"""Images per second of training the flow, by size, precision and compilation, against eager fp32 in the same run.

    python benchmarks/training_speed.py [--device cpu|cuda] [--seconds 10] [--name training_speed]

Random images: what they show does not change what a step costs. The data is resident on the device.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from benchmarks.machine import write_results
from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.models.flow import FlowParams
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.loop import Trainer
from genimg_core.training.params import TrainParams

SETTINGS = (("fp32", False), ("fp32", True), ("bf16", False), ("bf16", True))
SHAPES = {"cpu": ((32, 1, 32, 64),), "cuda": ((32, 1, 32, 64), (32, 3, 64, 512), (64, 3, 128, 512))}
"""Size in px, channels, width, batch."""


def images_per_second(spec: ModelSpec, width: int, params: TrainParams, threads: int, seconds: float) -> float:
    """The rate after a warm-up (which compiles)."""
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (4096, spec.size, spec.size, spec.channels), np.uint8)
    labels = draws.integers(0, spec.classes, 4096)
    family = FAMILIES["flow"].load(spec, FlowParams(width=width))
    with computing(params.device, threads) as device:
        trainer = Trainer(family, family.build().to(device), TrainSet(images, labels, device), params, seed=0)
        for _ in range(8):
            trainer.step()
        _wait(device)
        steps, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            for _ in range(4):
                trainer.step()
            _wait(device)
            steps += 4
        return steps * params.batch / (time.perf_counter() - started)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--name", default="training_speed")
    given = parser.parse_args()
    rows = []
    for size, channels, width, batch in SHAPES[given.device]:
        plain = None
        for precision, compiled in SETTINGS:
            params = TrainParams(dataset="random", seen_images=10**9, batch=batch, precision=precision,
                                 compile=compiled, device=given.device)
            rate = images_per_second(ModelSpec(size, channels, 26), width, params, given.threads, given.seconds)
            plain = plain or rate
            what = f"{size} px, {channels} channel(s), width {width}, batch {batch}"
            how = f"{precision}{', compiled' if compiled else ''}"
            print(f"{what:44} {how:16} {rate:9,.0f} images/s  {rate / plain:5.2f} x", flush=True)
            rows.append({"claim": f"training the flow, {what}, {how}", "value": round(rate, 1), "target": None,
                         "better": "higher", "unit": "images/s", "compared_with": f"eager fp32: {plain:.1f}"})
    write_results(given.name, rows)


if __name__ == "__main__":
    main()
