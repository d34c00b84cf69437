"""Evaluate: samples against real images held out of training (samples, extractor, a normalized data set => scores)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from genimg_core.params import Section, Share
from genimg_core.stages.contract import Check, Picture, Stage, StageReport, write_json
from genimg_core.training.params import Seed, Threads

if TYPE_CHECKING:
    import numpy as np

    from genimg_core.metrics.features import Extractor
    from genimg_core.metrics.reference import RealImages
    from genimg_core.metrics.scores import Score

COLUMNS = 12
"""Of the contact sheet."""
PAIRS = 36
"""Generated images on it, each with a real one of its class below."""

CHECKS = (
    ("kid_finite", "KID is a number", True),
    ("real_images_held_out", "the scores rest on real images that no model was trained on", False),
    ("coverage_above_floor_share", "coverage, as a part of what other real images reach", False),
)
"""Name, description, blocking."""


class EvaluateParams(Section):
    """How samples are compared with real images."""

    max_images: Annotated[int, Field(ge=10, le=20_000)] = 5000
    """At most this many images on each side (time grows with the square)."""
    min_real_images: Annotated[int, Field(ge=10)] = 50
    """A smaller test split is joined by the validation split; where both are still fewer, the train split serves."""
    resamples: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Half-samples behind each interval."""
    interval: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Nominal probability of each interval."""
    neighbours: Annotated[int, Field(ge=1, le=50)] = 5
    """k of coverage: the neighbour whose distance is a real image's radius."""
    min_coverage_share: Share = 0.25
    """A warning when coverage is below this part of its real-vs-real floor."""


def evaluate(*, samples: Path, extractor: Path, dataset: Path, evaluation: Path, report: Path, name: str, seed: int,
             threads: int, params: EvaluateParams) -> StageReport:
    """KID, FD and coverage of the samples, each with its floor and interval, in evaluation/scores.json.

    Both sides have n images, the smaller of what was drawn and of what is held out, chosen by seed. Real images are
    taken only from the classes that the samples were asked to be.

    Raises:
        CorruptFileError: a sample, the extractor or the data set cannot be read, or they do not fit each other.
        ParamsError: the extractor takes images of another kind.
        EmptyDatasetError: too few images to score.
    """
    from genimg_core.metrics.features import load_extractor
    from genimg_core.metrics.reference import choose_evenly, choose_real
    from genimg_core.metrics.samples import read_samples
    from genimg_core.seeds import generator
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing

    data, eyes, drawn = NormalizedDataset(dataset), load_extractor(extractor), read_samples(samples)
    classes = data.settings.classes
    asked = _class_indices(drawn.labels, classes, samples)
    real = choose_real(data, frozenset(asked.tolist()), min(len(asked), params.max_images), params.min_real_images,
                       params.neighbours + 2, seed)
    chosen = choose_evenly(asked, len(real.labels), generator(seed, "evaluate/generated"))
    generated, labels = drawn.images[chosen], asked[chosen]
    with computing("cpu", threads):
        scores = _scores(eyes, real, generated, labels, params, seed)
        agreement = _class_agreement(eyes, classes, generated, labels, real)
    tree = {"model": drawn.model, "dataset": data.settings.dataset, **_described(scores, eyes, real, params)}
    write_json(evaluation / "scores.json", tree)
    facts = {**tree, "model_sha256": drawn.model_sha256, "dataset_sha256": data.settings.sha256,
             "generated": len(asked), "extractor": eyes.settings.id, "class_agreement": agreement}
    flat = {key: value for score in ("kid", "fd", "coverage")
            for key, value in ((score, scores[score].value), (f"{score}_floor", scores[score].floor))}
    return StageReport(facts=facts, metrics=flat, checks=_checks(scores, real, params),
                       pictures=_pictures(report, classes, generated, labels, real))


def _class_indices(labels: tuple[str, ...], classes: tuple[str, ...], samples: Path) -> np.ndarray:
    """Class names => int64 indices into the data set's classes."""
    import numpy as np

    from genimg_core.errors import CorruptFileError

    index = {name: place for place, name in enumerate(classes)}
    unknown = sorted(set(labels) - set(index))
    if unknown:
        raise CorruptFileError(f"{samples} holds images of class '{unknown[0]}', which the data set does not have",
                               f"run `genimg run evaluate@{samples.name}`, which brings the samples up to date first")
    return np.array([index[label] for label in labels], np.int64)


