"""What a proposal costs, in seconds and bytes, from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from genimg_core.configuring.speed import Speed, StartTimes
from genimg_core.configuring.subject import Run, Subject
from genimg_core.configuring.survey import Survey


class Cost(NamedTuple):
    """A part of the expected time."""

    what: str
    seconds: float
    how: str  # what it was worked out from


def costs_of(subjects: list[Subject], runs: list[Run], tree: dict[str, Any], speed: Speed, starts: StartTimes,
           held_out: list[int], scoring_s: Callable[[int], float]) -> list[Cost]:
    """The expected seconds of each part of a run.

    Args:
        subjects: the data sets.
        runs: the trainings.
        tree: the proposed settings.
        speed: rates.
        starts: seconds that stages take to start.
        held_out: test images of each data set, in the order of `subjects`.
        scoring_s: images a side => seconds of evaluating one model.
    """
    from genimg_core.stages.extractor import ExtractorParams
    from genimg_core.stages.label import LabelParams

    costs = []
    for subject in subjects:
        survey = subject.survey
        seconds = survey.distinct / survey.decoded_per_s + 3 * starts.gate_s + 3 * starts.plain_s
        if survey.unlabelled and survey.classes:
            seconds += starts.torch_s + LabelParams().seen_images / speed.classifier
        costs.append(Cost(f"data stages of {survey.dataset}", seconds,
                          f"{survey.decoded_per_s:,.0f} images/s decoded, 6 stages started"))
    for run in runs:
        entry = tree[run.section][run.name]
        compiled = entry.get("compile", False)
        rate = speed.compiled.rate if compiled else speed.training_rate
        costs.append(Cost(f"training {run.name}", starts.torch_s + speed.seconds_for(entry["seen_images"], compiled),
                          f"{rate:,.0f} images/s, {'bf16, compiled' if compiled else speed.precision}"))
    drawn = [tree["generate"][run.name]["images"] for run in runs]
    doubled = [2 if tree["generate"][run.name].get("guidance") == 1 else 1 for run in runs]
    costs.append(Cost("drawing samples", len(runs) * starts.torch_s + sum(
        images / (factor * speed.sampling) for images, factor in zip(drawn, doubled, strict=True)),
        f"{speed.sampling:,.0f} images/s"))
    sides = dict(zip((s.survey.dataset for s in subjects), held_out, strict=True))
    compared = [min(images, max(sides[run.subject.survey.dataset], 1)) for run, images in zip(runs, drawn, strict=True)]
    costs.append(Cost("feature network and scores", (len(runs) + 1) * starts.torch_s
                      + ExtractorParams().seen_images / speed.classifier
                      + sum(scoring_s(images) for images in compared),
                      f"{speed.classifier:,.0f} images/s, distances of up to {max(compared):,} images timed"))
    return costs


def disk_bytes(surveys: Sequence[Survey], runs: list[Run], tree: dict[str, Any]) -> int:
    """Bytes of outputs, once more in DVC's cache (a file system that shares blocks needs less), and of the memo."""
    from genimg_core.imaging.profile import THUMBNAIL_SIDE

    pixels = tree["image"]["size"] ** 2 * tree["image"]["channels"]
    outputs = memo = 0
    for survey in surveys:
        profiled = survey.distinct * (pixels + 4 * THUMBNAIL_SIDE**2)
        outputs += survey.bytes + profiled + survey.usable * pixels
        memo += profiled
    drawn = sum(entry["images"] for entry in tree["generate"].values())
    return 2 * (outputs + drawn * (pixels + 4096) + len(runs) * 8 * 2**20) + memo
