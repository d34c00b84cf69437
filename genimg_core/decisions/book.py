"""Changing decisions: all of a change or nothing, one writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from genimg_core.decisions.files import (
    FILE_NAMES,
    LONGEST_LABEL,
    LONGEST_WHY,
    DecidedLabel,
    Verdict,
    decisions_file,
    fault_of,
    read_forgotten,
    read_labels,
    read_verdicts,
    text_of,
)
from genimg_core.errors import DecisionsError

STATE = Path(".genimg")


@dataclass
class Decisions:
    """Of one data set. Changes stand in the files when the block of `changing` ends well."""

    dataset: str
    forgotten: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    labels: dict[str, DecidedLabel] = field(default_factory=dict)

    def decide(self, image_id: str, verdict: Verdict) -> Verdict | None:
        """Keep or reject; the newer decision wins.

        Returns:
            The earlier verdict, if it was another.
        """
        earlier = self.verdicts.get(image_id)
        _check(verdict.why, LONGEST_WHY, "the reason")
        self.verdicts[image_id] = verdict
        return earlier if earlier is not None and earlier != verdict else None

    def name(self, image_id: str, label: DecidedLabel) -> DecidedLabel | None:
        """Say what it shows; the newer decision wins.

        Returns:
            The earlier label, if it was another.
        """
        earlier = self.labels.get(image_id)
        _check(label.label, LONGEST_LABEL, "the label")
        _check(label.why, LONGEST_WHY, "the reason")
        self.labels[image_id] = label
        return earlier if earlier is not None and earlier.label != label.label else None

    def forget(self, image_id: str, why: str) -> None:
        """Nothing else is to be known of it."""
        _check(why, LONGEST_WHY, "the reason")
        self.forgotten[image_id] = why
        self.verdicts.pop(image_id, None)
        self.labels.pop(image_id, None)

    def undo(self, image_id: str) -> list[str]:
        """Leave it to the rules again; what was undone, in words."""
        verdict, label = self.verdicts.pop(image_id, None), self.labels.pop(image_id, None)
        return [*([verdict.decision] if verdict else []), *([f"label {label.label}"] if label else [])]

    def images(self) -> list[str]:
        """Every image that something is decided about, sorted."""
        return sorted({*self.forgotten, *self.verdicts, *self.labels})


def read_decisions(dataset: str, root: Path = Path()) -> Decisions:
    """As the files have them.

    Raises:
        DecisionsError: a line that is none of ours.
    """
    forgotten, verdicts, labels = (decisions_file(dataset, which, root) for which in FILE_NAMES)
    return Decisions(dataset, read_forgotten(forgotten), read_verdicts(verdicts), read_labels(labels))


@contextmanager
def changing(dataset: str, root: Path = Path()) -> Iterator[Decisions]:
    """Yield the decisions; what the block changed is written when it ends without an error.

    Raises:
        DecisionsError: a file cannot be read or written.
    """
    lock = root / STATE / "decisions.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        decisions = read_decisions(dataset, root)
        yield decisions
        entries = (decisions.forgotten, decisions.verdicts, decisions.labels)
        _write({decisions_file(dataset, which, root): text_of(entry, which)
                for which, entry in zip(FILE_NAMES, entries, strict=True)})


def _write(texts: dict[Path, str]) -> None:
    """All drafts first, then the renames: a full disk leaves every file as it was."""
    drafts: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            if path.is_file() and path.read_text(encoding="utf8") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            drafts[path] = path.with_name(f".{path.name}.{os.getpid()}")
            drafts[path].write_text(text, encoding="utf8")
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise DecisionsError(f"the decisions cannot be written ({error.strerror})",
                             "nothing was decided; make room, or get the right to write there") from None
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _check(text: str, longest: int, what: str) -> None:
    if fault := fault_of(text, longest):
        raise DecisionsError(f"{what} {fault}", "say it in one shorter line")
