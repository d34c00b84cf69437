"""`genimg` commands in forked processes: each real and in a group of its own, without the second that imports take.

The mother imports what the stages need and does nothing else; a child becomes a process group, runs the command line
with the arguments it is given, and ends. It counts what it does, and can be killed with its workers at a certain count:
SIGKILL to the whole group, from inside, so that the moment is exact and can be repeated.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = str(ROOT / "genimg_core") + os.sep
CALLS, FILES = "calls", "files"
"""What is counted: calls of genimg's own functions; files and folders opened to write, made, moved and removed."""
_FILE_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "sqlite3.connect"}


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    """The exit code; -9 if it was killed."""
    output: str
    counts: dict[str, int]
    """Empty where it was killed."""


class Mother:
    """The process that commands are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.drills.forking"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=os.environ | {"GENIMG_WORKERS": "2", "OMP_NUM_THREADS": "1"})

    def run(self, folder: Path, words: list[str], kill_at: tuple[str, int] | None = None,
            largest_file: int | None = None, log: Path | None = None) -> Done:
        """`genimg words` in `folder`, as somebody who is bound by the modes of files (which root is not).

        Args:
            folder: where it runs.
            words: what to run.
            kill_at: kill it when it has counted so far.
            largest_file: bytes that a file may have, for what a disk has left.
            log: where its output goes; by default beside `folder`.
        """
        log = log or folder.with_name(f"{folder.name}.log")
        self._process.stdin.write(json.dumps([str(folder), words, kill_at, largest_file, str(log)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the mother of the commands has died"
        return Done(**json.loads(answer))

    def close(self) -> None:
        """No more commands."""
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def _serve() -> None:
    for line in sys.stdin:
        folder, words, kill_at, largest_file, place = json.loads(line)
        log, counted = Path(place), Path(f"{place}.counts")
        child = os.fork()
        if child == 0:
            _be_the_command(folder, words, kill_at, largest_file, log, counted)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(ProcessLookupError):  # a fork server of its own may live for a moment
            os.killpg(child, signal.SIGKILL)
        counts = {} if code == -signal.SIGKILL else json.loads(counted.read_text())
        print(json.dumps({"code": code, "output": log.read_text(errors="replace"), "counts": counts}), flush=True)


def _be_the_command(folder: str, words: list[str], kill_at: Any, largest_file: int | None, log: Path,
                    counted: Path) -> None:
    os.setsid()
    os.chdir(folder)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 70
    try:
        from genimg_core import cli

        _obey_modes()
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        counts = _count(folder, {tuple(kill_at)} if kill_at else set())
        code = cli.main(words)
        sys.setprofile(None)
        counted.write_text(json.dumps(counts))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _obey_modes() -> None:
    """Give up root's power over the modes of files (CAP_DAC_OVERRIDE), where there is one."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    assert libc.capget(header, sets) == 0
    words = list(struct.unpack("6I", sets.raw))
    words[0] &= ~(1 << 1)
    assert libc.capset(header, struct.pack("6I", *words)) == 0, os.strerror(ctypes.get_errno())


def _count(folder: str, deadly: set[tuple[str, int]]) -> dict[str, int]:
    """Begin to count, what is done to files in `folder` only; at the deadly count the whole group dies."""
    counts = {CALLS: 0, FILES: 0}

    def one_more(kind: str) -> None:
        counts[kind] += 1
        if (kind, counts[kind]) in deadly:
            os.killpg(0, signal.SIGKILL)

    def called(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            one_more(CALLS)

    def audited(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in _FILE_EVENTS) and _lies_in(folder, arguments[0]):
            one_more(FILES)

    sys.addaudithook(audited)
    sys.setprofile(called)
    return counts


def _lies_in(folder: str, path: Any) -> bool:
    """Whether a path is of the project (not of a library's own cache)."""
    text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return not os.path.isabs(text) or text.startswith(folder)


def _import_everything() -> None:
    import importlib
    import warnings

    warnings.simplefilter("ignore")
    for name in ("great_expectations", "matplotlib.pyplot", "pandas", "pyarrow.parquet", "PIL.Image", "pebble",
                 "simplejpeg", "sqlite3", "genimg_core.imaging.profile", "genimg_core.reports.bias_plots",
                 *(f"genimg_core.stages.{stage}" for stage in ("collect", "profile", "validate", "clean", "label",
                                                               "normalize"))):
        importlib.import_module(name)
    from genimg_core.store import memo

    memo.COMMIT_EVERY = 5  # so that a few images are as many transactions as thousands are


if __name__ == "__main__":
    _import_everything()
    others = {Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task")
              if int(task) != os.getpid()}
    # Arrow's allocator sees to forks itself.
    assert others <= {"jemalloc_bg_thd"}, f"a fork may hang beside the threads {others}"
    _serve()
