"""Finished outputs into their places: all of them or none, and never one that is half there.

A new output is a rename away from its place, and the former one is set aside whole until all the new ones are in: a
full disk, a folder that may not be written or a kill at any point leaves at each place the whole former output, the
whole new one or (for the moment between two renames) none, which `recover` mends.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from genimg_core.errors import CorruptFileError

FORMER, COPY, GONE = "former", "copy", ".gone"
"""How what a kill may leave is named: `.raw.former`, `.raw.copy`, either with `.gone` behind it."""


def put_in_place(outputs: Iterable[tuple[Path, Path]], shelf: Path) -> None:
    """Each finished file or folder where the old one was.

    Args:
        outputs: (the draft, its place).
        shelf: a folder, this stage's own, for what is set aside. Drafts and shelf may lie on another disk.

    Raises:
        CorruptFileError: a draft is not there.
        OSError: no room, or no right to write: then every place holds what it held.
    """
    outputs = list(outputs)
    near: list[Path] = []
    swapped: list[tuple[Path, Path | None]] = []
    try:
        for draft, final in outputs:
            if not draft.exists():
                raise CorruptFileError(f"the stage promised {final} and did not write it",
                                       "this is a fault of genimg: please report it")
            final.parent.mkdir(parents=True, exist_ok=True)
            near.append(_on_the_disk_of(final, draft))
        for ready, (_, final) in zip(near, outputs, strict=True):
            swapped.append((final, _set_aside(final, shelf)))
            ready.rename(final)
    except BaseException:
        for final, former in reversed(swapped):
            _remove(final)
            if former is not None:
                former.rename(final)
        raise
    else:
        for _, former in swapped:
            if former is not None:
                with suppress(OSError):  # the work is done; the next run tries again
                    _remove(_out_of_the_way(former))
    finally:
        for ready in near:
            _remove(ready)
        with suppress(OSError):  # not empty where a former output could not be brought back
            shelf.rmdir()


def recover(finals: Iterable[Path], shelf: Path) -> None:
    """After a kill: a former output back to its place, if that is empty; what else was left over goes."""
    for final in finals:
        for former in (_on_shelf(final, shelf), _beside(final, FORMER)):
            if os.path.lexists(former) and not os.path.lexists(final):
                former.rename(final)
        for left in (_beside(final, FORMER), _beside(final, COPY)):
            if os.path.lexists(left):
                _out_of_the_way(left)
            _remove(left.with_name(left.name + GONE))
    shutil.rmtree(shelf, ignore_errors=True)


def _on_the_disk_of(final: Path, draft: Path) -> Path:
    """The draft, or a copy of it beside its place where that is on another disk."""
    if os.stat(draft).st_dev == os.stat(final.parent).st_dev:
        return draft
    copy = _beside(final, COPY)
    _remove(copy)
    try:
        shutil.copytree(draft, copy) if draft.is_dir() else shutil.copyfile(draft, copy)
    except BaseException as error:
        _remove(copy)
        if isinstance(error, shutil.Error):  # the errors of all its files, as texts
            raise OSError(errno.ENOSPC, f"{draft} could not be copied: {error}", str(final)) from None
        raise
    return copy


def _set_aside(final: Path, shelf: Path) -> Path | None:
    """Where the former output now is; None if there was none."""
    if not os.path.lexists(final):
        return None
    former = _on_shelf(final, shelf)
    former.parent.mkdir(parents=True, exist_ok=True)
    try:
        return final.rename(former)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return final.rename(_beside(final, FORMER))


def _on_shelf(final: Path, shelf: Path) -> Path:
    return shelf / final.as_posix().strip("/").replace("/", "%")


def place_of(former: Path) -> Path:
    """Where a former output on the shelf belongs (of a place in the project)."""
    return Path(former.name.replace("%", "/"))


def _beside(final: Path, what: str) -> Path:
    return final.with_name(f".{final.name}.{what}")


def _out_of_the_way(path: Path) -> Path:
    """Renamed before it is removed: a removal that is cut short must not look like a former output."""
    gone = path.with_name(path.name + GONE)
    _remove(gone)
    return path.rename(gone)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
