"""The tools that people use today, in an environment of their own under `.genimg/bench/peers`, made once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.cells import Bench
from genimg_core.errors import SetupError

DATA_PEERS = ("cleanvision==0.3.7", "imagededup==0.3.3.post2")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def peers_python(bench: Bench, requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment that holds these packages; made where it is missing (minutes, gigabytes).

    Raises:
        SetupError: they cannot be installed.
    """
    key = hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:12]
    folder = bench.state / f"peers-{key}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.is_file():
        print(f"installing {', '.join(requirements)} into {folder} …", file=sys.stderr, flush=True)
        for words in ((sys.executable, "-m", "venv", str(folder)),
                      (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SetupError(f"{' '.join(requirements)} cannot be installed: {done.stderr.strip()[-300:]}",
                                 "look at the network and the disk, then run the same command again")
        ready.touch()
    return python


def on_one_core(words: list[str], env: dict[str, str] | None = None, limit_s: float = 3600) -> dict[str, Any]:
    """Run a program on one core and one thread; its last line of output is JSON.

    Raises:
        SetupError: it failed.
    """
    core = max(os.sched_getaffinity(0))
    done = subprocess.run(words, env=os.environ | ONE_THREAD | (env or {}), capture_output=True, text=True,
                          check=False, timeout=limit_s, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode != 0 or not done.stdout.strip():
        raise SetupError(f"`{' '.join(words[:4])}` exited with {done.returncode}: {done.stderr.strip()[-500:]}",
                         "run it by hand to see why")
    return json.loads(done.stdout.strip().splitlines()[-1])
