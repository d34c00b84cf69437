"""Our families against today's small systems on Fashion-MNIST: 240 s of training on 2 quiet cores, one scorer for all.

    python -m benchmarks.model_families [--short|--full] [--trials] [--only PATTERN] [--list] [--again] [--smoke]

Equal wall time first, then equal time and about equal weights; conditional systems against conditional ones. The scorer
is a CNN at least 90 % right on the test images (benchmarks/fashion.py): KID, FD, precision, recall and coverage of
5,000 generated images (2,000 of the slow diffusion peers) against the 10,000 test images, beside the floor: as many
real images that nothing learnt from. A sampler's steps are chosen by FD against other held-out images. Each cell trains
in a process of its own and says how busy the machine was with other things; on a busy one its figures mean little.
`--short` trains three systems for 60 s; such cells are told apart from those of 240 s. `--trials` trains ours with one
change at a time, seed 0, for 240 s: what the settings in benchmarks/families_table.py are chosen from.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command
from benchmarks.cells import ROOT, Bench, Cell, Recipe
from benchmarks.families_claims import Standing, class_rows
from benchmarks.families_table import EQUAL_TIME, EQUAL_WEIGHTS, SHORT, TRIALS, Entry
from benchmarks.fashion import CLASSES, SIZE, arrays, scorer
from benchmarks.fashion_scores import LEAST_ACCURACY, FashionScores
from benchmarks.peers import MODEL_PEERS, peers_python
from genimg_core.errors import SetupError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

NAME = "model_families"
SECONDS, SHORT_SECONDS = 240, 60
THREADS = 2
SEEDS = (0, 1, 2)
LIMIT_S = 3600
"""Of a cell's process, training and drawing."""
FAST = 2_000
"""Images/s from which a sampler is a fast one."""
SHOWN = {"time": "equal time", "weights": "equal time and weights", "short": "equal time, short form",
         "trials": "trials"}


@dataclass(frozen=True)
class Table:
    """Systems that are compared with one another."""

    name: str
    """`time`, `weights`, `short` or `trials`."""
    entries: tuple[Entry, ...]
    seconds: float

    @property
    def seeds(self) -> tuple[int, ...]:
        """One where little time is to be spent."""
        return SEEDS if self.name in ("time", "weights") else SEEDS[:1]


TABLES = (Table("short", SHORT, SHORT_SECONDS), Table("time", EQUAL_TIME, SECONDS),
          Table("weights", EQUAL_WEIGHTS, SECONDS))
TRIED = Table("trials", TRIALS, SECONDS)


def trained(bench: Bench, table: Table, entry: Entry, seed: int) -> Recipe:
    """A system trained by the clock, and what each of its samplers draws."""
    data = arrays(bench)
    drawn = (16 if entry.library else 96) if bench.smoke else entry.drawn
    seconds = 3.0 if bench.smoke else table.seconds
    settings = {"system": entry.system, "settings": entry.settings, "conditional": entry.conditional, "data": data,
                "seconds": seconds, "threads": THREADS, "seed": seed, "drawn": drawn,
                "peers": MODEL_PEERS if entry.library else None}

    def make(bench: Bench, folder: Path) -> None:
        job = {key: settings[key] for key in ("system", "settings", "conditional", "seconds", "threads", "seed",
                                              "drawn")}
        job |= {"data": str(bench.made(data)), "classes": len(CLASSES),
                "clock": "cpu" if bench.smoke else "wall"}
        (folder / "job.json").write_text(json.dumps(job, indent=1) + "\n", encoding="utf8")
        python = str(peers_python(bench, MODEL_PEERS, shared=True)) if entry.library else sys.executable
        _run([python, "-m", "benchmarks.timed", str(folder / "job.json"), str(folder)])

    return Recipe("timed", f"{_class(entry)}-{entry.name}-{seconds:g}s-seed{seed}", settings,
                  ("timed.py", *entry.code), make)


def _run(words: list[str]) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "DISABLE_TELEMETRY": "1",
                        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))}
    try:
        done = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise SetupError(f"`{' '.join(words[:4])}` has not ended after {LIMIT_S} s",
                         "is the machine busy with something else? the same command starts this cell again") from None
    if done.returncode != 0:
        raise SetupError(f"`{' '.join(words[:4])}` exited with {done.returncode}: {done.stdout.strip()[-500:]}",
                         "run it by hand to see why")


def family_cell(bench: Bench, table: Table, entry: Entry, seed: int) -> Cell:
    """One system, one seed."""
    recipe = trained(bench, table, entry, seed)

    def measure(bench: Bench) -> dict[str, Any]:
        if bench.result(cell) is not None:  # `--again`: what the clock stopped is part of the measurement
            (bench.made(recipe) / "made.json").unlink()
        return _measured(bench, bench.made(recipe), entry, f"{NAME}-{cell.name}")

    cell = Cell(NAME, f"{table.name}-{_class(entry)}-{entry.name}-seed{seed}",
                {"trained": recipe, **{key: recipe.settings[key] for key in ("system", "settings", "seconds", "drawn")},
                 "scorer": scorer(bench)}, measure,
                (*recipe.code, "fashion.py", "fashion_scores.py", "genimg_core.metrics.scores"))
    return cell


