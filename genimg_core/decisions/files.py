"""The decisions about a data set's images, as they lie beside its source.lock for git to version.

data/datasets/D/decisions/forgotten.jsonl    {"image_id", "why"}                          collect reads it
data/datasets/D/decisions/verdicts.jsonl     {"image_id", "decision": keep|reject, "why"} clean (and label) read it
data/datasets/D/decisions/labels.jsonl       {"image_id", "label", "why"}                 label reads it

One line per image, sorted by image_id: two people's decisions merge. Three files and not one, because a file is what a
stage goes stale by: a new label must not copy the source anew. A first line says what a file is; where nobody has
decided anything it stands alone. (To this program an absent file says the same. To DVC a dependency that is absent is
an error and an empty one a warning, and therefore a scan writes these files.)
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from genimg_core.errors import DecisionsError
from genimg_core.store.replacing import replacing

FORGOTTEN = "forgotten"
"""The reason of a row whose image must not be used: its bytes are not even collected."""
FILE_NAMES = ("forgotten", "verdicts", "labels")
VERSION = 1
LONGEST_WHY, LONGEST_LABEL = 1000, 200
"""Characters."""
LARGEST_FILE = 256 * 2**20
IMAGE_ID = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Verdict:
    """Whether an image is used."""

    decision: Literal["keep", "reject"]
    why: str = ""

    @property
    def told(self) -> str:
        """In words."""
        return "kept" if self.decision == "keep" else "rejected"


@dataclass(frozen=True)
class DecidedLabel:
    """What an image shows."""

    label: str
    why: str = ""


def decisions_file(dataset: str, which: str, root: Path = Path()) -> Path:
    """Where the decisions of one of FILE_NAMES lie."""
    return root / "data" / "datasets" / dataset / "decisions" / f"{which}.jsonl"


def ensure_files(dataset: str, root: Path = Path()) -> None:
    """Begin the files that are not there: DVC takes no absent file for a dependency."""
    for which in FILE_NAMES:
        path = decisions_file(dataset, which, root)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as draft:
                draft.write_text(text_of({}, which), encoding="utf8")


def read_forgotten(path: Path | None) -> dict[str, str]:
    """image_id -> why.

    Raises:
        DecisionsError: a line that is none of ours, by its number.
    """
    return {line["image_id"]: _text(line, "why", LONGEST_WHY, place) for place, line in _lines(path, {"why"})}


def read_verdicts(path: Path | None) -> dict[str, Verdict]:
    """image_id -> keep or reject.

    Raises:
        DecisionsError: a line that is none of ours, by its number.
    """
    found = {}
    for place, line in _lines(path, {"decision", "why"}):
        if line.get("decision") not in ("keep", "reject"):
            raise _wrong(place, "'decision' is neither keep nor reject")
        found[line["image_id"]] = Verdict(line["decision"], _text(line, "why", LONGEST_WHY, place))
    return found


def read_labels(path: Path | None) -> dict[str, DecidedLabel]:
    """image_id -> label.

    Raises:
        DecisionsError: a line that is none of ours, by its number.
    """
    found = {}
    for place, line in _lines(path, {"label", "why"}):
        label = _text(line, "label", LONGEST_LABEL, place)
        if not label.strip():
            raise _wrong(place, "'label' is empty")
        found[line["image_id"]] = DecidedLabel(label, _text(line, "why", LONGEST_WHY, place))
    return found


def fault_of(text: Any, longest: int) -> str | None:
    """Why a value cannot be written as a `why` or a label; None if it can."""
    if not isinstance(text, str):
        return "is no text"
    if len(text) > longest:
        return f"has {len(text):,} characters; {longest} are allowed"
    if _CONTROL.search(text):
        return "holds line breaks or control characters"
    return None


def text_of(entries: Mapping[str, str | Verdict | DecidedLabel], which: str) -> str:
    """The text of a file: its first line, and a line for each image."""
    lines = [json.dumps({"genimg": which, "version": VERSION}) + "\n"]
    for image_id in sorted(entries):
        entry = entries[image_id]
        line = {"why": entry} if isinstance(entry, str) else asdict(entry)
        lines.append(json.dumps({"image_id": image_id, **line}, ensure_ascii=False) + "\n")
    return "".join(lines)


def _lines(path: Path | None, keys: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(`file, line n`, the object) of each line, each image once."""
    seen: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, line in enumerate(_content(path).split("\n"), start=1):
        place = f"{path}, line {number}"
        if not line.strip():
            continue
        tree = _object(line, place)
        if "genimg" in tree:
            if tree != {"genimg": path.stem, "version": VERSION}:
                raise DecisionsError(f"{place}: no file of {path.stem} that this version of genimg reads",
                                     "bring the file back from git, or bring genimg up to date")
            continue
        if not {"image_id"} <= set(tree) <= {"image_id", *keys}:
            raise _wrong(place, f"not the keys image_id, {', '.join(sorted(keys))}")
        if not isinstance(tree["image_id"], str) or not IMAGE_ID.fullmatch(tree["image_id"]):
            raise _wrong(place, "'image_id' is no sha256 in hex")
        earlier = seen.setdefault(tree["image_id"], (place, tree))
        if earlier[1] != tree:
            raise _wrong(place, f"another decision about the same image than in line {earlier[0].rpartition(' ')[2]}")
        if earlier[0] == place:
            yield place, tree


def _content(path: Path | None) -> str:
    try:
        if path is None or not path.exists():
            return ""
        if os.path.getsize(path) > LARGEST_FILE:
            raise DecisionsError(f"{path} is larger than {LARGEST_FILE >> 20} MiB", "is it a file of decisions?")
        return path.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise DecisionsError(f"{path} cannot be read ({' '.join(str(error).split())})",
                             "bring it back from git") from None


def _object(line: str, place: str) -> dict[str, Any]:
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
        raise DecisionsError(f"{place}: git's mark of a conflict", "keep one line per image, and delete the marks")
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise _wrong(place, "no JSON object")
    return tree


def _text(line: dict[str, Any], key: str, longest: int, place: str) -> str:
    value = line.get(key, "")
    if fault := fault_of(value, longest):
        raise _wrong(place, f"'{key}' {fault}")
    return value


def _wrong(place: str, what: str) -> DecisionsError:
    return DecisionsError(f"{place}: {what}", "mend the line, or bring the file back from git")
