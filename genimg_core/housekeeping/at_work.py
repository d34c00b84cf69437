"""Who is at work in a project: a lock that every command shares, and that cleaning up needs for itself.

The lock is the operating system's and ends with its process, however that ends: it is never stale.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genimg_core.errors import SetupError

LOCK = Path(".genimg/at_work.lock")


@contextmanager
def at_work(root: Path = Path()) -> Iterator[None]:
    """Held while a command runs; where it cannot be (no project, nothing may be written) the command runs without."""
    try:
        if not (root / "params.yaml").is_file():
            raise FileNotFoundError
        (root / LOCK).parent.mkdir(exist_ok=True)
        stream = (root / LOCK).open("a")
    except OSError:
        yield
        return
    with stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(root: Path = Path()) -> Iterator[None]:
    """Held while what is left over is looked for and removed.

    Raises:
        SetupError: another command is at work.
    """
    (root / LOCK).parent.mkdir(exist_ok=True)
    with (root / LOCK).open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError("another genimg command is at work in this project, and may need what looks left over",
                             "wait until it has ended (or end it), then run `genimg clean` again") from None
        yield
