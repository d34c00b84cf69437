"""Runs of every family that are killed again and again: `python -m tests.training.killed_at_random FOLDER`.

Each run lives in a child process that kills itself (SIGKILL) at a moment drawn beforehand: at a step, or between two
operations on files, so in the middle of a snapshot, too. Its successor is killed in turn; the last one ends. FOLDER
then holds, for each family, `straight.safetensors` and `killed.safetensors`, and a line on standard output tells how
many were killed. One import of torch serves all: nothing is computed before the forks.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path

import torch
import torch._dynamo  # an optimiser's first step imports it: better once here than in every child
from safetensors.torch import save_file

from genimg_core.models.family import FAMILIES, ModelSpec
from genimg_core.training.data import TrainSet
from genimg_core.training.devices import computing
from genimg_core.training.generators import weights_from
from genimg_core.training.loop import Trainer, train
from tests.models.tiny import NARROW, dark_and_light, tiny_params

KILLS = 4
"""For each family, each within a quarter of a whole run from the last start: so all hit, and they come far."""
MOMENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "genimg.step"}


def run(family: str, resume: Path, result: Path, kill_at: int | None) -> int:
    """Train; => how many moments there were. The process ends at moment `kill_at`."""
    moments = 0

    def hook(event: str, _arguments: object) -> None:
        nonlocal moments
        if event in MOMENTS:
            moments += 1
            if moments == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    with computing("cpu", 1):
        bound = FAMILIES[family].load(ModelSpec(8, 1, 2), FAMILIES[family].params(**NARROW[family]))
        with weights_from(0, "test"):
            networks = bound.build()
        trainer = Trainer(bound, networks, TrainSet(*dark_and_light(40, 8, 1), torch.device("cpu")),
                          tiny_params(family, flip=True), seed=0)
        step = trainer.step

        def audited() -> None:
            sys.audit("genimg.step")
            step()

        trainer.step = audited
        sys.addaudithook(hook)
        train(trainer, resume, "a run")
        told = moments
    state = trainer.snapshot()
    tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
    tree = bytearray(json.dumps(state.tree, sort_keys=True).encode())
    save_file(tensors | {"tree": torch.frombuffer(tree, dtype=torch.uint8)}, result)
    return told


def in_child(family: str, resume: Path, result: Path, kill_at: int | None = None) -> tuple[bool, int]:
    """Whether it was killed, and how many moments it told of."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, str(run(family, resume, result, kill_at)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True, 0
    assert os.waitstatus_to_exitcode(status) == 0
    return False, int(told)


def main(folder: Path) -> None:
    """See the module."""
    draws, killed = random.Random(5), {}
    for family in FAMILIES:
        for part in ("straight", "killed"):
            (folder / family / part).mkdir(parents=True)
        _, moments = in_child(family, folder / family / "straight", folder / family / "straight.safetensors")
        killed[family] = 0
        for kill_at in [draws.randint(1, moments // KILLS) for _ in range(KILLS)]:
            ended, _ = in_child(family, folder / family / "killed", folder / family / "killed.safetensors", kill_at)
            killed[family] += ended
        in_child(family, folder / family / "killed", folder / family / "killed.safetensors")
    print(json.dumps(killed))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
