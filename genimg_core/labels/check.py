"""Label errors: given labels that classifiers which have not seen the image find wrong.

The images are dealt out to folds, one classifier is trained without each, and judges it; its answers are calibrated
over all folds (see calibration.py). Doubts are drawn from them by one of two rules: `unlikely` (another class is
likelier, and the label is more probably an accident than right) or `confident_joint` (confident learning, Northcutt et
al. 2021: cleanlab's find_label_issues, which estimates how many images of each class are labelled as which).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genimg_core.labels.calibration import AS_IT_IS, Calibration, calibrate
from genimg_core.labels.folds import deal
from genimg_core.labels.predict import by_chunks
from genimg_core.labels.settings import Rule
from genimg_core.models.classifier.examples import LabelledImages
from genimg_core.models.classifier.fit import fit
from genimg_core.models.classifier.infer import logits
from genimg_core.models.classifier.settings import ClassifierSettings

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3
RULES = ("unlikely", "confident_joint")


@dataclass(frozen=True)
class Doubts:
    """Labels that are likely wrong, the least likely first; M of them."""

    places: np.ndarray
    """int64 (M,), positions in the table."""
    given: np.ndarray
    """(M,) of str."""
    suggested: np.ndarray
    """(M,) of str: the likeliest class."""
    confidence: np.ndarray
    """float64 (M,): its calibrated probability."""
    given_confidence: np.ndarray
    """float64 (M,): the probability that the given label is right."""

    def where(self, chosen: np.ndarray) -> Doubts:
        """Those of `chosen`, bool (M,)."""
        return Doubts(self.places[chosen], self.given[chosen], self.suggested[chosen], self.confidence[chosen],
                      self.given_confidence[chosen])


@dataclass(frozen=True)
class LabelCheck:
    """What the cross-validation found."""

    judged: int
    """Labels that were judged."""
    unjudged: int
    """Labels of classes with too few images to tell."""
    agreed: float | None
    """Share of the judged labels that are the likeliest class; None where none was judged."""
    calibration: Calibration | None
    by_rule: dict[str, int]
    """How many labels each rule doubts."""
    doubts: Doubts
    """By the chosen rule, without those that are trusted."""


@dataclass(frozen=True)
class Judged:
    """Every label, judged by a classifier that was trained without its image; M of them, C classes."""

    places: np.ndarray
    """int64 (M,), positions in the table."""
    classes: np.ndarray
    """(C,) of str, sorted."""
    given: np.ndarray
    """int64 (M,): the given classes."""
    scores: np.ndarray
    """float64 (M, C): probabilities of the classes, calibrated where there are enough labels."""
    right: np.ndarray
    """float64 (M,): the probability that the given label is right."""
    calibration: Calibration | None


def check_labels(images: np.ndarray, table: pd.DataFrame, settings: ClassifierSettings, rule: Rule, unlikely: float,
                 seed: int, trusted: np.ndarray | None = None) -> LabelCheck:
    """Judge the given labels and doubt some of them.

    Args:
        images: uint8 (K, S, S, C), indexed by the table's `row`.
        table: the clean table.
        settings: the budget of each of the FOLDS classifiers.
        rule: how doubts are drawn from the probabilities: one of RULES, or `either`.
        unlikely: for the rule of that name, in [0, 1].
        seed: of the run.
        trusted: bool (N,), rows that teach and are never doubted; none by default.
    """
    labelled = int(((table["status"] == "kept") & table["label"].notna()).sum())
    judged = judge(images, table, settings, seed)
    count = len(judged.places)
    if not count:
        return LabelCheck(0, labelled, None, None, dict.fromkeys(RULES, 0), _doubts(judged, np.empty(0, bool)))
    found = {one: doubtful(judged, one, unlikely) for one in RULES}
    doubted = np.logical_or.reduce(list(found.values())) if rule == "either" else found[rule]
    if trusted is not None:
        doubted = doubted & ~trusted[judged.places]
    agreed = float((judged.scores.argmax(axis=1) == judged.given).mean())
    return LabelCheck(count, labelled - count, agreed, judged.calibration,
                      {one: int(own.sum()) for one, own in found.items()}, _doubts(judged, doubted))


def judge(images: np.ndarray, table: pd.DataFrame, settings: ClassifierSettings, seed: int) -> Judged:
    """Train a classifier without each fold, and let it judge the fold; none where fewer than two classes can be.

    Rows of the source's test split are judged and teach nothing, as in labels/given.py. Arguments as of `check_labels`.
    """
    labels, rows = table["label"].to_numpy(dtype=object), table["row"].to_numpy()
    teaching = ((table["status"] == "kept") & table["label"].notna() & (table["split"] != "test")).to_numpy()
    folds = deal(table, teaching, FOLDS, seed)
    places = np.flatnonzero(folds >= 0)
    classes, given = np.unique(labels[places].astype(str), return_inverse=True)
    if len(classes) < 2:
        return Judged(places[:0], classes, given[:0], np.empty((0, max(1, len(classes)))), np.empty(0), None)
    answers = np.empty((len(places), len(classes)))
    for fold in range(FOLDS):
        taught = np.flatnonzero((folds[places] != fold) & teaching[places])
        network = fit(LabelledImages(images, given[taught], rows[places[taught]]), len(classes), settings, seed,
                      f"label/check/{fold}")
        own = np.flatnonzero(folds[places] == fold)
        answers[own] = by_chunks(images, rows[places[own]], lambda chunk, network=network: logits(network, chunk))
    calibration = calibrate(answers, given, folds[places])
    scaling = calibration.scaling if calibration else AS_IT_IS
    return Judged(places, classes, given, scaling.of_class(answers), scaling.right(answers, given), calibration)


def doubtful(judged: Judged, rule: str, unlikely: float) -> np.ndarray:
    """Which labels one of RULES finds likely wrong: bool (M,); `unlikely` as of `check_labels`."""
    disagreed = judged.scores.argmax(axis=1) != judged.given
    if rule == "unlikely":
        return disagreed & (judged.right < unlikely)
    from cleanlab.filter import find_label_issues

    return disagreed & find_label_issues(judged.given, judged.scores, n_jobs=1)


def _doubts(judged: Judged, doubted: np.ndarray) -> Doubts:
    """The doubted ones, the least likely label first."""
    order = np.flatnonzero(doubted)[np.argsort(judged.right[doubted], kind="stable")]
    scores = judged.scores[order]
    return Doubts(judged.places[order], judged.classes[judged.given[order]], judged.classes[scores.argmax(axis=1)],
                  scores.max(axis=1), judged.right[order])
