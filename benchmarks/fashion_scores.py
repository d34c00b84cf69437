"""Scores of generated garments: KID, FD, precision, recall and coverage against Fashion-MNIST's test images."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cells import Bench
from benchmarks.fashion import CLASSES, SIZE, arrays, part, scorer
from genimg_core.errors import GenimgError

if TYPE_CHECKING:
    from genimg_core.metrics.scores import Scorer
    from genimg_core.models.classifier.network import ClassifierNetwork

LEAST_ACCURACY = 0.90
"""Of the network on the test images; below it nothing is scored."""
NEIGHBOURS = 5
"""k of coverage and its like."""
RESAMPLES = 60
PROBABILITY = 0.95


class ScorerError(GenimgError):
    """The scorer is not good enough to score."""


class FashionScores:
    """Scores of generated garments.

    Args:
        bench: where the scorer lies; it is trained where it is missing.

    Raises:
        ScorerError: it is right on too few test images.
    """

    def __init__(self, bench: Bench) -> None:
        from genimg_core.models.classifier.files import load_weights

        folder, self._data = bench.made(scorer(bench)), bench.made(arrays(bench))
        told = json.loads((folder / "scorer.json").read_text(encoding="utf8"))
        self.accuracy: float = told["accuracy"]
        if self.accuracy < LEAST_ACCURACY and not bench.smoke:
            raise ScorerError(f"the scorer is right on {self.accuracy:.2%} of the test images, {LEAST_ACCURACY:.0%} "
                              "are required", "train it longer: SCORER in benchmarks/fashion.py")
        self._network: ClassifierNetwork = load_weights(folder / "weights.safetensors", SIZE, 1, len(CLASSES),
                                                        told["sha256"], f"delete {folder}")
        self._resamples = 8 if bench.smoke else RESAMPLES
        self._scorers: dict[int, Scorer] = {}

    def features(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, 28, 28, 1) => float64 (N, 128)."""
        from genimg_core.models.classifier.infer import features

        return features(self._network, images)

    def recognised(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Share of images that the scorer takes for the class that was asked for."""
        from genimg_core.models.classifier.infer import probabilities

        return float((probabilities(self._network, images).argmax(axis=1) == labels).mean())

    @cached_property
    def _held_out(self) -> np.ndarray:
        return self.features(part(self._data, "held_out")[0])

    def choosing(self, images: np.ndarray) -> float:
        """FD against the held-out images: what a sampler's setting is chosen by."""
        from genimg_core.metrics.frechet import frechet_distance

        return frechet_distance(self._held_out, self.features(images))

    def score(self, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """Score => value, floor (as many held-out images), low, high, against the test images.

        Args:
            images: uint8 (n, 28, 28, 1), n at most as many as are held out.
            labels: int (n,), the classes that were asked for; zeros where none was.
        """
        from dataclasses import asdict

        count = min(len(images), len(self._held_out))
        if count not in self._scorers:
            self._scorers[count] = self._scorer(count)
        return {name: asdict(one) for name, one in self._scorers[count].score(self.features(images), labels).items()}

    def _scorer(self, count: int) -> Scorer:
        from genimg_core.metrics.scores import Scorer
        from genimg_core.seeds import generator

        real, labels = part(self._data, "test")
        return Scorer(self.features(real), self._held_out[:count], real_labels=labels, k=NEIGHBOURS,
                      resamples=self._resamples, probability=PROBABILITY,
                      draws=generator(0, "benchmarks/fashion/halves"))
