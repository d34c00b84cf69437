"""Labels for the images that came without one, from a classifier trained on those that came with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.labels.calibration import CROSS_FITS, Calibration, calibrate
from genimg_core.labels.given import labelled_part
from genimg_core.models.classifier.examples import LabelledImages
from genimg_core.models.classifier.fit import fit
from genimg_core.models.classifier.infer import logits, probabilities
from genimg_core.models.classifier.network import ClassifierNetwork
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.seeds import generator

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
    """float64 (N,), in [0, 1]: the greatest softmax probability, calibrated where enough images were held out."""
    labeller: Labeller
    calibration: Calibration | None = None
    """None where too few labelled images were held out to tell how sure it may be."""


@dataclass(frozen=True)
class TrainedLabeller:
    """A classifier of the labelled images, and how sure it may be."""

    network: ClassifierNetwork
    classes: list[str]
    """Of its answers, in order."""
    labeller: Labeller
    calibration: Calibration | None

    def scores(self, images: np.ndarray, rows: np.ndarray, calibrated: bool = True) -> np.ndarray:
        """Probabilities float64 (N, classes) of the images uint8 (K, S, S, C) at `rows` (N,)."""
        temperature = self.calibration.temperature if self.calibration is not None and calibrated else 1.0
        return by_chunks(images, rows, lambda chunk: probabilities(self.network, chunk, temperature))


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
    labels, rows = table["label"].to_numpy(dtype=object), table["row"].to_numpy()
    classes = sorted(set(labels[((table["status"] == "kept") & table["label"].notna()).to_numpy()]))
    if len(classes) == 1:
        part = labelled_part(table, held_out_share, seed)
        count = len(part.train) + len(part.held_out)
        confidence = np.full(len(missing), (count + 1) / (count + 2))
        return Predictions(np.array(classes * len(missing), object), confidence, Labeller(0, 0, None))
    trained = train_labeller(images, table, settings, held_out_share, seed)
    scores = trained.scores(images, rows[missing])
    return Predictions(np.array([trained.classes[place] for place in scores.argmax(axis=1)], object),
                       scores.max(axis=1), trained.labeller, trained.calibration)


def train_labeller(images: np.ndarray, table: pd.DataFrame, settings: ClassifierSettings, held_out_share: float,
                   seed: int) -> TrainedLabeller:
    """Train on the labelled rows, of at least two classes; test and calibrate on those held out.

    Arguments as of `predict_missing`.
    """
    part = labelled_part(table, held_out_share, seed)
    labels, rows = table["label"].to_numpy(dtype=object), table["row"].to_numpy()
    known = sorted(set(labels[part.train]))
    index = {name: place for place, name in enumerate(known)}
    train, held_out = (np.array([index[name] for name in labels[places]], np.int64) for places in part)
    network = fit(LabelledImages(images, train, rows[part.train]), len(known), settings, seed, "label")
    if not len(held_out):
        return TrainedLabeller(network, known, Labeller(len(train), 0, None), None)
    answers = by_chunks(images, rows[part.held_out], lambda chunk: logits(network, chunk))
    right = float((answers.argmax(axis=1) == held_out).mean())
    folds = generator(seed, "label/calibration").permutation(len(held_out)) % CROSS_FITS
    calibration = calibrate(answers, held_out, folds) if len(known) > 1 else None
    return TrainedLabeller(network, known, Labeller(len(train), len(held_out), right), calibration)


def by_chunks(images: np.ndarray, rows: np.ndarray, answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`answer` for the images at `rows`, CHUNK of them in memory at a time."""
    return np.concatenate([answer(images[rows[chunk]]) for chunk in np.array_split(
        np.arange(len(rows)), max(1, -(-len(rows) // CHUNK)))])
