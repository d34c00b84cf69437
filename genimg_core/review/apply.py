"""Answers into decisions: all of a file or nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genimg_core.decisions.book import Decisions
from genimg_core.decisions.files import DecidedLabel, Verdict
from genimg_core.decisions.images import KnownImages
from genimg_core.errors import DecisionsError
from genimg_core.params import nearest
from genimg_core.review.answers import Answer
from genimg_core.terminal import printable


@dataclass
class Taken:
    """What came of a file."""

    kept: int = 0
    rejected: int = 0
    labelled: int = 0
    undone: int = 0
    unchanged: int = 0
    """Answers that were decided just so before."""
    overruled: list[str] = field(default_factory=list)
    """Earlier decisions that were others, a line each."""


def apply_answers(answers: Sequence[Answer], known: KnownImages, decisions: Decisions, path: Path,
                  new_labels: bool) -> Taken:
    """Put the answers into `decisions`, the newer over the older.

    Args:
        answers: of the file.
        known: the data set's images.
        decisions: is changed, and only if every answer makes sense.
        path: of the file, for messages.
        new_labels: whether labels are taken that no image bears yet.

    Raises:
        DecisionsError: an unknown image or label, an image that cannot be kept, or two answers about one image.
    """
    resolved: dict[str, Answer] = {}
    for answer in answers:
        image_id = _image(answer, known, path)
        earlier = resolved.setdefault(image_id, answer)
        if (earlier.decision, earlier.label, earlier.undo) != (answer.decision, answer.label, answer.undo):
            raise _wrong(path, answer, f"says otherwise about the same image than {earlier.where}")
        if image_id in decisions.forgotten:
            raise _wrong(path, answer, f"the image {image_id[:12]}… is forgotten")
        if answer.decision == "keep" and known.status and image_id not in known.pixels:
            raise _wrong(path, answer, f"the image {image_id[:12]}… gave no pixels and cannot be kept")
        if answer.label and answer.label not in known.labels and not new_labels:
            told = printable(f"{path}, {answer.where}: no image of {known.dataset} is labelled '{answer.label}'")
            raise DecisionsError(told, f"{nearest(answer.label, sorted(known.labels))}; --new-labels takes new ones. "
                                 "Nothing of the file was taken over")
    taken = Taken()
    for image_id, answer in resolved.items():
        _take(image_id, answer, decisions, taken)
    return taken


def _take(image_id: str, answer: Answer, decisions: Decisions, taken: Taken) -> None:
    before = decisions.verdicts.get(image_id), decisions.labels.get(image_id)
    if answer.undo:
        taken.undone += bool(decisions.undo(image_id)) and not (answer.decision or answer.label)
    if answer.decision:
        earlier = decisions.decide(image_id, Verdict(answer.decision, answer.why))
        if earlier is not None and earlier.decision != answer.decision:
            taken.overruled.append(f"{image_id[:12]}…: {answer.decision} (it was {earlier.decision}"
                                   f"{f': {earlier.why}' if earlier.why else ''})")
    if answer.label:
        named = decisions.name(image_id, DecidedLabel(answer.label, "" if answer.decision else answer.why))
        if named is not None:
            taken.overruled.append(f"{image_id[:12]}…: label {answer.label} (it was {named.label})")
    if before == (decisions.verdicts.get(image_id), decisions.labels.get(image_id)):
        taken.unchanged += bool(answer.decision or answer.label)
        return
    taken.kept += answer.decision == "keep"
    taken.rejected += answer.decision == "reject"
    taken.labelled += bool(answer.label)


def _image(answer: Answer, known: KnownImages, path: Path) -> str:
    try:
        image_id = known.find(answer.image) if answer.image else None
    except DecisionsError as error:
        raise _wrong(path, answer, error.cause) from None
    if image_id is None:
        raise _wrong(path, answer, f"no image of {known.dataset} has the image_id '{answer.image[:70]}'")
    return image_id


def _wrong(path: Path, answer: Answer, what: str) -> DecisionsError:
    return DecisionsError(printable(f"{path}, {answer.where}: {what}"),
                          "correct it there; nothing of the file was taken over")
