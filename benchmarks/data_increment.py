"""One per cent of new images: what is decoded again, and how long the data half takes; and a run with nothing to do.

    python -m benchmarks.data_increment [--short|--full] [--list] [--again] [--smoke]

A project of its own (a git repository with DVC, as `genimg configure` leaves one) over 20,000 images of 32 px varied
from the real ones (benchmarks/variants.py). `genimg run normalize@images` runs from nothing; then 200 images come into
the folder and the same command runs again; then `genimg run` brings the rest up to date (the extractor, trained for
seconds, and the report), and what is typed after that has nothing to do. How many images were decoded the profile stage
tells, which counts what comes back from its worker processes, and the memo's file, whose rows are counted; which are
new is told by the manifests. Seconds are by the clock, with both processors; on a machine that does other things as
well they say little, so the load and the processor seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command
from benchmarks.cells import Bench, Cell
from benchmarks.variants import variants, write

if TYPE_CHECKING:
    from tests.project import Project

NAME = "data_increment"
IMAGES, NEW = 20_000, 200
MOST_IDLE_S = 3.0
REPEATS = 3
"""Of what has nothing to do; the median counts."""
DATA = "normalize@images"
GENIMG, DVC = ("-m", "genimg_core.cli"), ("-m", "dvc")
IDLE = {"genimg run": (*GENIMG, "run"), "genimg run normalize@images": (*GENIMG, "run", DATA),
        "dvc repro normalize@images": (*DVC, "repro", DATA)}
CODE = ("genimg_core.verbs.run", "genimg_core.stages.collect", "genimg_core.stages.profile",
        "genimg_core.stages.normalize", "spending.py", "variants.py")


def increment_cell(bench: Bench) -> Cell:
    """The project's whole story."""
    images, new = (400, 4) if bench.smoke else (IMAGES, NEW)
    recipe = variants(images)

    def measure(bench: Bench) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=bench.state) as place:
            return story(bench.made(recipe) / "files", Path(place) / "project", images, new)

    return Cell(NAME, f"images{images}", {"files": recipe, "new": new}, measure, CODE)


def story(files: Path, folder: Path, images: int, new: int) -> dict[str, Any]:
    """Run, add, run, and run with nothing to do.

    Args:
        files: the first images.
        folder: for the project; does not exist.
        images: how many those are.
        new: how many come.
    """
    from tests.project import make_project

    project = make_project(folder, _params())
    shutil.copytree(files, folder / "images")
    load = os.getloadavg()[0]
    first = _run(project, *GENIMG, "run", DATA)
    before = _state(project)
    write(folder / "images", range(images, images + new))
    more = _run(project, *GENIMG, "run", DATA)
    after = _state(project)
    whole = _run(project, *GENIMG, "run")
    idle = {name: [_run(project, *words) for _ in range(REPEATS)] for name, words in IDLE.items()}
    return {
        "images": images, "new": len(after["ids"] - before["ids"]), "first": first, "more": more,
        "memo_rows": after["memo_rows"] - before["memo_rows"],
        "shards": {"all": len(after["shards"]), "other": len(set(after["shards"].items()) - set(
            before["shards"].items()))},
        "cache_mib": {"first": before["cache_mib"], "more": round(after["cache_mib"] - before["cache_mib"], 1)},
        "whole": whole, "idle": {name: {key: [one[key] for one in runs] for key in ("seconds", "processor")}
                                 for name, runs in idle.items()},
        "load": [round(load, 1), round(os.getloadavg()[0], 1)]}


def _run(project: Project, *words: str) -> dict[str, Any]:
    """Seconds of a command by the clock and of processors, and of each stage in it, with what the stages counted."""
    from benchmarks.spending import spend

    had = {name: len(_notes(project, name)) for name in ("timings", "work")}
    spent = spend([sys.executable, *words], project.root, project.env, project.root.parent / "log.txt")
    stages: dict[str, dict[str, Any]] = {}
    for name, count in had.items():
        for told in _notes(project, name)[count:]:
            stages.setdefault(told.pop("stage"), {}).update(told)
    return {"seconds": round(spent.wall_s, 2), "processor": round(spent.processor_s, 2), "stages": {
        stage: {key: value for key, value in told.items() if key != "run"} for stage, told in stages.items()}}


