"""What a person sent back: the page's JSON, the CSV, or an export of Label Studio => answers, one per image.

The file is not trusted: whatever it holds, the outcome is answers or one clear error that names the place.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genimg_core.decisions.files import LONGEST_LABEL, LONGEST_WHY, fault_of
from genimg_core.errors import DecisionsError
from genimg_core.review.tables import LABEL, VERDICT, WHY
from genimg_core.safe_cells import plain_cell
from genimg_core.terminal import printable

LARGEST_FILE = 64 * 2**20
MOST_ANSWERS = 1_000_000


@dataclass(frozen=True)
class Answer:
    """What was decided about one image."""

    where: str
    """`line 3`, `decision 3` or `task 3`, for messages."""
    image: str
    """image_id, or a beginning of it."""
    decision: str
    """keep, reject, or empty."""
    label: str
    """Empty where it stays."""
    why: str
    undo: bool = False
    """Whether what was decided earlier is taken back first (`undo`, `undo keep`, `undo reject`)."""


def read_answers(path: Path, dataset: str) -> list[Answer]:
    """The answers that decide something, in the order of the file.

    Args:
        path: the file.
        dataset: whose images are meant; a file that says it is of another is refused.

    Raises:
        DecisionsError: the file cannot be read or is none of the three kinds, or an answer in it makes no sense.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DecisionsError(f"{path} is larger than {LARGEST_FILE >> 20} MiB", "name the file that was downloaded")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DecisionsError(f"{path} cannot be read ({error.strerror})", "name the file that was downloaded") from None
    except UnicodeDecodeError:
        raise DecisionsError(f"{path} is not UTF-8 text", "name the JSON or CSV that was downloaded; a spreadsheet "
                             "program saves `CSV UTF-8`") from None
    read = _from_json if text.lstrip()[:1] in ("{", "[") else _from_csv
    answers = []
    for answer in map(_with_undo, read(text, path, dataset)):
        _check(answer, path)
        if answer.decision or answer.label or answer.undo:
            answers.append(answer)
        if len(answers) > MOST_ANSWERS:
            raise DecisionsError(f"{path} holds over {MOST_ANSWERS:,} answers", "import it in parts")
    return answers


def _from_csv(text: str, path: Path, dataset: str) -> Iterator[Answer]:
    heads = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heads.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        lacking = [name for name in ("image_id", VERDICT) if name not in names]
        if lacking:
            raise DecisionsError(f"{path} is no file of decisions: it has no column {', '.join(lacking)}",
                                 "import the page's download, the CSV that `genimg review export` wrote, or Label "
                                 "Studio's JSON export")
        for cells in rows:
            where = f"line {rows.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise _wrong(path, where, f"has {len(cells)} cells; the first line has {len(names)}")
            row = {name: plain_cell(cell).strip() for name, cell in zip(names, cells, strict=True)}
            yield Answer(where, row["image_id"], row[VERDICT].lower(), row.get(LABEL, ""), row.get(WHY, ""))
    except csv.Error as error:
        raise _wrong(path, f"line {rows.line_num}", f"is no row of a CSV ({error})") from None


def _from_json(text: str, path: Path, dataset: str) -> Iterator[Answer]:
    try:
        tree = json.loads(text)
    except ValueError as error:
        told = " ".join(str(error).split())
        raise DecisionsError(f"{path} is not valid JSON ({told})", "download it again") from None
    except RecursionError:
        raise DecisionsError(f"{path} is nested too deeply", "download it again") from None
    if isinstance(tree, dict):
        yield from _from_page(tree, path, dataset)
    else:
        for number, task in enumerate(tree, start=1):
            yield from _from_task(task, f"task {number}", path, dataset)


