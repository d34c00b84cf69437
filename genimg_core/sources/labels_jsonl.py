"""Labels from JSON lines: an object a line, with the path of an image and its label."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section, nearest
from genimg_core.sources.described import Described, gather, labels_bytes, no_constant, normal, split_of, text_from

_Text = Annotated[str, StringConstraints(min_length=1)]


class JsonlLabels(Section):
    """Labels from JSON lines (UTF-8). A file that it does not name is unlabelled."""

    jsonl: _Text
    """Path of the file, from the working directory."""
    path_key: _Text = "file"
    """The key of the images' paths, relative to the source. Every line has it."""
    label_key: _Text | None = "label"
    """The key of the labels: text, a whole number, true or false; a line without it, null or "" is unlabelled."""
    split_key: _Text | None = None
    """The key with train, validation, test or nothing; null for no splits."""

    @property
    def file(self) -> str:
        """The file of labels."""
        return self.jsonl


def read_jsonl(labels: JsonlLabels) -> dict[str, Described]:
    """What the file says, by path.

    Raises:
        SourceError: missing, too large, without lines; or a line is no UTF-8, no JSON object, names no path, holds
            what is no label or split, or contradicts an earlier one. The message names the line.
    """
    seen: set[str] = set()
    found = gather(labels.jsonl, "line", _rows(labels, seen))
    if not found:
        raise SourceError(f"{labels.jsonl} has no lines", "list the files in it, or leave `labels` out")
    for key in (labels.label_key, labels.split_key):
        if key is not None and key not in seen:
            raise SourceError(f"no line of {labels.jsonl} has the key '{key}'", nearest(key, sorted(seen)))
    return found


def _rows(labels: JsonlLabels, seen: set[str]) -> Iterator[tuple[int, str, Described]]:
    """(line, path, what is known) of each line; adds the keys that lines have to `seen`."""
    # Lines end with \n alone: text inside JSON may hold the other characters that Python takes for ends of lines.
    for number, line in enumerate(labels_bytes(labels.jsonl, "jsonl").split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number} of {labels.jsonl}"
        row = _object(line, where)
        seen.update(row)
        if labels.path_key not in row:
            raise SourceError(f"{where} has no key '{labels.path_key}'", nearest(labels.path_key, sorted(row)))
        path = normal(text_from(row[labels.path_key], where, "path"))
        if not path:
            raise SourceError(f"{where} names no file in '{labels.path_key}'", "fill it in, or delete the line")
        label = text_from(row.get(labels.label_key), where, "label") if labels.label_key else ""
        split = text_from(row.get(labels.split_key), where, "split") if labels.split_key else ""
        yield number, path, Described(label or None, split_of(split, where))


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf8"), parse_constant=no_constant)
    except UnicodeDecodeError:
        raise SourceError(f"{where} is not UTF-8", "save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        told = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else (
            str(error) if isinstance(error, ValueError) else "nested too deeply")
        raise SourceError(f"{where} is no JSON ({told})", "write one JSON object on each line") from None
    if not isinstance(row, dict):
        raise SourceError(f"{where} is no JSON object", 'write lines like {"file": "a.png", "label": "cat"}')
    return row