def _notes(project: Project, name: str) -> list[dict[str, Any]]:
    """What the stages wrote beside their outputs, a line for each that was run."""
    path = project.root / ".genimg" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.is_file() else []


def _state(project: Project) -> dict[str, Any]:
    """What the project holds: image_ids, the memo's rows, the shards' contents, the cache's size."""
    from genimg_core.store.manifest import read_arrow

    data = project.root / "data" / "datasets" / "images"
    memo = sqlite3.connect(project.root / ".genimg" / "memo" / "profile.sqlite")
    (rows,) = memo.execute("SELECT count(*) FROM memo").fetchone()
    memo.close()
    cache = project.root / ".dvc" / "cache"
    ids = read_arrow(data / "raw" / "manifest.parquet", ["image_id"]).column(0).to_pylist()
    return {"ids": set(ids), "memo_rows": rows, "shards": {path.name: _digest(path) for path in sorted(
        (data / "raw" / "shards").iterdir())}, "cache_mib": round(sum(
            path.stat().st_size for path in cache.rglob("*") if path.is_file()) / 2**20, 1)}


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _params() -> dict[str, Any]:
    return {
        "seed": 0, "threads": 2, "image": {"size": 32, "channels": 3, "fit": "pad", "background": "#ffffff"},
        "datasets": {"images": {"source": {"kind": "folder", "path": "images"}}},
        "pretrain": {}, "finetune": {}, "generate": {}, "evaluate": {},
        "extractor": {"dataset": "images", "seen_images": 320}}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """One, in both forms."""
    return [increment_cell(bench)]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Decoded against new; seconds of the increment; seconds of nothing."""
    cell = increment_cell(bench)
    record = bench.record(cell)
    if record is None:
        return []
    result, behind = record["result"], [(cell, record)]
    images, new, more = result["images"], result["new"], result["more"]
    at = f"{new:,} new images at {images:,}"
    decoded, stages = more["stages"]["profile-images"], more["stages"]
    allowed = 15 + 0.03 * result["first"]["seconds"]
    told = ", ".join(f"{stage.removesuffix('-images')} {spent['seconds']:.1f} s" for stage, spent in stages.items())
    first, load = result["first"], "load {} when it began, {} when it ended".format(*result["load"])
    rows = [
        command.claim(f"{at}: images decoded, less the new ones", decoded["decoded"] - new, 0, "lower", "images",
                      f"{decoded['decoded']:,} decoded, {decoded['remembered']:,} remembered; "
                      f"the memo grew by {result['memo_rows']:,} rows", behind, 0),
        command.claim(f"{at}: `genimg run {DATA}`", more["seconds"], round(allowed, 2), "lower", "s",
                      f"15 s and 3 % of the first run's {first['seconds']:.1f} s; {more['processor']:.1f} s of a "
                      f"processor (first: {first['processor']:.1f} s); {told}; {load}", behind, 2),
        command.claim(f"{at}: shards of original bytes that are written anew", result["shards"]["other"], None,
                      "lower", "shards", f"of {result['shards']['all']}; DVC's cache grew by "
                      f"{result['cache_mib']['more']:.0f} MiB, from {result['cache_mib']['first']:.0f}", behind, 0)]
    for name in IDLE:
        told = result["idle"][name]
        seconds = told["seconds"]
        spread = (f"median of {len(seconds)}: {', '.join(f'{one:.1f}' for one in seconds)}; "
                  f"{statistics.median(told['processor']):.2f} s of a processor; {load}")
        rows.append(command.claim(f"nothing changed at {images + new:,} images: `{name}`",
                                  statistics.median(seconds), MOST_IDLE_S if name.startswith("genimg") else None,
                                  "lower", "s", spread, behind, 2))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
