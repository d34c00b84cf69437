"""`shards/{000..009}.tar`, `train-*.tar` => the files that are there."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from genimg_core.errors import SourceError

MAX_NAMES = 100_000

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


def expand_braces(pattern: str) -> list[str]:
    """As a shell does: `{8..11}` gives 8 9 10 11, `{08..11}` 08 09 10 11, `{a,b}` a b.

    Raises:
        SourceError: more than MAX_NAMES names.
    """
    names = [""]
    place = 0
    for braces in _BRACES.finditer(pattern):
        parts = _alternatives(braces[1], pattern)
        if len(names) * len(parts) > MAX_NAMES:
            raise _too_many(pattern)
        between = pattern[place : braces.start()]
        names = [name + between + part for name in names for part in parts]
        place = braces.end()
    return [name + pattern[place:] for name in names]


def _alternatives(inside: str, pattern: str) -> list[str]:
    ends = _RANGE.fullmatch(inside)
    if ends is None:
        return inside.split(",") if "," in inside else ["{" + inside + "}"]
    if max(len(ends[1]), len(ends[2])) > 12:
        raise _too_many(pattern)
    first, last = int(ends[1]), int(ends[2])
    if abs(last - first) >= MAX_NAMES:
        raise _too_many(pattern)
    width = max(len(ends[1]), len(ends[2])) if ends[1].startswith("0") or ends[2].startswith("0") else 0
    step = 1 if last >= first else -1
    return [f"{number:0{width}}" for number in range(first, last + step, step)]


def find_shards(pattern: str) -> dict[str, Path]:
    """The files, by what they are called from the first folder that the pattern leaves open; sorted.

    Args:
        pattern: a path with braces, `*`, `?`, `[…]` and `**`; a file of exactly that name is taken as it is.

    Raises:
        SourceError: nothing is there, or a name in braces is not.
    """
    if os.path.isfile(pattern):
        return {os.path.basename(pattern): Path(pattern)}
    root = _fixed_part(pattern)
    found = {}
    for name in expand_braces(pattern):
        paths = list(_files(name))
        if not paths:
            raise SourceError(
                f"there is no shard {name}", "correct the shards' path in params.yaml (from the working directory)"
            )
        for path in paths:
            relative = Path(os.path.relpath(path, root)).as_posix()
            if ".." in relative.split("/"):
                raise SourceError(f"{pattern} leads out of {root}", "write the shards' path without `..` in braces")
            found[relative] = Path(path)
            if len(found) > MAX_NAMES:
                raise _too_many(pattern)
    return dict(sorted(found.items()))


def _files(name: str) -> Iterator[str]:
    if not glob.has_magic(name):
        return iter([name] if os.path.isfile(name) else [])
    return filter(os.path.isfile, glob.iglob(name, recursive=True))


def _fixed_part(pattern: str) -> str:
    """The folder before the first special character."""
    special = re.search(r"[{*?\[]", pattern)
    return os.path.dirname(pattern[: special.start()] if special else pattern) or "."


def _too_many(pattern: str) -> SourceError:
    return SourceError(f"{pattern} names more than {MAX_NAMES:,} shards", "correct the shards' path in params.yaml")
