"""What a program costs, told by the kernel: processor seconds of it and of all that it starts, and its peak memory."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from genimg_core.errors import SetupError

PR_SET_CHILD_SUBREAPER = 36
LOOK_EVERY_S = 0.01
_MIB = 2**20


@dataclass(frozen=True)
class Spent:
    """One run of a program."""

    processor_s: float
    """Of all its processes."""
    wall_s: float
    peak_mib: float
    """Resident memory of its largest process: pages of mapped files count, which the system takes back at will."""
    own_mib: float
    """What of that is no file's (anonymous), of the first process, looked at every LOOK_EVERY_S."""


def spend(words: list[str], folder: Path, env: dict[str, str], log: Path) -> Spent:
    """Run a program to its end.

    What it starts and leaves behind (a pool's server ends only when its pipe closes) becomes a child of this process,
    and is waited for and counted as well. So: call it where there are no other children; and in a small process, since
    a child's peak begins at its parent's.

    Args:
        words: the program and its arguments.
        folder: to run it in.
        env: its variables.
        log: gets what it prints.

    Raises:
        SetupError: it failed.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    own_kib = 0
    with log.open("ab") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=stream,
                                   stderr=subprocess.STDOUT)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            own_kib = max(own_kib, _anonymous_kib(process.pid))
            time.sleep(LOOK_EVERY_S)
        wall = time.perf_counter() - started
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    usages = [usage, *_left_behind()]
    if process.returncode != 0:
        said = log.read_text(encoding="utf8", errors="replace").strip()[-600:]
        raise SetupError(f"`{' '.join(words[:5])}` exited with {process.returncode}: {said}", f"see {log}")
    return Spent(sum(each.ru_utime + each.ru_stime for each in usages), wall,
                 max(each.ru_maxrss for each in usages) * 1024 / _MIB, own_kib * 1024 / _MIB)


def _left_behind() -> list:
    found = []
    while True:
        try:
            found.append(os.wait4(-1, 0)[2])
        except ChildProcessError:
            return found


def _anonymous_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
