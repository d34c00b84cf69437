"""From surveys and a machine to settings with their reasons, and what they cost in seconds and bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genimg_core.configuring import sizing
from genimg_core.configuring.costs import Cost, costs_of, disk_bytes
from genimg_core.configuring.gates import evaluate_settings, gates_for, warnings_of
from genimg_core.configuring.machine import Machine
from genimg_core.configuring.sizing import Choice
from genimg_core.configuring.speed import BUSY, Compiled, Speed, StartTimes
from genimg_core.configuring.subject import Run, Subject
from genimg_core.configuring.survey import Survey
from genimg_core.errors import EmptyDatasetError

MOST_EPOCHS = 250
"""Each image is shown no more often: the built-in Greek letters are learnt well at 216 times, and what is shown much
more often is learnt by heart."""
FEWEST_EPOCHS, FEWEST_SEEN = 10, 5_000
"""A from-scratch control that gets less says nothing."""
BASE_PART = 0.6
"""Of the training time, where there is a target; fine-tuning and its control share the rest."""
MOST_SAMPLES, FEWEST_SAMPLES = 2_000, 100
SAMPLING_PART = 0.1
"""Of the training time that drawing samples may take."""
LONG_S = 600
"""A training that takes so long may be compiled: to measure that takes a minute."""
LOSS_NOTICED = 0.5
"""The gates on counts: a source that has lost half of its images shall not pass unseen."""
SECTIONS = ("profile", "validate", "clean", "label", "normalize")


@dataclass(frozen=True)
class Proposal:
    """What would be written, and why."""

    tree: dict[str, Any]
    """The sections of params.yaml that are set, as plain dicts."""
    choices: tuple[Choice, ...]
    costs: tuple[Cost, ...]
    disk_bytes: int
    warnings: tuple[str, ...]
    notes: dict[str, str]
    """Dotted key of an entry -> a comment beside it in params.yaml."""

    @property
    def seconds(self) -> float:
        """In all."""
        return sum(cost.seconds for cost in self.costs)


def propose(base: Subject, target: Subject | None, machine: Machine, starts: StartTimes,
            speed_at: Callable[[int, int, int], Speed], minutes: float, size: int | None = None,
            scoring_s: Callable[[int], float] = lambda images: 0.0,
            compiled_at: Callable[[Speed, int], Compiled | None] | None = None) -> Proposal:
    """Settings that suit the data, the machine and the time.

    Args:
        base: what the first model learns from.
        target: what it is fine-tuned on, if anything.
        machine: this one.
        starts: seconds that stages take to start.
        speed_at: (size, channels, classes) => measured speed.
        minutes: of training in all.
        size: asked for by the user, in pixels.
        scoring_s: images a side => seconds of evaluating one model.
        compiled_at: (speed, classes) => the same compiled; asked where a training is long. None: compiles nothing.

    Raises:
        EmptyDatasetError: too few usable images in one of them.
    """
    subjects = [base, *([target] if target else [])]
    surveys = [subject.survey for subject in subjects]
    for survey in surveys:
        _check_enough(survey)
    fit, channels = sizing.choose_fit(surveys), sizing.choose_channels(surveys)
    sized, speed = _choose_size(surveys, fit.value, channels.value, speed_at, minutes * 60, size)
    runs, left_out = _runs(base, target, speed, minutes * 60)
    longest = max(speed.plan(run.part * minutes * 60, _most(run))[0] for run in runs) / speed.training_rate
    if compiled_at is not None and longest >= LONG_S:
        speed = replace(speed, compiled=compiled_at(speed, max(len(survey.classes) for survey in surveys)))
    image = (sized, channels, fit, sizing.choose_background(surveys))
    choices = [Choice("threads", machine.threads, f"{machine.cores} processors can be used here"), *image]
    tree: dict[str, Any] = {"threads": machine.threads, "image": {c.key.partition(".")[2]: c.value for c in image},
                            "datasets": {}, "pretrain": {}, "finetune": {}, "generate": {}}
    warnings = [warning for survey in surveys for warning in warnings_of(survey)]
    if speed.processor_share < BUSY:
        warnings.append(f"other programs are at work here: the measurement had {speed.processor_share:.0%} of the "
                        "processors, so the budgets are too low for a quiet machine; configure again when it is")
    held_out = []
    for subject in subjects:
        entry, own = _data_settings(subject.survey)
        tree["datasets"][subject.survey.dataset] = {"source": subject.source} | {key: entry.get(key, {})
                                                                                 for key in SECTIONS}
        choices += own
        held_out.append(_held_out(subject.survey, entry["normalize"].get("test_share", 0.1)))
    training, own, notes = _train_settings(runs, speed, minutes * 60)
    choices += own
    if left_out:
        choices.append(Choice("from-scratch control", "none", left_out))
    for run in runs:
        tree[run.section][run.name] = training[run.name]
    drawing = _samples(runs, dict(zip((s.dataset for s in surveys), held_out, strict=True)), speed, minutes * 60)
    for run, choice in zip(runs, drawing, strict=True):
        guided = {} if len(run.subject.survey.classes) > 1 else {"guidance": 1.0}
        tree["generate"][run.name] = {"dataset": run.subject.survey.dataset, "images": choice.value, **guided}
    choices += drawing
    if any(len(s.classes) < 2 for s in surveys):
        choices.append(Choice("generate.*.guidance", 1.0, "one class: guidance has nothing to tell apart and would "
                                                          "double the time"))
    tree["extractor"] = {"dataset": base.survey.dataset}
    tree["evaluate"], own = evaluate_settings(surveys, held_out)
    gates, why = gates_for(runs, tree, held_out)
    tree["evaluate"] |= gates
    choices += [*own, *why]
    costs = costs_of(subjects, runs, tree, speed, starts, held_out, scoring_s)
    return Proposal(tree, tuple(choices), tuple(costs), disk_bytes(surveys, runs, tree), tuple(warnings), notes)


def _check_enough(survey: Survey) -> None:
    if survey.usable < sizing.FEWEST_USABLE:
        told = ", ".join(f"{share:.0%} {reason}" for reason, share in survey.rejected.items())
        raise EmptyDatasetError(
            f"{survey.dataset} has {survey.usable} usable images of {survey.files} files{f' ({told})' if told else ''}",
            f"bring at least {sizing.FEWEST_USABLE}; some hundred are a beginning")


def _choose_size(surveys: Sequence[Survey], fit: str, channels: int, speed_at: Callable[[int, int, int], Speed],
                 seconds: float, wanted: int | None) -> tuple[Choice, Speed]:
    """32 px, or 64 where the images have them and the time shows the model enough of them."""
    classes = max(len(survey.classes) for survey in surveys)
    median = sizing.side_px(surveys, fit)
    if wanted is not None:
        return Choice("image.size", wanted, f"asked for; images have {median} px (median)"), \
            speed_at(wanted, channels, classes)
    small = sizing.small_size(median)
    speed = speed_at(small.value, channels, classes)
    budget = seconds * (BASE_PART if len(surveys) > 1 else 1)
    if median >= sizing.LARGE and speed.training_rate / 4 * budget >= sizing.LARGE_SEEN_IMAGES / 2:
        larger = speed_at(sizing.LARGE, channels, classes)
        if larger.training_rate * budget >= sizing.LARGE_SEEN_IMAGES:
            return Choice("image.size", sizing.LARGE, f"images have {median} px (median), and this machine shows a "
                          f"model {larger.training_rate:,.0f} of 64 px a second"), larger
    if median >= sizing.LARGE:
        small = small._replace(reason=f"images have {median} px (median); 64 px would want "
                               f"{sizing.LARGE_SEEN_IMAGES:,} images seen, which takes longer here")
    return small, speed


def _runs(base: Subject, target: Subject | None, speed: Speed, seconds: float) -> tuple[list[Run], str]:
    """The trainings; and why there is no from-scratch control, where there is none."""
    if target is None:
        return [Run("pretrain", base.model, base, 1.0)], ""
    part = (1 - BASE_PART) / 2
    enough = max(FEWEST_SEEN, FEWEST_EPOCHS * target.survey.usable)
    tuned = Run("finetune", target.model, target, part, base.model)
    if part * seconds * speed.training_rate < enough:
        first = Run("pretrain", base.model, base, BASE_PART + part)
        return [first, tuned], f"it would need {enough:,} images seen to say anything; give more --minutes for it"
    control = Run("pretrain", f"{target.model}_scratch", target, part, control=True)
    return [Run("pretrain", base.model, base, BASE_PART), control, tuned], ""


def _data_settings(survey: Survey) -> tuple[dict[str, dict[str, Any]], list[Choice]]:
    """What a data set's stages are told beyond their defaults."""
    from genimg_core.stages.clean import CleanParams
    from genimg_core.stages.validate import ValidateParams

    where = f"datasets.{survey.dataset}"
    least = max(ValidateParams().min_images, sizing.below(LOSS_NOTICED * survey.files))
    kept = max(CleanParams().min_images_kept, sizing.below(LOSS_NOTICED * survey.usable))
    entry: dict[str, dict[str, Any]] = {"validate": {"min_images": least}, "clean": {"min_images_kept": kept}}
    noticed = "half of what is there: a source that lost more shall not pass unseen"
    choices = [Choice(f"{where}.validate.min_images", least, noticed if least > 10 else "the least there can be")]
    bound = ValidateParams().max_unreadable_share
    if survey.unreadable_share > bound:
        entry["validate"]["max_unreadable_share"] = _above(survey.unreadable_share)
        choices.append(Choice(f"{where}.validate.max_unreadable_share", _above(survey.unreadable_share),
                              f"{survey.unreadable_share:.1%} are unreadable: the default, {bound:.0%}, stops the run"))
    choices.append(Choice(f"{where}.clean.min_images_kept", kept, noticed if kept > 10 else "the least there can be"))
    if survey.rejected_share > 0.8:
        entry["clean"]["max_rejected_share"] = _above(survey.rejected_share)
        choices.append(Choice(f"{where}.clean.max_rejected_share", _above(survey.rejected_share),
                              f"{survey.rejected_share:.0%} would be rejected"))
    share = sizing.choose_test_share(survey.usable, bool(survey.splits))
    entry["normalize"] = {} if share.value == 0.1 else {"test_share": share.value}
    if survey.usable < 2 * sizing.ENOUGH_TEST:
        entry["normalize"] |= {"validation_share": 0.0, "min_train_images": 4}
        choices.append(Choice(f"{where}.normalize.validation_share", 0.0, "every image is needed elsewhere"))
    return entry, [*choices, share._replace(key=f"{where}.{share.key}")]


