"""A data set's tables as profile and label write them, and a DVC project around them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from genimg_core.store.manifest import LABELS_COLUMNS, PROFILE_COLUMNS, write_table

WIRING = """\
stages:
  {stage}:
    foreach: [base]
    do:
      cmd: mkdir -p data/datasets/${{item}} && rm -rf {out} && cp -r source/{folder} {out}
      deps:
        - source/{folder}{more}
      outs:
        - {out}
"""


def table(count: int = 300, seed: int = 0, first: int = 0, luminance: float = 120.0) -> pd.DataFrame:
    """Rows of kept images of three classes; row i is of the path `<first + i>.png`."""
    draws = np.random.default_rng(seed)
    numbers = np.arange(first, first + count)
    return pd.DataFrame({
        "image_id": [hashlib.sha256(str(n).encode()).hexdigest() for n in numbers],
        "path": [f"in/{n:05d}.png" for n in numbers], "label": [f"class {n % 3}" for n in numbers], "split": None,
        "bytes": draws.integers(1000, 90_000, count), "reason": None, "detail": None,
        "row": np.arange(count, dtype=np.int32), "format": "png", "extension": "png",
        "width": draws.choice([64, 128], count), "height": 64, "mode": "RGB", "frames": 1, "exif_orientation": 0,
        "icc_profile": False, "private_tags": None, "damage": None, "entropy": draws.normal(6, 0.5, count),
        "luminance": draws.normal(luminance, 20, count), "contrast": draws.normal(50, 8, count),
        "sharpness": np.exp(draws.normal(5, 1, count)), "alpha_share": 0.0, "phash": "0" * 16, "status": "kept",
        "duplicate_of": None, "cluster": "c", "label_source": "given", "label_confidence": 1.0})


def write_tables(folder: Path, rows: pd.DataFrame) -> None:
    """`profile/` and `labels/` under `folder`."""
    for part in ("profile", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_table(rows[list(PROFILE_COLUMNS)], folder / "profile/profile.parquet")
    shades = np.linspace(0, 255, len(rows)).astype(np.uint8)
    np.save(folder / "profile/thumbnails.npy", np.tile(shades[:, None, None, None], (1, 32, 32, 4)))
    write_table(rows[list(LABELS_COLUMNS)], folder / "labels/labels.parquet")


class TableProject:
    """A git and DVC project whose two stages copy tables from `source/`: real history, real cache.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        needs = "\n        - data/datasets/${item}/profile"
        stages = [WIRING.format(stage=stage, folder=folder, out=f"data/datasets/${{item}}/{folder}", more=more)
                  for stage, folder, more in (("profile", "profile", ""), ("label", "labels", needs))]
        (root / "dvc.yaml").write_text(stages[0] + stages[1].removeprefix("stages:\n"))
        self.run("git", "init", "-q")
        self.run(sys.executable, "-m", "dvc", "init", "-q")

    def run(self, *words: str) -> str:
        """A command in the project."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DVC", "GIT"))}
        done = subprocess.run(words, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make(self, rows: pd.DataFrame) -> None:
        """A new version of the data set."""
        write_tables(self.root / "source", rows)
        self.run(sys.executable, "-m", "dvc", "repro")

    def commit(self, message: str = "a run") -> str:
        """Commit dvc.lock; the revision."""
        self.run("git", "add", "dvc.lock")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", message)
        return self.run("git", "rev-parse", "HEAD").strip()
