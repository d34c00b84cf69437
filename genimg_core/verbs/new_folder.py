"""A folder that a verb fills: new, and there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genimg_core.disk_faults import FULL
from genimg_core.errors import SetupError


def check_free(folder: Path, verb: str) -> None:
    """Before the work begins.

    Args:
        folder: of --out.
        verb: the command, for the message.

    Raises:
        SetupError: it is there, and no empty folder.
    """
    if folder.is_dir() and not folder.is_symlink():
        taken = any(folder.iterdir())
    else:
        taken = folder.exists() or folder.is_symlink()
    if taken:
        raise SetupError(f"{folder} is there already, and not an empty folder",
                         f"name a new folder with --out (genimg {verb} overwrites nothing)")


@contextmanager
def whole_or_not_at_all(folder: Path, verb: str) -> Iterator[Path]:
    """Yield a folder beside `folder` that takes its place when the block ends well, and goes when it does not.

    Args:
        folder: of --out.
        verb: the command, for the message.

    Raises:
        SetupError: it cannot be made or filled (read-only, a full disk), or meanwhile is there.
    """
    folder = folder.absolute()
    draft = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise SetupError(f"{folder} cannot be made ({error.strerror})", "name another folder with --out") from None
    try:
        try:
            yield draft
        except OSError as error:
            ours = error.errno in FULL or str(error.filename).startswith(str(draft))
            if not ours:
                raise
            raise SetupError(f"{folder} cannot be written ({error.strerror or error}); nothing was left of it",
                             "make room, or name another folder with --out") from None
        check_free(folder, verb)
        if folder.is_dir():
            for file in draft.iterdir():
                file.rename(folder / file.name)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
