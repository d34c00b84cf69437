"""What the engine's tests let worker processes do: a good job, and every way to go wrong."""

import ctypes
import os
import signal
import time

from genimg_core.errors import CorruptFileError
from genimg_core.imaging.profile import profile_stored


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


def profile_or_misbehave(place, reader, form, limits):
    """`profile_stored`, with a decoder that goes wrong at bytes which begin with `!` and the name of a fault."""
    data = reader.read(*place)
    if data[:1] == b"!":
        misbehave((data[1:].split()[0].decode(), 0))
    return profile_stored(place, reader, form, limits)


def environment(_: int) -> tuple[str | None, bool]:
    """OMP_NUM_THREADS, and whether torch or pandas was loaded."""
    import sys

    return os.environ.get("OMP_NUM_THREADS"), bool({"torch", "pandas", "great_expectations"} & set(sys.modules))
