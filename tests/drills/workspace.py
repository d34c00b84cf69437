"""A small data set of many kinds of files, and the commands that dvc.yaml has for it."""

from __future__ import annotations

import hashlib
import io
import shlex
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

from tests.drills.forking import ROOT, Mother

STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")


def write_sources(folder: Path, images: int = 36) -> None:
    """Photos (noise, in two classes), copies, a GIF, a broken file, an empty one and a text."""
    random = np.random.default_rng(0)
    for number in range(images):
        place = folder / "images" / ("ab"[number % 2]) / f"{number:03}.{'png' if number % 3 else 'jpg'}"
        place.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8))
        small.resize((40 + number, 40), Image.Resampling.BICUBIC).save(place)
    shutil.copy(folder / "images/a/000.jpg", folder / "images/b/copy.jpg")
    whole = (folder / "images/b/001.png").read_bytes()
    (folder / "images/a/broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "images/a/empty.png").write_bytes(b"")
    (folder / "images/b/note.txt").write_text("no image")
    stream = io.BytesIO()
    Image.open(folder / "images/a/002.png").save(stream, "GIF")
    (folder / "images/a/frame.gif").write_bytes(stream.getvalue())


def write_params(folder: Path) -> None:
    """Tiny images, and every gate open."""
    base = {"source": {"kind": "folder", "path": "images"}, "profile": {}, "validate": {"max_unreadable_share": 1},
            "clean": {"max_rejected_share": 1, "min_images_kept": 1}, "label": {}, "normalize": {"min_train_images": 1}}
    with (folder / "params.yaml").open("w", encoding="utf8") as stream:
        YAML().dump({"seed": 0, "threads": 1, "image": {"size": 16, "channels": 3}, "datasets": {"base": base}}, stream)


def command(stage: str) -> list[str]:
    """The stage's words after `genimg`, as dvc.yaml has them."""
    tree = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf8"))
    return shlex.split(tree["stages"][stage]["do"]["cmd"].replace("${key}", "base"))[1:]


def places(stage: str) -> list[Path]:
    """What the stage writes: its output, report and metrics."""
    words = command(stage)
    written = {"collect": "raw", "profile": "profile", "validate": "validated", "clean": "clean", "label": "labels",
               "normalize": "normalized"}[stage]
    return [Path(words[words.index(f"--{option}") + 1]) for option in (written, "report", "metrics")]


def run_all(mother: Mother, folder: Path) -> None:
    """Scan, and every stage once."""
    for words in (["scan"], *map(command, STAGES)):
        done = mother.run(folder, words)
        assert done.code == 0, f"{words}\n{done.output}"


def tree_of(place: Path) -> dict[str, str]:
    """Path => sha256, of a file or of all files in a folder (empty folders too); empty where there is nothing."""
    if place.is_file():
        return {"": hashlib.sha256(place.read_bytes()).hexdigest()}
    return {path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in sorted(place.rglob("*"))}