def _above(share: float) -> float:
    """A bound with a little room, at most 1."""
    return min(1.0, round(1.2 * share + 0.005, 2))


def _held_out(survey: Survey, share: float) -> int:
    """Test images to count on."""
    given = survey.splits.get("test", 0)
    free = survey.usable - sum(survey.splits.values())
    return given + (sizing.least_held_out(free, share) if free > 0 else 0)


def _train_settings(runs: list[Run], speed: Speed,
                    seconds: float) -> tuple[dict[str, dict[str, Any]], list[Choice], dict[str, str]]:
    """Entries of pretrain and finetune; their reasons; comments."""
    from genimg_core.training.params import TrainParams

    gpu = speed.device != "cpu"
    shared: dict[str, Any] = {}
    network, why_network = sizing.choose_network(gpu, speed.size)
    choices = [Choice("family", "flow", "trains stably and covers all classes; `family: auto` would try others first"),
               Choice("flow.network", network.get("network", "small"), why_network)]
    if speed.batch != TrainParams(dataset="any").batch:
        shared["batch"] = speed.batch
    choices.append(Choice("batch", speed.batch, "fills the GPU" if gpu else
                          "many small steps teach more than few large ones"))
    if speed.precision != "fp32":
        shared["precision"] = speed.precision
    slower = min(speed.training, key=speed.training.__getitem__)
    ratio = speed.training[max(speed.training, key=speed.training.__getitem__)] / speed.training[slower]
    choices.append(Choice("precision", speed.precision, f"measured: fp32 {speed.training['fp32']:,.0f}, bf16 "
                          f"{speed.training['bf16']:,.0f} images/s ({ratio:.2f} times)"))
    if speed.compiled is not None:
        some = [run.name for run in runs if speed.plan(run.part * seconds, _most(run))[1]]
        gain = "faster, for" if some else "not enough for"
        choices.append(Choice("compile", bool(some), f"measured, in bf16: {speed.compiled.rate:,.0f} images/s after "
                              f"{speed.compiled.start_s:.0f} s: {gain} {', '.join(some) or 'these trainings'}"))
    entries, notes = {}, {}
    for run in runs:
        survey = run.subject.survey
        images, compiled = speed.plan(run.part * seconds, _most(run))
        seen = max(640, sizing.below(images))
        flip, why_flip = sizing.choose_flip(survey)
        entry: dict[str, Any] = {"dataset": survey.dataset}
        entry |= {"from": run.parent} if run.parent else {"family": "flow", **({"flow": network} if network else {})}
        entry |= {"seen_images": seen, **shared, **({"precision": "bf16", "compile": True} if compiled else {}),
                  **({"flip": True} if flip else {})}
        entries[run.name] = entry
        where = f"{run.section}.{run.name}"
        spent = f"about {speed.seconds_for(seen, compiled) / 60:.1f} min, each image {seen / survey.usable:,.0f} times"
        if run.control:
            spent = f"the control, nothing learnt before: {spent}"
            notes[where] = "the control: nothing learnt before"
        choices.append(Choice(f"{where}.seen_images", seen, spent if images < _most(run) else
                              f"{spent}; more would be learnt by heart"))
        if not any(choice.key == f"flip ({survey.dataset})" for choice in choices):
            choices.append(Choice(f"flip ({survey.dataset})", flip, why_flip))
    return entries, choices, notes


def _most(run: Run) -> int:
    """Images seen at most."""
    return MOST_EPOCHS * run.subject.survey.usable


def _samples(runs: list[Run], held_out: dict[str, int], speed: Speed, seconds: float) -> list[Choice]:
    """As many as there are held-out images, and no more than the time allows."""
    possible = SAMPLING_PART * seconds / len(runs) * speed.sampling
    choices = []
    for run in runs:
        wanted = min(MOST_SAMPLES, max(FEWEST_SAMPLES, held_out[run.subject.survey.dataset]))
        images = sizing.below(min(wanted, max(FEWEST_SAMPLES, possible)))
        reason = "as many as are held out to judge them by" if images >= sizing.below(wanted) > FEWEST_SAMPLES else \
            "enough to look at" if wanted == FEWEST_SAMPLES else f"what {SAMPLING_PART:.0%} of the training time draws"
        choices.append(Choice(f"generate.{run.name}.images", images, reason))
    return choices
