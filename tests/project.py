"""A copy of the project in a folder of its own, with settings small enough for a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PARTS = (
    "genimg_core",
    "assets",
    "orchestration",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
)

TINY: dict[str, Any] = {
    "seed": 0,
    "threads": 1,
    "image": {"size": 16, "channels": 1},
    "datasets": {
        "base": {
            "source": {"kind": "glyphs", "script": "latin_capitals", "images": 400},
            "label": {"seen_images": 1600},
        },
        "target": {
            "source": {"kind": "glyphs", "script": "greek_small", "images": 96, "reference_images": 72},
            "label": {"seen_images": 1600},
        },
    },
    "pretrain": {"latin": {"dataset": "base", "seen_images": 960, "batch": 32}},
    "finetune": {"greek": {"dataset": "target", "from": "latin", "seen_images": 320, "batch": 32}},
    "generate": {"latin": {"dataset": "base", "images": 64}, "greek": {"dataset": "target", "images": 64}},
    "extractor": {"dataset": "base", "seen_images": 1600},
    # Trained for tens of steps, no model passes the gates.
    "evaluate": {"min_coverage_share": 0, "max_copied_share": 1, "require_better_than_baseline": False},
}
SECTIONS = ("profile", "validate", "clean", "label", "normalize")


class Project:
    """The copy: its folder, and what a user does in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith(("DAGSTER", "DVC", "GENIMG_RUN"))
            and key != "PYTHONDONTWRITEBYTECODE"  # each of a pipeline's processes would compile the copy anew
        }
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(root),
            "DAGSTER_HOME": str(root / ".dagster"),
            "PYTHONUNBUFFERED": "1",
            "GENIMG_WORKERS": "2",
        }

    def run(self, *words: str, check: bool = True, **changes: str) -> subprocess.CompletedProcess[str]:
        """A command in the project; its output if it fails."""
        done = subprocess.run(
            words,
            cwd=self.root,
            env=self.env | changes,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, (
            f"{words} exited with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done

    def genimg(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`genimg …`"""
        return self.run(sys.executable, "-m", "genimg_core.cli", *words, check=check)

    def dvc(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`dvc …`"""
        return self.run(sys.executable, "-m", "dvc", *words, check=check)

    def params(self) -> dict[str, Any]:
        """params.yaml."""
        return YAML(typ="safe").load((self.root / "params.yaml").read_text(encoding="utf8"))

    def write_params(self, tree: dict[str, Any]) -> None:
        """Replace params.yaml."""
        with (self.root / "params.yaml").open("w", encoding="utf8") as stream:
            YAML(typ="safe").dump(tree, stream)

    def lock(self) -> dict[str, Any]:
        """dvc.lock's stages."""
        return YAML(typ="safe").load((self.root / "dvc.lock").read_text(encoding="utf8"))["stages"]


def make_project(folder: Path, params: dict[str, Any] | None = None) -> Project:
    """Copy the code, write `params` (TINY, completed by the empty sections), make the first commit.

    Args:
        folder: does not exist yet.
        params: a whole params tree; a data set's missing sections become `{}`.
    """
    for part in PARTS:
        origin, copy = ROOT / part, folder / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, copy)
    project = Project(folder)
    tree = dict(TINY if params is None else params)
    tree["datasets"] = {name: {section: {} for section in SECTIONS} | entry for name, entry in tree["datasets"].items()}
    project.write_params(tree)
    (folder / ".dagster").mkdir()
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "start"),
    ):
        project.run("git", *words)
    return project


def copy_project(origin: Project, folder: Path) -> Project:
    """Another copy with everything that was made in it: data, cache, Dagster's home."""
    shutil.copytree(origin.root, folder, symlinks=True)
    return Project(folder)
