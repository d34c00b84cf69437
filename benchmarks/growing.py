"""One run of a growth cell in a process of its own: `python -m benchmarks.growing JSON` prints JSON.

A process of its own, because its greatest memory is what is measured.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def grow(family: str, family_params: dict[str, Any], size: int, channels: int, images: int, batch: int,
         seconds: float, threads: int) -> dict[str, Any]:
    """Train on noise from a data set on disk, as the pipeline does, for so many processor seconds.

    Args:
        family: what is trained.
        family_params: its settings.
        size: side in pixels.
        channels: 1 or 3.
        images: in the train split.
        batch: images a step.
        seconds: of processor time, after three steps that warm up; at least three steps.
        threads: CPU threads.
    """
    import torch

    from genimg_core.models.family import FAMILIES, ModelSpec
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.cost import operations_per_image
    from genimg_core.training.data import TrainSet
    from genimg_core.training.devices import computing
    from genimg_core.training.loop import Trainer
    from genimg_core.training.params import TrainParams

    with tempfile.TemporaryDirectory() as name, computing("cpu", threads) as device:
        folder = Path(name)
        written = os.fork()  # what writing takes is not this process's
        if not written:
            _write(folder, images, size, channels)
            os._exit(0)
        if os.waitpid(written, 0)[1]:
            raise SystemExit("the data set could not be written")
        entry = FAMILIES[family]
        bound = entry.load(ModelSpec(size, channels, 2), entry.params(**family_params))
        before = _memory()
        began = time.process_time()
        data = NormalizedDataset(folder)
        params = TrainParams(dataset="noise", seen_images=10**9, batch=batch)
        torch.manual_seed(0)
        resident = TrainSet(data.images("train"), data.labels("train"), device)
        trainer = Trainer(bound, bound.build(), resident, params, 0)
        loaded = time.process_time() - began
        for _ in range(3):
            trainer.step()
        started, seen, steps = time.process_time(), trainer.seen_images, []
        while time.process_time() - started < seconds or len(steps) < 3:
            begun = time.process_time()
            trainer.step()
            steps.append(time.process_time() - begun)
        peak = _memory()
        operations = operations_per_image(bound, trainer.networks, bound.spec, batch)
    return {"processor_s_per_image": sorted(steps)[len(steps) // 2] / batch, "steps": len(steps),
            "peak_mib": peak, "mib_over_start": peak - before, "load_processor_s": loaded,
            "operations_per_image": operations, "seen_images": trainer.seen_images - seen,
            "weights": sum(weight.numel() for weight in trainer.networks.parameters())}


def _write(folder: Path, images: int, size: int, channels: int) -> None:
    """A normalized data set of noise."""
    import numpy as np

    from genimg_core.store.arrays import write_normalized

    shape = (images, size, size, channels)
    place = folder / "noise.npy"
    drawn = np.lib.format.open_memmap(place, mode="w+", dtype=np.uint8, shape=shape)
    draws = np.random.default_rng(0)
    for start in range(0, images, 1024):
        part = drawn[start:start + 1024]
        part[:] = draws.integers(0, 256, part.shape, np.uint8)
    drawn.flush()
    del drawn
    few = np.zeros((2, *shape[1:]), np.uint8)
    write_normalized(
        folder, dataset="noise", classes=("a", "b"), background="#ffffff",
        images={"train": np.load(place, mmap_mode="r"), "validation": few, "test": few},
        labels={"train": np.arange(images) % 2, "validation": np.arange(2), "test": np.arange(2)})
    place.unlink()


def _memory() -> float:
    """The greatest so far, in MiB. (getrusage would count what the process had that started this one.)"""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the system does not tell the greatest memory of a process")


if __name__ == "__main__":
    print(json.dumps(grow(**json.loads(sys.argv[1]))))