def _from_page(tree: dict[str, Any], path: Path, dataset: str) -> Iterator[Answer]:
    if tree.get("genimg_review") != 1 or not isinstance(tree.get("decisions"), list):
        raise DecisionsError(f"{path} is none of the review page's files of decisions",
                             "import what the page's `Download decisions` wrote")
    _check_dataset(tree.get("dataset"), path, dataset)
    for number, entry in enumerate(tree["decisions"], start=1):
        where = f"decision {number}"
        if not isinstance(entry, dict):
            raise _wrong(path, where, "is no JSON object")
        yield Answer(where, *(_text(entry, key, where, path) for key in ("image_id", "decision", "label", "why")))


def _from_task(task: Any, where: str, path: Path, dataset: str) -> Iterator[Answer]:
    """A task of Label Studio's export: JSON (the newest annotation counts) or JSON-MIN."""
    if not isinstance(task, dict):
        raise _wrong(path, where, "is no JSON object")
    data = task.get("data", task)
    if not isinstance(data, dict):
        raise _wrong(path, where, "has no data")
    _check_dataset(data.get("dataset"), path, dataset)
    image = _text(data, "image_id", where, path)
    if "annotations" not in task and "completions" not in task:  # JSON-MIN: the controls' values beside the data
        told = {key: _only(task.get(key), where, path) for key in (VERDICT, LABEL, WHY)}
    else:
        told = _newest_annotation(task.get("annotations", task.get("completions")), where, path)
    yield Answer(where, image, told.get(VERDICT, ""), told.get(LABEL, ""), told.get(WHY, ""))


def _newest_annotation(annotations: Any, where: str, path: Path) -> dict[str, str]:
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise _wrong(path, where, "has annotations that are no list of objects")
    counted = [one for one in annotations if one.get("was_cancelled") is not True]
    if not counted:
        return {}
    newest = max(counted, key=lambda one: str(one.get("updated_at", one.get("created_at", ""))))
    results = newest.get("result", [])
    if not isinstance(results, list):
        raise _wrong(path, where, "has a result that is no list")
    told: dict[str, str] = {}
    for result in results:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            raise _wrong(path, where, "has a result without a value")
        if result.get("from_name") in (VERDICT, LABEL, WHY):
            told[result["from_name"]] = _only(value.get("choices", value.get("text")), where, path)
    return told


def _only(value: Any, where: str, path: Path) -> str:
    """The one text of a control."""
    if isinstance(value, dict):
        value = value.get("choices", value.get("text"))
    if isinstance(value, list) and len(value) > 1:
        raise _wrong(path, where, f"chooses {len(value)} of what only one can be")
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(path, where, "has a choice that is no text")
    return value.strip()


def _check_dataset(told: Any, path: Path, dataset: str) -> None:
    if told not in (None, dataset):
        raise DecisionsError(f"{path} is about the data set {str(told)[:60]!r}, not {dataset}",
                             "name that one with --dataset")


def _with_undo(answer: Answer) -> Answer:
    first, _, rest = answer.decision.partition(" ")
    return replace(answer, decision=rest.strip(), undo=True) if first == "undo" else answer


def _check(answer: Answer, path: Path) -> None:
    if answer.decision not in ("", "keep", "reject"):
        raise _wrong(path, answer.where, f"the decision {answer.decision[:60]!r} is neither keep nor reject"
                     + (" (`genimg forget` does that)" if answer.decision == "forget" else ""))
    for text, what, longest in ((answer.label, "the label", LONGEST_LABEL), (answer.why, "the reason", LONGEST_WHY)):
        if fault := fault_of(text, longest):
            raise _wrong(path, answer.where, f"{what} {fault}")


def _text(tree: dict[str, Any], key: str, where: str, path: Path) -> str:
    value = tree.get(key, "" if key != "image_id" else None)
    if not isinstance(value, str):
        raise _wrong(path, where, f"'{key}' is {'missing' if value is None else 'no text'}")
    return value.strip()


def _wrong(path: Path, where: str, what: str) -> DecisionsError:
    return DecisionsError(printable(f"{path}, {where}: {what}"), "correct it there; nothing of the file was taken over")
