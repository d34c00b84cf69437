"""The other processes of a training: started beside the first one, and ended with it. Light to import: no torch.

Each is the same `genimg <stage>` with torchrun's variables set, so a training may as well be started by torchrun
itself, on several machines that see one project folder:

    torchrun --nnodes 2 --nproc-per-node 4 … --no-python genimg pretrain latin --dataset … (as in dvc.yaml)

`processes` in params.yaml is their number in all: it changes a result in its last digits, so it belongs there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from genimg_core.environment import variables
from genimg_core.errors import TrainingError
from genimg_core.lifeline import tethered

MEETING = "GENIMG_MEETING"
"""Where the processes of one machine find each other (a file's URL); without it torchrun's address counts."""
LOST_S = 10.0
"""From the end of a companion: so long the first process may take to notice it by itself."""
END_S = 5.0
LONGEST_WORDS = 2_000


class LostProcessError(TrainingError):
    """The processes of a training lost each other."""


class Place(NamedTuple):
    """Which of the processes of a training this is, as torchrun tells it."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    """On this machine."""
    local_count: int = 1


def place_here() -> Place:
    """From the variables RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE; without them this process is alone."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    found = [os.environ.get(name, "") for name in names]
    return Place(*map(int, found)) if all(value.isdigit() for value in found) else Place()


@contextmanager
def companions(command: Sequence[str], processes: int) -> Iterator[None]:
    """Within the block this process is the first of `processes`, and the others run.

    Args:
        command: of each of the others.
        processes: in all; with one nothing happens, and where torchrun started this one neither.

    Raises:
        LostProcessError: one of the others ended before this one; the rest are ended, too.
    """
    if processes == 1 or place_here().count > 1:
        yield
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="genimg-"))
        shared = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes),
                  MEETING: f"file://{folder}/meeting"}
        if sys.platform == "linux":
            shared["GLOO_SOCKET_IFNAME"] = "lo"  # processes of one machine talk over loopback: nobody else listens
        stack.enter_context(variables({**shared, "RANK": "0", "LOCAL_RANK": "0"}))
        others = _Others(command, range(1, processes), Path(folder))
        stack.callback(others.end)
        threading.Thread(target=others.watch, name="watch companions", daemon=True).start()
        try:
            yield
        except LostProcessError as error:
            raise others.explained(error) from None
        others.done = True


class _Others:
    """The companions, while they run."""

    def __init__(self, command: Sequence[str], ranks: Sequence[int], folder: Path) -> None:
        self.done = False
        self._words: dict[int, IO[bytes]] = {}
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        for rank in ranks:
            self._words[rank] = (folder / f"{rank}.txt").open("w+b")
            self._running[rank] = subprocess.Popen(
                tethered(list(command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._words[rank],
                env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank)})

    def end(self) -> None:
        """Politely, then not."""
        self.done = True
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + END_S
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for words in self._words.values():
            words.close()

    def explained(self, error: LostProcessError) -> LostProcessError:
        """The same error, saying which companion ended, how, and its last words."""
        deadline = time.monotonic() + END_S
        while self._first_ended() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        rank = self._first_ended()
        if rank is None:
            return error
        code = self._running[rank].returncode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        words = self._last_words(rank)
        return LostProcessError(f"process {rank} of the {len(self._running) + 1} that train together {how}; the others "
                                f"were ended, too{': ' + words if words else ''}",
                                "the same command goes on from the last snapshot; where memory ran out, lower "
                                "`processes`")

    def watch(self) -> None:
        """End this process where it waits for one that is gone and does not notice (NCCL waits for half an hour)."""
        while not self.done and self._first_ended() is None:
            time.sleep(0.2)
        for _ in range(int(LOST_S / 0.2)):
            if self.done:
                return
            time.sleep(0.2)
        error = self.explained(LostProcessError("a process of this training is gone", "start again"))
        self.end()
        print(f"genimg: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)

    def _first_ended(self) -> int | None:
        """A companion that failed; one that ended well has done its work."""
        return next((rank for rank, process in self._running.items() if process.poll() not in (None, 0)), None)

    def _last_words(self, rank: int) -> str:
        handle = self._words[rank].fileno()
        said = os.pread(handle, LONGEST_WORDS, max(0, os.fstat(handle).st_size - LONGEST_WORDS))
        lines = said.decode("utf8", "replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("…")).strip()  # without signs of life
