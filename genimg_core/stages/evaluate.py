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

    from genimg_core.metrics.copies import CopyStudy
    from genimg_core.metrics.features import Extractor
    from genimg_core.metrics.reference import RealImages
    from genimg_core.metrics.scores import Score

CHECKS = (
    ("kid_finite", "KID is a number", True),
    ("real_images_held_out", "the scores rest on real images that no model was trained on", False),
    ("coverage_above_floor_share",
     "coverage, as a part of what other real images reach: little of it means collapse (evaluate.min_coverage_share)",
     True),
    ("memorization", "share of generated images that are copies of training images (evaluate.max_copied_share)", True),
    ("better_than_baseline",
     "KID, held to that of a PCA-Gaussian, which is no deep model (evaluate.require_better_than_baseline)", True),
    ("copycat_caught", "share that counts as copies of a copycat's images, which all are; the alarm must ring", False),
)
"""Name, description, blocking. A description names the param to set: the message of a failed gate shows it."""


class EvaluateParams(Section):
    """How samples are compared with real images, and what they must reach."""

    max_images: Annotated[int, Field(ge=10, le=20_000)] = 5000
    """At most this many images on each side (time grows with the square)."""
    min_real_images: Annotated[int, Field(ge=10)] = 50
    """A smaller test split is joined by the validation split; where both are still fewer, the train split serves."""
    resamples: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Half-samples behind each interval."""
    interval: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Nominal probability of each interval."""
    neighbours: Annotated[int, Field(ge=1, le=50)] = 5
    """k of precision, recall, density and coverage: the neighbour whose distance is an image's radius."""
    min_coverage_share: Share = 0.25
    """Gate: coverage by the domain CNN must be at least this part of its real-vs-real floor; 0 lets all pass."""
    max_copied_share: Share = 0.2
    """Gate: at most this share of generated images may count as copies of training images, in pixels or in features.

    Real images reach 0.01, up to 0.05 where few are held out; a copier 1. 1 lets all pass."""
    require_better_than_baseline: bool = True
    """Gate: KID by the domain CNN must be below that of the PCA-Gaussian; false lets all pass."""


def evaluate(*, samples: Path, extractor: Path, dataset: Path, evaluation: Path, report: Path, name: str, seed: int,
             threads: int, params: EvaluateParams) -> StageReport:
    """Scores of the samples and of a baseline by each extractor, and what they copied, in evaluation/scores.json.

    Both sides have n images, the smaller of what was drawn and of what is held out, chosen by seed. Real images are
    taken only from the classes that the samples were asked to be. Copies are sought among all that was drawn.

    Raises:
        CorruptFileError: a sample, the extractor or the data set cannot be read, or they do not fit each other.
        ParamsError: the extractor takes images of another kind.
        EmptyDatasetError: too few images to score.
    """
    import numpy as np

    from genimg_core.metrics.baseline import PcaGaussian
    from genimg_core.metrics.copies import study_copies
    from genimg_core.metrics.features import load_extractors
    from genimg_core.metrics.reference import choose_evenly, choose_real
    from genimg_core.metrics.samples import read_samples
    from genimg_core.metrics.sheets import save_quiz
    from genimg_core.seeds import generator
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing

    data, eyes, drawn = NormalizedDataset(dataset), load_extractors(extractor), read_samples(samples)
    classes = data.settings.classes
    asked = _class_indices(drawn.labels, classes, samples)
    real = choose_real(data, frozenset(asked.tolist()), min(len(asked), params.max_images), params.min_real_images,
                       params.neighbours + 2, seed)
    chosen = choose_evenly(asked, len(real.labels), generator(seed, "evaluate/generated"))
    generated, labels = drawn.images[chosen], asked[chosen]
    sought = np.arange(len(asked)) if len(asked) <= params.max_images else chosen
    with computing("cpu", threads):
        gaussian = PcaGaussian(data.images("train"), data.labels("train"), len(classes))
        plain = gaussian.sample(labels, generator(seed, "evaluate/baseline"))
        scores, baseline = _scores(eyes, real, {"model": generated, "baseline": plain}, labels, params, seed)
        agreement = _class_agreement(eyes[0], classes, generated, labels, real)
        copies = study_copies(data, eyes[0], drawn.images[sought], asked[sought], most=params.max_images,
                              resamples=params.resamples, probability=params.interval, seed=seed)
    tree = {"model": drawn.model, "dataset": data.settings.dataset, "class_agreement": agreement,
            **_described(eyes, scores, baseline, copies, real, params)}
    write_json(evaluation / "scores.json", tree)
    quiz = save_quiz(report / "quiz.png", generated, labels, real.images, real.labels, generator(seed, "evaluate/quiz"))
    facts = {**tree, "quiz": quiz, "model_sha256": drawn.model_sha256, "dataset_sha256": data.settings.sha256,
             "generated": len(asked), "extractor": eyes[0].settings.id}
    lead = eyes[0].settings.id
    return StageReport(facts=facts, metrics=_metrics(scores[lead], baseline[lead], copies),
                       checks=_checks(scores[lead], baseline[lead], copies, real, params),
                       pictures=_pictures(report, classes, generated, labels, real, copies))


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


