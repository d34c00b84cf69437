"""Labels for the images that came without one, from a classifier trained on those that came with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.labels.given import labelled_part
from genimg_core.models.classifier.examples import LabelledImages
from genimg_core.models.classifier.fit import accuracy, fit
from genimg_core.models.classifier.infer import probabilities
from genimg_core.models.classifier.settings import ClassifierSettings

if TYPE_CHECKING:
    import pandas as pd


CHUNK = 4096
"""Images in memory at a time."""


@dataclass(frozen=True)
class Labeller:
    """What is known of the classifier that predicted."""

    trained_on: int
    """Images; 0 where one class left nothing to train."""
    held_out: int
    """Labelled images it did not see."""
    accuracy: float | None
    """Share of the held-out images it labels right; None without any."""


@dataclass(frozen=True)
class Predictions:
    """A label for each row asked for, in that order."""

    labels: np.ndarray
    """(N,) of str."""
    confidence: np.ndarray
    """float64 (N,), in [0, 1]: the greatest softmax probability, not calibrated."""
    labeller: Labeller


def predict_missing(images: np.ndarray, table: pd.DataFrame, missing: np.ndarray, settings: ClassifierSettings,
                    held_out_share: float, seed: int) -> Predictions:
    """Label the rows `missing` from those that have a label.

    Where all labels name one class there is no other to tell it from: each missing one becomes that class too, with the
    confidence (n + 1) / (n + 2) that n images of one class give the next one (Laplace's rule of succession).

    Args:
        images: uint8 (K, S, S, C), indexed by the table's `row`.
        table: the clean table, with at least one label among its kept rows.
        missing: int64 (N,), positions of kept rows without a label.
        settings: the classifier's budget.
        held_out_share: part of each class that the labeller is tested on.
        seed: of the run.
    """
    part = labelled_part(table, held_out_share, seed)
    labels, rows = table["label"].to_numpy(dtype=object), table["row"].to_numpy()
    classes = sorted(set(labels[((table["status"] == "kept") & table["label"].notna()).to_numpy()]))
    if len(classes) == 1:
        count = len(part.train) + len(part.held_out)
        confidence = np.full(len(missing), (count + 1) / (count + 2))
        return Predictions(np.array(classes * len(missing), object), confidence, Labeller(0, 0, None))
    known = sorted(set(labels[part.train]))
    index = {name: place for place, name in enumerate(known)}

    def examples(positions: np.ndarray) -> LabelledImages:
        return LabelledImages(images, np.array([index[name] for name in labels[positions]], np.int64), rows[positions])

    network = fit(examples(part.train), len(known), settings, seed, "label")
    scores = np.concatenate([probabilities(network, images[rows[chunk]]) for chunk in np.array_split(
        missing, -(-len(missing) // CHUNK))])
    right = accuracy(network, examples(part.held_out)) if len(part.held_out) else None
    return Predictions(np.array([known[place] for place in scores.argmax(axis=1)], object), scores.max(axis=1),
                       Labeller(len(part.train), len(part.held_out), right))
