"""The end-to-end version (the revision before "A first run that convinces"), trained and drawn by its own code.

Its files come out of git's history into a folder of their own; its stages run there in processes that import that code
and not this one. What comes out is a folder of PNGs, which this version's scorer and judge measure like any other.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from benchmarks.cells import ROOT, Bench, Recipe
from genimg_core.errors import SetupError

REVISION = "2896dfa9c3b26a67d17f3e5f96eb1ae116778373"
PARTS = ("genimg_core", "params.yaml")
THREADS = 1
"""As of first_run."""
STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")

_DRAW = """
import sys
from pathlib import Path
import numpy as np
from genimg_core.models.model_file import load_model
from genimg_core.models.samples import write_samples
from genimg_core.training.devices import computing
model, folder, count, seed, steps, guidance, threads = sys.argv[1:]
with computing("cpu", int(threads)) as device:
    trained = load_model(Path(model), device)
    labels = np.arange(int(count)) % len(trained.settings.classes)
    drawn = trained.sample(labels, int(seed), steps=int(steps), guidance=float(guidance))
Path(folder).mkdir(parents=True, exist_ok=True)
write_samples(Path(folder), trained.settings, drawn, labels, int(seed))
"""
"""Run by that revision's code: as many letters of each class, as this version draws them."""


def source(smoke: dict[str, Any]) -> Recipe:
    """That revision's code in `code/`, and its data sets made by it.

    Args:
        smoke: entries of its params.yaml to replace, for tests of this script; else empty.
    """
    def make(bench: Bench, folder: Path) -> None:
        _extract(folder / "code")
        tree = _params(folder / "code", smoke)
        _write(folder, tree)
        _run(folder, folder, "scan")
        for name in tree["datasets"]:
            place = f"data/datasets/{name}"
            paths = {key: f"{place}/{key}" for key in ("raw", "profile", "clean", "labels", "normalized")}
            paths |= {"source_lock": f"{place}/source.lock", "validated": f"{place}/validated.json"}
            wanted = {"collect": ("source_lock", "raw"), "profile": ("raw", "profile"),
                      "validate": ("profile", "validated"), "clean": ("profile", "validated", "clean"),
                      "label": ("profile", "clean", "labels"), "normalize": ("profile", "labels", "normalized")}
            for stage in STAGES:
                words = [word for key in wanted[stage] for word in (f"--{key}", paths[key])]
                _run(folder, folder, stage, name, *words, "--report", f"reports/{stage}-{name}")

    settings = {"revision": REVISION, "threads": THREADS, "smoke": smoke}
    return Recipe("end_to_end", "source", settings, ("end_to_end.py",), make)


def model(code: Recipe, name: str, seed: int, images: int, smoke: dict[str, Any]) -> Recipe:
    """One of its demo's models, trained with that seed, in `model/`, and what it draws, in `samples/`.

    Args:
        code: `source`.
        name: `latin`, `greek` or `greek_scratch`.
        seed: of its params.yaml.
        images: to draw, as many of each class.
        smoke: as of `source`.
    """
    parent = model(code, "latin", seed, images, smoke) if name == "greek" else None

    def make(bench: Bench, folder: Path) -> None:
        origin = bench.made(code)
        tree = _params(origin / "code", smoke) | {"seed": seed}
        _write(folder, tree)
        section = "finetune" if parent is not None else "pretrain"
        words = ["--dataset", str(origin / "data/datasets" / tree[section][name]["dataset"] / "normalized")]
        if parent is not None:
            words += ["--parent", str(bench.made(parent) / "model")]
        _run(folder, origin, section, name, *words, "--model", "model", "--report", "reports/train")
        steps, guidance = (tree["generate"][name].get(key, usual) for key, usual in (("steps", 10), ("guidance", 1.5)))
        words = ["model", "samples", str(images), str(seed), str(steps), str(guidance), str(tree["threads"])]
        _python(folder, origin, "-c", _DRAW, *words)

    settings = {"code": code, "model": name, "seed": seed, "images": images, "parent": parent}
    return Recipe("end_to_end", f"{name}-seed{seed}", settings, ("end_to_end.py",), make)


def _extract(folder: Path) -> None:
    words = ("git", "archive", "--format=tar", REVISION, *PARTS)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"git has no revision {REVISION[:7]} here: {done.stderr.decode(errors='replace').strip()}",
                         "fetch the whole history (`git fetch --unshallow`), or leave out `end_to_end` cells with "
                         "--only")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _params(code: Path, smoke: dict[str, Any]) -> dict[str, Any]:
    from genimg_core.params import read

    return read(code / "params.yaml") | {"threads": THREADS} | smoke


def _write(folder: Path, tree: dict[str, Any]) -> None:
    from ruamel.yaml import YAML

    with (folder / "params.yaml").open("w", encoding="utf8") as stream:
        YAML(typ="safe").dump(tree, stream)


def _run(folder: Path, origin: Path, *words: str) -> None:
    """`genimg …` of that revision."""
    _python(folder, origin, "-m", "genimg_core.cli", *words)


def _python(folder: Path, origin: Path, *words: str) -> None:
    code = origin.resolve() / "code"
    env = {key: value for key, value in os.environ.items() if not key.startswith(("DVC", "DAGSTER"))}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env | {"PYTHONPATH": str(code)}, check=False)
    if done.returncode == 130 or done.returncode < 0:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise SetupError(f"the end-to-end version's `{' '.join(words[:4])[:80]}` exited with {done.returncode}",
                         f"its message stands above; its folder is {folder}")