def _scores(eyes: tuple[Extractor, ...], real: RealImages, drawn: dict[str, np.ndarray], labels: np.ndarray,
            params: EvaluateParams, seed: int) -> list[dict[str, dict[str, Score]]]:
    """For each set of images: extractor's id -> scores."""
    from genimg_core.errors import EmptyDatasetError
    from genimg_core.metrics.scores import Scorer
    from genimg_core.seeds import generator

    found: list[dict[str, dict[str, Score]]] = [{} for _ in drawn]
    for eye in eyes:
        try:
            scorer = Scorer(eye.features(real.images), eye.features(real.floor), real_labels=real.labels,
                            k=params.neighbours, resamples=params.resamples, probability=params.interval,
                            draws=generator(seed, "evaluate/halves"))
        except ValueError as error:
            raise EmptyDatasetError(f"the held-out images cannot be scored against: {error}",
                                    "add images that differ, or lower evaluate.neighbours") from None
        for place, images in zip(found, drawn.values(), strict=True):
            place[eye.settings.id] = scorer.score(eye.features(images), labels)
    return found


def _described(eyes: tuple[Extractor, ...], scores: dict[str, dict[str, Score]], baseline: dict[str, dict[str, Score]],
               copies: CopyStudy, real: RealImages, params: EvaluateParams) -> dict[str, Any]:
    from dataclasses import asdict

    from genimg_core.metrics.baseline import WHAT
    from genimg_core.metrics.scores import NOTES

    def plain(found: dict[str, Score]) -> dict[str, Any]:
        return {key: asdict(score) for key, score in found.items()}

    known = {eye.settings.id: {"sha256": eye.settings.sha256, "kind": eye.settings.kind} for eye in eyes}
    return {"scores": {eye: {**known[eye], **plain(found)} for eye, found in scores.items()},
            "baseline": {"what": WHAT, "scores": {eye: plain(found) for eye, found in baseline.items()}},
            "memorization": copies.described(), "copycat": copies.copycat_described(),
            "lead": eyes[0].settings.id, "images": len(real.labels), "real_split": real.real_split,
            "floor_split": real.floor_split, "interval": params.interval, "notes": NOTES}


def _metrics(scores: dict[str, Score], baseline: dict[str, Score], copies: CopyStudy) -> dict[str, float]:
    """Flat figures, by the domain CNN where they are scores."""
    flat = {key: score.value for key, score in scores.items()}
    flat |= {f"{key}_floor": scores[key].floor for key in ("kid", "fd", "coverage")}
    flat |= {f"copied_share_{space}": found.copied_share.value for space, found in copies.model.items()}
    return flat | {"baseline_kid": baseline["kid"].value}


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


def _checks(scores: dict[str, Score], baseline: dict[str, Score], copies: CopyStudy, real: RealImages,
            params: EvaluateParams) -> tuple[Check, ...]:
    import math

    from genimg_core.metrics.copies import CAUGHT_SHARE

    coverage, kid, most = scores["coverage"], scores["kid"].value, params.max_copied_share
    share = coverage.value / coverage.floor if coverage.floor else 1.0
    required = params.require_better_than_baseline
    copied, control = copies.copied_share, copies.copycat_share
    seen = ((math.isfinite(kid), kid, "finite"),
            (real.real_split != "train", real.real_split, "test or validation"),
            (share >= params.min_coverage_share, share, params.min_coverage_share),
            (copied is None or copied <= most, copies.why if copied is None else copied, most),
            (not required or kid < baseline["kid"].value, kid, baseline["kid"].value if required else "not required"),
            (copies.caught, copies.why if control is None else control, CAUGHT_SHARE))
    return tuple(Check(name, *figures, description, blocking)
                 for (name, description, blocking), figures in zip(CHECKS, seen, strict=True))


def _pictures(report: Path, classes: tuple[str, ...], generated: np.ndarray, labels: np.ndarray, real: RealImages,
              copies: CopyStudy) -> tuple[Picture, ...]:
    from genimg_core.metrics.sheets import save_closest_pairs, save_generated_and_real

    save_generated_and_real(report / "generated_and_real.png", classes, generated, labels, real.images, real.labels)
    pictures = [Picture("generated_and_real.png", "Generated images, and below each a real one of its class")]
    if (report / "quiz.png").is_file():
        told = "Real and generated images mixed; `quiz` in report.json tells which are real"
        pictures.append(Picture("quiz.png", told))
    if copies.pairs:
        save_closest_pairs(report / "memorization.png", copies.pairs)
        marks = [f"{found.threshold:.2f} in {space}" for space, found in copies.pairs.items() if found.threshold]
        told = f"; below {' and '.join(marks)} it counts as a copy" if marks else ""
        pictures.append(Picture("memorization.png", "The generated images that come closest to a training image, with "
                                f"the ratio of that distance to the next ones{told}; below each that training image "
                                "and the held-out image nearest to it"))
    return tuple(pictures)


STAGE = Stage(
    name="evaluate",
    summary="score samples against real images held out of training",
    inputs=("samples", "extractor", "dataset"),
    outputs=("evaluation",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("evaluate", EvaluateParams)},
    run=evaluate,
)