def _scores(eyes: Extractor, real: RealImages, generated: np.ndarray, labels: np.ndarray, params: EvaluateParams,
            seed: int) -> dict[str, Score]:
    from genimg_core.errors import EmptyDatasetError
    from genimg_core.metrics.scores import score_features
    from genimg_core.seeds import generator

    real_features = eyes.features(real.images)
    try:
        return score_features(real_features, eyes.features(generated), eyes.features(real.floor),
                              real_labels=real.labels, generated_labels=labels, k=params.neighbours,
                              resamples=params.resamples, probability=params.interval,
                              draws=generator(seed, "evaluate/halves"))
    except ValueError as error:
        raise EmptyDatasetError(f"the held-out images cannot be scored against: {error}",
                                "add images that differ, or lower evaluate.neighbours") from None


def _described(scores: dict[str, Score], eyes: Extractor, real: RealImages, params: EvaluateParams) -> dict[str, Any]:
    from dataclasses import asdict

    from genimg_core.metrics.scores import NOTES

    figures = {key: asdict(score) for key, score in scores.items()}
    return {"scores": {eyes.settings.id: {"sha256": eyes.settings.sha256, **figures}}, "images": len(real.labels),
            "real_split": real.real_split, "floor_split": real.floor_split, "interval": params.interval, "notes": NOTES}


def _class_agreement(eyes: Extractor, classes: tuple[str, ...], generated: np.ndarray, labels: np.ndarray,
                     real: RealImages) -> dict[str, Any] | None:
    """How often the extractor's own classifier sees the class that was asked for; beside it, the same of real images.

    None where the extractor knows other classes than the data set.
    """
    import numpy as np

    known = eyes.settings.classes
    if eyes.settings.task != "class" or len(classes) < 2 or not set(classes) <= set(known):
        return None
    place = np.array([known.index(name) for name in classes])
    right = eyes.probabilities(generated).argmax(axis=1) == place[labels]
    real_right = eyes.probabilities(real.images).argmax(axis=1) == place[real.labels]
    return {"generated": float(right.mean()), "real": float(real_right.mean()),
            "classes": {classes[k]: float(right[labels == k].mean()) for k in np.unique(labels)}}


def _checks(scores: dict[str, Score], real: RealImages, params: EvaluateParams) -> tuple[Check, ...]:
    import math

    coverage = scores["coverage"]
    share = coverage.value / coverage.floor if coverage.floor else 0.0
    seen = ((math.isfinite(scores["kid"].value), scores["kid"].value, "finite"),
            (real.real_split != "train", real.real_split, "test or validation"),
            (share >= params.min_coverage_share, share, params.min_coverage_share))
    return tuple(Check(name, *figures, description, blocking)
                 for (name, description, blocking), figures in zip(CHECKS, seen, strict=True))


def _pictures(report: Path, classes: tuple[str, ...], generated: np.ndarray, labels: np.ndarray,
              real: RealImages) -> tuple[Picture, ...]:
    """A row of generated images above a row of real ones, class by class."""
    import numpy as np

    from genimg_core.reports.pictures import contact_sheet, even_strides, save_png

    by_class = [i for i in np.argsort(labels, kind="stable") if labels[i] in set(real.labels.tolist())]
    shown = [by_class[i] for i in even_strides(len(by_class), PAIRS)]
    used: dict[int, int] = {}
    pairs = []
    for i in shown:
        same = np.flatnonzero(real.labels == labels[i])
        turn = used.get(int(labels[i]), 0)
        used[int(labels[i])] = turn + 1
        pairs.append((generated[i], real.images[same[turn % len(same)]], classes[labels[i]]))
    images, captions = [], []
    for start in range(0, len(pairs), COLUMNS):
        row = pairs[start:start + COLUMNS]
        images += [pair[0] for pair in row] + [pair[1] for pair in row]
        captions += [f"{pair[2]}\ndrawn" for pair in row] + [f"{pair[2]}\nreal" for pair in row]
    columns = min(COLUMNS, max(1, len(pairs)))
    save_png(contact_sheet(images, captions, columns=columns), report / "generated_and_real.png")
    return (Picture("generated_and_real.png", "Generated images, and below each a real one of its class"),)


STAGE = Stage(
    name="evaluate",
    summary="score samples against real images held out of training",
    inputs=("samples", "extractor", "dataset"),
    outputs=("evaluation",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("evaluate", EvaluateParams)},
    run=evaluate,
)
