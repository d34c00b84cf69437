"""Fashion-MNIST for the model benchmarks: its arrays, and the one network that all systems are scored with.

55,000 training images teach systems and network alike; the other 5,000 choose samplers and are the floor (real images
against real images); the 10,000 test images judge.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from benchmarks.cells import Bench, Recipe
from benchmarks.workshop import real_data
from genimg_core.stages.contract import write_json

SIZE = 28
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
HELD_OUT = 5_000
SCORER = {"seen_images": 200_000, "batch": 128, "learning_rate": 2e-3}


def arrays(bench: Bench) -> Recipe:
    """`train`, `held_out` and `test`: uint8 (N, 28, 28, 1) and int64 (N,) as .npy files."""
    counts = {"train": 600, "held_out": 120, "test": 240} if bench.smoke else {
        "train": 55_000, "held_out": HELD_OUT, "test": 10_000}

    def make(bench: Bench, folder: Path) -> None:
        place = real_data() / "bench-fashion-mnist"
        taken = {"train": ("train", slice(0, counts["train"])), "held_out": ("train", slice(-counts["held_out"], None)),
                 "test": ("t10k", slice(0, counts["test"]))}
        for name, (file, part) in taken.items():
            images, labels = _idx(place / f"{file}-images-idx3-ubyte.gz", 16), _idx(
                place / f"{file}-labels-idx1-ubyte.gz", 8)
            np.save(folder / f"{name}.npy", images.reshape(-1, SIZE, SIZE, 1)[part], allow_pickle=False)
            np.save(folder / f"{name}_labels.npy", labels[part].astype(np.int64), allow_pickle=False)

    return Recipe("fashion", "arrays", counts, ("fashion.py",), make)


def _idx(path: Path, header_bytes: int) -> np.ndarray:
    with gzip.open(path) as stream:
        return np.frombuffer(stream.read()[header_bytes:], np.uint8)


def part(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of `train`, `held_out` or `test`."""
    return (np.load(folder / f"{name}.npy", allow_pickle=False),
            np.load(folder / f"{name}_labels.npy", allow_pickle=False))


def scorer(bench: Bench) -> Recipe:
    """The CNN whose penultimate layer is the feature: weights and how often it is right on the test images."""
    data, settings = arrays(bench), SCORER | ({"seen_images": 640} if bench.smoke else {})

    def make(bench: Bench, folder: Path) -> None:
        from genimg_core.models.classifier.examples import LabelledImages
        from genimg_core.models.classifier.files import save_weights
        from genimg_core.models.classifier.fit import accuracy, fit, scale_features
        from genimg_core.models.classifier.settings import ClassifierSettings
        from genimg_core.training.devices import computing

        learnt, judged = (LabelledImages(*part(bench.made(data), name)) for name in ("train", "test"))
        with computing("cpu", 1):
            network = fit(learnt, len(CLASSES), ClassifierSettings(**settings), 0, "benchmarks/fashion/scorer")
            scale_features(network, learnt)
            right = accuracy(network, judged)
        write_json(folder / "scorer.json", {"accuracy": right, "sha256": save_weights(
            network, folder / "weights.safetensors")})

    return Recipe("scorer", "fashion", {"data": data, **settings}, ("fashion.py", "genimg_core.models.classifier.fit"),
                  make)
