"""Processes that end with the one that started them: a training must not go on alone when its dvc is gone.

Linux has a signal for the death of a parent (prctl PR_SET_PDEATHSIG), but a shell between two programs breaks the
chain: dvc runs `$SHELL -c command`, dash stays alive when dvc is killed, and the command's parent is still there. So a
stage also watches dvc itself.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
GRACE_S = 5.0
"""Between the polite signal and the one that cannot be refused."""

_TETHER = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that asked for this one is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def tethered(command: list[str]) -> list[str]:
    """`command`, run so that it gets SIGTERM when the calling thread's process dies.

    A tiny program sets the signal and becomes the command: code between fork and exec can hang where there are threads.
    """
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]


def end_with_dvc() -> None:
    """Called by a stage: end when the dvc that runs it ends, whatever shell lies between."""
    if "DVC_STAGE" not in os.environ or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    dvc = _nearest_dvc()
    if dvc is not None and dvc != os.getppid():
        threading.Thread(target=_follow, args=(dvc,), name="end with dvc", daemon=True).start()


def _nearest_dvc() -> int | None:
    """The closest ancestor that is a dvc; None if there is none (or it is gone already)."""
    pid = os.getppid()
    while pid > 1:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf8", errors="replace")
        except OSError:
            return None
        if any(os.path.basename(word) == b"dvc" for word in words):
            return pid
        pid = int(status.rpartition(")")[2].split()[1])
    return None


def _follow(pid: int) -> None:
    """Wait for the end of `pid`, then end this process."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # gone between the look and the call, or a kernel before 5.3: then the parent's signal must do
        return
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    ended.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
