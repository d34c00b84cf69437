"""What the readers of label files share: a file's label and split, and the rule against contradictions."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from genimg_core.errors import SourceError

SPLITS = ("train", "validation", "test")
MAX_LABELS_BYTES = 256 * 2**20
"""A larger JSONL or JSON of labels is refused: it is held in memory, several times over."""


@dataclass(frozen=True)
class Described:
    """What is known of a source file besides its bytes."""

    label: str | None
    split: str | None


def gather(file: str, unit: str, rows: Iterable[tuple[int, str, Described]]) -> dict[str, Described]:
    """What a file of labels says, by path; the same said twice is borne.

    Args:
        file: its name, for errors.
        unit: what is counted, `line` or `task`.
        rows: (which, path, what is known), paths already normal.

    Raises:
        SourceError: two rows say different things of one path.
    """
    found: dict[str, tuple[int, Described]] = {}
    for number, path, described in rows:
        if path in found and found[path][1] != described:
            raise SourceError(
                f"{file} names {path!r} twice, differently, on {unit}s {found[path][0]} and {number}",
                f"keep one of the {unit}s",
            )
        found.setdefault(path, (number, described))
    return {path: described for path, (_, described) in found.items()}


def normal(path: str) -> str:
    """`./a//b` -> `a/b`; `..` stays, and so is never found."""
    return str(PurePosixPath(path)) if path else ""


def split_of(text: str, where: str) -> str | None:
    """A split, or None for an empty one.

    Raises:
        SourceError: it is none of SPLITS.
    """
    if text and text not in SPLITS:
        raise SourceError(f"{where}: split {text!r}", f"a split is one of {', '.join(SPLITS)}, or empty")
    return text or None


def text_from(value: Any, where: str, what: str) -> str:
    """A JSON value as the text that a CSV would hold: null is empty, true and false are words, whole numbers too.

    Raises:
        SourceError: it is a list, an object, a fraction, or text that no UTF-8 file can hold.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise SourceError(f"{where}: the {what} is {_short(value)}", f"a {what} is text (or a whole number)")
    try:
        value.encode("utf8")
    except UnicodeEncodeError:
        raise SourceError(f"{where}: the {what} {value!r} holds half a character (a lone surrogate)",
                          "write the file as UTF-8") from None
    return value.strip()


def labels_bytes(file: str, key: str) -> bytes:
    """All of a JSONL or JSON file of labels.

    Args:
        file: its path.
        key: the one in params.yaml that names it.

    Raises:
        SourceError: missing, unreadable, or larger than MAX_LABELS_BYTES.
    """
    path = Path(file)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"the labels file {path} is no regular file", f"correct `labels.{key}` in params.yaml")
        if status.st_size > MAX_LABELS_BYTES:
            raise SourceError(f"{path} is larger than {MAX_LABELS_BYTES >> 20} MiB", "keep only paths and labels in it")
        with path.open("rb") as stream:
            return stream.read(MAX_LABELS_BYTES).removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError:
        raise SourceError(
            f"there is no labels file {path}",
            f"correct `labels.{key}` in params.yaml (it is relative to the working directory)",
        ) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
        raise SourceError(f"the labels file {path} cannot be read ({reason})", "make it a readable file") from None


def no_constant(name: str) -> Any:
    """For `json.loads(parse_constant=…)`: NaN and Infinity are no JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is no JSON value")


def _short(value: Any) -> str:
    # Not repr(): it fails on very deep values, and prints very long ones.
    return {list: "a list", dict: "an object", float: "a fraction"}.get(type(value), "no text")
