"""The tools that people use today, in an environment of their own under `.genimg/bench/peers`, made once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from benchmarks.cells import Bench
from genimg_core.errors import SetupError

DATA_PEERS = ("cleanvision==0.3.7", "imagededup==0.3.3.post2")
MODEL_PEERS = ("diffusers==0.42.1", "denoising-diffusion-pytorch==2.3.4", "pythae==0.1.2", "ema-pytorch==0.8.3",
               "huggingface_hub==2.4.0", "accelerate==1.15.0", "einops==0.8.2", "imageio==2.38.1",
               "importlib_metadata==10.2.0", "pytorch-fid==0.3.0", "hf-xet==1.8.0", "httpx2==2.16.2",
               "httpcore2==2.16.2", "lazy-importer==0.1.0", "zipp==4.1.2", "truststore==0.10.5")
"""With all that they need and our environment lacks."""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def peers_python(bench: Bench, requirements: tuple[str, ...], shared: bool = False) -> Path:
    """The interpreter of an environment that holds these packages; made where it is missing (minutes, gigabytes).

    Args:
        bench: where it lies.
        requirements: exact versions.
        shared: on top of our own environment, so with our torch (seconds, a hundred megabytes); then `requirements`
            must name everything that is not in ours.

    Raises:
        SetupError: they cannot be installed.
    """
    key = hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:12]
    folder = bench.state / f"peers-{key}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.is_file():
        print(f"installing {', '.join(requirements)} into {folder} …", file=sys.stderr, flush=True)
        install = ("install", "--quiet", "--disable-pip-version-check", *(["--no-deps"] if shared else []))
        for words in ((sys.executable, "-m", "venv", *(["--without-pip"] if shared else []), str(folder)),
                      ((sys.executable, "-m", "pip", "--python", str(python)) if shared else (str(python), "-m", "pip"))
                      + (*install, *requirements)):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SetupError(f"{' '.join(requirements)} cannot be installed: {done.stderr.strip()[-300:]}",
                                 "look at the network and the disk, then run the same command again")
        if shared:  # after its own packages on the path, so that those win
            (place,) = (folder / "lib").glob("python*/site-packages")
            (place / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf8")
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