def _measured(bench: Bench, folder: Path, entry: Entry, picture: str) -> dict[str, Any]:
    """The best sampler by FD against held-out images, the best of the fast ones, and the scores of both."""
    import numpy as np

    from genimg_core.reports.pictures import save_png
    from genimg_core.training.devices import computing

    told = json.loads((folder / "told.json").read_text(encoding="utf8"))
    rates = told.pop("drawing_images_per_second")
    with computing("cpu", 1):
        if bench.state not in _SCORES:
            _SCORES[bench.state] = FashionScores(bench)
        scores = _SCORES[bench.state]
        images = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in rates}
        samplers = {name: {"images_per_second": rates[name], "held_out_fd": round(scores.choosing(drawn), 4)}
                    for name, drawn in images.items()}
        by_fd = sorted(samplers, key=lambda name: samplers[name]["held_out_fd"])
        fast = next((name for name in by_fd if rates[name] >= FAST), None)
        count = len(images[by_fd[0]])
        labels = np.arange(count) % len(CLASSES) if entry.conditional else np.zeros(count, np.int64)
        of = {name: scores.score(images[name], labels) for name in dict.fromkeys([by_fd[0], fast]) if name}
        right = scores.recognised(images[by_fd[0]], labels) if entry.conditional else None
    (bench.state / "pictures").mkdir(parents=True, exist_ok=True)
    save_png(_picture(images[by_fd[0]], labels, entry.conditional), bench.state / "pictures" / f"{picture}.png")
    return {"training": told, "samplers": samplers, "best": by_fd[0], "fast": fast, "scores": of, "drawn": count,
            "recognised": right, "scorer_accuracy": scores.accuracy}


def _picture(images: np.ndarray, labels: np.ndarray, conditional: bool) -> Image:
    """A row for each class, or some of all: a sampler may draw what is alike one after the other."""
    from genimg_core.models.samples import class_grid
    from genimg_core.reports.pictures import contact_sheet, even_strides

    if conditional:
        return class_grid(images, labels, CLASSES)
    return contact_sheet(list(images[even_strides(len(images), 60)]), columns=10, tile_px=2 * SIZE)


_SCORES: dict[Path, FashionScores] = {}
"""One for all cells of a run: what depends on the test images alone takes half a minute."""


def _class(entry: Entry) -> str:
    return "conditional" if entry.conditional else "unconditional"


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form; those of the second table that are the first's, too, are listed once."""
    found: dict[str, Cell] = {}
    for table in [TRIED] if given is not None and given.trials else TABLES[:1] if form == "short" else TABLES:
        for seed in table.seeds:
            for entry in table.entries:
                cell = family_cell(bench, _home(table, entry), entry, seed)
                found.setdefault(cell.name, cell)
    return list(found.values())


def _home(table: Table, entry: Entry) -> Table:
    """The table whose cells hold an entry: the same system with the same settings is trained once."""
    return TABLES[1] if table.name == "weights" and entry in TABLES[1].entries else table


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Rows of every table, class by class, from the cells that stand."""
    rows: list[dict[str, Any]] = []
    for table in (*TABLES, TRIED):
        for conditional in (False, True):
            rows += _class_claims(bench, table, conditional)
    accuracies = {row.pop("scorer_accuracy") for row in rows if "scorer_accuracy" in row}
    if accuracies:
        rows.insert(0, command.claim("the scorer of Fashion-MNIST: right on the test images", 100 * min(accuracies),
                                     100 * LEAST_ACCURACY, "higher", "%", "10,000 images it did not learn from", (), 2))
    return rows


def _class_claims(bench: Bench, table: Table, conditional: bool) -> list[dict[str, Any]]:
    found = []
    for entry in table.entries:
        if entry.conditional == conditional:
            cells_of = [family_cell(bench, _home(table, entry), entry, seed) for seed in table.seeds]
            pairs = [(cell, bench.record(cell)) for cell in cells_of]
            results = [record["result"] for _, record in pairs if record]
            if results:
                found.append(Standing(entry, pairs, results))
    where = f"Fashion-MNIST, {table.seconds:g} s, {SHOWN[table.name]}, " \
            f"{'with' if conditional else 'without'} classes"
    return class_rows(where, found, table.seconds == SECONDS)


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    def options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--trials", action="store_true", help="our families with other settings")

    return command.run(NAME, __doc__ or "", cells, claims, argv, options)


if __name__ == "__main__":
    sys.exit(main())
