"""What the scores need to be worked out, gates that suit the data and the budget, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genimg_core.configuring import sizing
from genimg_core.configuring.sizing import Choice
from genimg_core.configuring.subject import Run
from genimg_core.configuring.survey import Survey

WARN_REJECTED = 0.05
TELLING_IMAGES = 200
"""Held-out images from which on KID tells enough to stop a run by it: with fewer its interval is too wide."""
COLLAPSED = 0.1
"""Coverage, as a part of its floor, that even a control that learns from few images reaches unless it collapses."""
SHORT_EPOCHS, SHORT_SEEN = 10, 50_000
"""A training under either is too short to be held to more than not collapsing."""


def evaluate_settings(surveys: Sequence[Survey], held_out: list[int]) -> tuple[dict[str, Any], list[Choice]]:
    """What small sets need for their scores to be worked out at all."""
    from genimg_core.stages.evaluate import EvaluateParams

    defaults = EvaluateParams()
    settings: dict[str, Any] = {}
    choices = []
    least = min(held_out)
    if least < defaults.min_real_images:
        settings["min_real_images"] = max(10, least)
        choices.append(Choice("evaluate.min_real_images", settings["min_real_images"],
                              f"{least} images are held out for sure; with fewer, training images would judge"))
    # A side needs two images more than neighbours; the worst draw of splits leaves a third of the images on a side.
    most = min(survey.usable for survey in surveys) // 3 - 2
    if most < defaults.neighbours:
        settings["neighbours"] = max(1, most)
        choices.append(Choice("evaluate.neighbours", settings["neighbours"], "so few images have no more neighbours"))
    return settings, choices


def gates_for(runs: list[Run], tree: dict[str, Any], held_out: list[int]) -> tuple[dict[str, Any], list[Choice]]:
    """Looser gates where a model is not meant to be good, or too few images judge it: the report still tells.

    One section holds for all models, the from-scratch control among them.
    """
    seen = {run.name: tree[run.section][run.name]["seen_images"] for run in runs}
    short = next((run.name for run in runs if seen[run.name] < SHORT_SEEN
                  or seen[run.name] < SHORT_EPOCHS * run.subject.survey.usable), None)
    control = next((run.name for run in runs if run.control), None)
    reason = f"{control} is a control and may be poor" if control else f"{short} is trained briefly" if short else ""
    settings: dict[str, Any] = {}
    choices = []
    if reason:
        settings["min_coverage_share"] = COLLAPSED
        choices.append(Choice("evaluate.min_coverage_share", COLLAPSED, f"{reason}: still the alarm for a collapse"))
    if min(held_out) < TELLING_IMAGES:
        reason = reason or f"{min(held_out)} held-out images tell too little to stop a run by"
    if reason:
        settings["require_better_than_baseline"] = False
        choices.append(Choice("evaluate.require_better_than_baseline", False, f"{reason}; the report compares them"))
    return settings, choices


def warnings_of(survey: Survey) -> list[str]:
    """What a user should know of a data set before a run, one line each."""
    from genimg_core.stages.clean import NEAR

    told = []
    if survey.rejected_share > WARN_REJECTED:
        reasons = ", ".join(f"{share:.1%} {reason}" for reason, share in survey.rejected.items() if share >= 0.001)
        told.append(f"{survey.dataset}: the rules would reject {survey.rejected_share:.1%} of the files ({reasons})")
    if survey.unreadable_share > WARN_REJECTED:
        told.append(f"{survey.dataset}: {survey.unreadable_share:.1%} of the files cannot be read; the gate is set "
                    "wider to let them pass: look at them before you trust the rest")
    if survey.rejected.get(NEAR, 0) > WARN_REJECTED:
        told.append(f"{survey.dataset}: are the near-duplicates copies, or variants that you want? "
                    f"`near_duplicates: false` under datasets.{survey.dataset}.clean keeps them")
    labelled = sum(survey.classes.values())
    if len(survey.classes) > 1 and survey.unlabelled > labelled:
        told.append(f"{survey.dataset}: {survey.unlabelled:,} images without a label, {labelled:,} with one: most "
                    "labels will be a classifier's guess")
    if len(survey.classes) > max(1, 0.2 * survey.usable):
        told.append(f"{survey.dataset}: {len(survey.classes):,} classes for {survey.usable:,} images: does the label "
                    "name the image rather than its kind?")
    elif (rare := [label for label, count in survey.classes.items() if count < 5]) and len(survey.classes) > 1:
        told.append(f"{survey.dataset}: fewer than 5 images in {len(rare)} of {len(survey.classes)} classes "
                    f"(such as '{rare[0]}'): a model hardly learns them")
    if survey.usable < 2 * sizing.ENOUGH_TEST:
        told.append(f"{survey.dataset}: {survey.usable} usable images: scores will say little")
    return told
