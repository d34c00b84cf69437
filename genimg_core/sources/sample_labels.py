"""The label that a field of a WebDataset sample holds."""

from __future__ import annotations

import json

MAX_FIELD_BYTES = 2**20
"""A larger field is not read for a label."""
LONGEST_LABEL = 200
"""Characters; a longer text is a caption."""


class BadLabelError(Exception):
    """The field holds no label; the message says what it holds."""


def label_of(data: bytes, name: str) -> str | None:
    """The label.

    Args:
        data: the field's bytes.
        name: `cls`, `txt`, or where it stands in the JSON: `json.label`, `json.object.name`.

    Returns:
        None where it is empty, or the JSON has nothing of that name.

    Raises:
        BadLabelError: not UTF-8, no JSON, a list or a mapping, or a whole caption.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadLabelError("no label: it is not UTF-8") from None
    field, _, inside = name.partition(".")
    label = _inside(text, inside.split(".")) if field == "json" else text
    # JSON can write half a character, which no UTF-8 file can hold.
    label = label.strip().encode("utf8", "backslashreplace").decode("utf8") if label is not None else ""
    if len(label) > LONGEST_LABEL:
        raise BadLabelError(f"no label: a text of {len(label):,} characters")
    return label or None


def _inside(text: str, names: list[str]) -> str | None:
    try:
        here = json.loads(text)
    except (ValueError, RecursionError):
        raise BadLabelError("no label: it is not JSON") from None
    for name in names:
        if not isinstance(here, dict):
            raise BadLabelError(f"no label: where '{name}' should be is {_kind(here)}")
        here = here.get(name)
        if here is None:
            return None
    if isinstance(here, dict | list):
        raise BadLabelError(f"no label: '{'.'.join(names)}' is {_kind(here)}")
    return here if isinstance(here, str) else json.dumps(here)


def _kind(value: object) -> str:
    return {dict: "a mapping", list: "a list", str: "a text"}.get(type(value), "a number or truth value")
