"""What the engine's tests let worker processes do: a good job, and every way to go wrong."""

import ctypes
import os
import signal
import time

from genimg_core.errors import CorruptFileError


def misbehave(item: tuple[str, int]):
    """The second part doubled, unless the first names a fault."""
    how, value = item
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        os._exit(7)
    elif how == "spin":
        while True:
            pass
    elif how == "spin_in_c":
        sum(range(10**13))
    elif how == "sleep":
        time.sleep(3600)
    elif how == "memory":
        return len(bytearray(10**10))
    elif how == "error":
        raise CorruptFileError("the shard is torn", "collect again")
    return 2 * value


def environment(_: int) -> tuple[str | None, bool]:
    """OMP_NUM_THREADS, and whether torch or pandas was loaded."""
    import sys

    return os.environ.get("OMP_NUM_THREADS"), bool({"torch", "pandas", "great_expectations"} & set(sys.modules))
