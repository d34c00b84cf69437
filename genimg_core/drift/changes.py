"""Which images are new, gone, changed or moved, and of which the label or the fate is another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("new", "gone", "changed", "moved", "relabelled", "rejected", "kept_again")
"""`changed`: other bytes under the same path; `moved`: the same bytes under another path; the last three are of images
that are in both versions."""


@dataclass(frozen=True)
class Change:
    """One image, one change; an image that moved and was relabelled has two."""

    kind: str
    """Of KINDS."""
    path: str
    """In the present version; of a gone image, in the earlier one."""
    was: str | None
    """What it was: the image_id of a changed one, the path of a moved one, the label of a relabelled one, the reason of
    one kept again."""
    now: str | None
    """The image_id of a changed one, the label of a relabelled one, the reason of a rejected one."""
    image_id: str | None
    row: int
    """In the thumbnails of the version that `path` is of; -1 where there is none."""


@dataclass(frozen=True)
class _Row:
    image_id: str | None
    label: str | None
    status: str
    reason: str | None
    row: int


def find_changes(was: pd.DataFrame, now: pd.DataFrame) -> tuple[Change, ...]:
    """By kind, then by path.

    Args:
        was: path, image_id, label, status, reason and, where known, row of the earlier version.
        now: the same of the present one.
    """
    before, after = _rows(was), _rows(now)
    moved = _moved(before, after)
    found = [change for path, row in after.items() for change in _of(path, row, moved.get(path, path), before)]
    left = set(moved.values())
    found += [Change("gone", path, None, None, row.image_id, row.row) for path, row in before.items()
              if path not in after and path not in left]
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(found, key=lambda change: (order[change.kind], change.path)))


def count_changes(changes: tuple[Change, ...]) -> dict[str, int]:
    """Kind => changes, every kind."""
    counts = Counter(change.kind for change in changes)
    return {kind: counts[kind] for kind in KINDS}


def _of(path: str, row: _Row, old_path: str, before: dict[str, _Row]) -> Iterator[Change]:
    """What became of one file of the present version."""
    old = before.get(old_path)
    if old is None:
        yield Change("new", path, None, None, row.image_id, row.row)
        return
    if old.image_id != row.image_id:
        yield Change("changed", path, old.image_id, row.image_id, row.image_id, row.row)
    if old_path != path:
        yield Change("moved", path, old_path, None, row.image_id, row.row)
    if old.status == row.status == "kept" and old.label != row.label:
        yield Change("relabelled", path, old.label, row.label, row.image_id, row.row)
    if old.status == "kept" and row.status == "rejected":
        yield Change("rejected", path, None, row.reason, row.image_id, row.row)
    if old.status == "rejected" and row.status == "kept":
        yield Change("kept_again", path, old.reason, None, row.image_id, row.row)


def _moved(before: dict[str, _Row], after: dict[str, _Row]) -> dict[str, str]:
    """New path => old path of the same bytes, one to one, both in the order of their names."""
    waiting: dict[str, list[str]] = {}
    for path in sorted(before.keys() - after.keys(), reverse=True):
        if (image_id := before[path].image_id) is not None:
            waiting.setdefault(image_id, []).append(path)
    found = {}
    for path in sorted(after.keys() - before.keys()):
        if waiting.get(after[path].image_id or ""):
            found[path] = waiting[after[path].image_id].pop()
    return found


def _rows(table: pd.DataFrame) -> dict[str, _Row]:
    places = table["row"].tolist() if "row" in table else [-1] * len(table)
    columns = [[value if isinstance(value, str) else None for value in table[name]]
               for name in ("image_id", "label", "status", "reason")]
    return {path: _Row(*texts, place) for path, *texts, place in zip(table["path"], *columns, places, strict=True)}
