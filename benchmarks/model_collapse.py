"""Collapse drill: a GAN that is set up to collapse, ten times, with the health watch and without it.

    python -m benchmarks.model_collapse [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

The GAN learns eight of the built-in Latin capitals at 16 px. It is led into collapse by 25 times the usual rate of
learning and no penalty on the critic. A run has collapsed where coverage of the held-out letters and the variety of its
samples both end under 0.6 of what the same GAN with the usual settings reaches at the same budget (its mean over three
seeds). The watched runs differ in nothing but the watch, which stands at its defaults; one that ends in an error counts
as not cured. Coverage (Naeem et al. 2020, k = 5) is of 160 samples against 160 letters that no run learns from, in the
pixels of 8 x 8 thumbnails; variety is the mean distance of two samples of a letter over that of two real ones. The
watch looks at other letters (of the train split), with k = 3 and 64 samples, so what it goes by is not what it is
judged by.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.workshop import dataset, model

NAME = "model_collapse"
SEEDS = range(10)
USUAL_SEEDS = range(3)
SHORT_SEEDS = 2
THREADS = 1
SEEN = 30_000
"""Images seen by each run."""
IMAGE = {"size": 16, "channels": 1}
SOURCE = {"kind": "glyphs", "script": "latin_capitals", "images": 2600, "reference_images": 600, "defect_share": 0.0}
USUAL: dict[str, Any] = {"gan": {"width": 16}}
COLLAPSING: dict[str, Any] = {"gan": {"width": 16, "r1": 0}, "learning_rate": 0.1}
RUN = {"log_images": 500, "snapshot_images": 1000, "strips": 4}
"""Of all: about as often in a budget of 30,000 images as the defaults are in one of 180,000."""
BLIND = {"collapse_share": 0, "critic_share": 0, "gradient_factor": 1e300, "restarts": 0}
SYSTEMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": (USUAL, BLIND), "unwatched": (COLLAPSING, BLIND), "watched": (COLLAPSING, {})}
"""Name -> the GAN, and the watch."""
CLASSES = 8
"""The first letters only: so a look of 64 samples has eight of each."""
DRAWN = 160
NEIGHBOURS = 5
LEAST = 0.6
"""Of the usual GAN's coverage and variety: under both, a run has collapsed."""
CURED, SIGNIFICANT = 0.8, 0.05
CODE = ("genimg_core.stages.pretrain", "genimg_core.metrics.manifold", "workshop.py")


def run_recipe(bench: Bench, system: str, seed: int) -> Recipe:
    """The training of one run."""
    from genimg_core.stages.pretrain import PretrainParams

    gan, watch = SYSTEMS[system]
    seen = 640 if bench.smoke else SEEN
    params = PretrainParams(dataset="base", family="gan", seen_images=seen, device="cpu", watch=watch, **gan, **RUN)
    whole = dataset("letters16", IMAGE, {"source": SOURCE | ({"images": 520} if bench.smoke else {})}, 0, THREADS)
    data = first_classes("letters8", whole, CLASSES)
    return model(f"{system}-seed{seed}", "pretrain", params, data, seed, THREADS)


def first_classes(label: str, source: Recipe, classes: int) -> Recipe:
    """The images of a data set's first classes, in `normalized/`."""
    settings = {"source": source, "classes": classes}

    def make(bench: Bench, folder: Path) -> None:
        from genimg_core.store.arrays import SPLITS, NormalizedDataset, write_normalized

        data = NormalizedDataset(bench.made(source) / "normalized")
        kept = {split: data.labels(split) < classes for split in SPLITS}
        (folder / "normalized").mkdir(exist_ok=True)
        write_normalized(
            folder / "normalized", dataset=label, classes=data.settings.classes[:classes],
            background=data.settings.background, images={split: data.images(split)[kept[split]] for split in SPLITS},
            labels={split: data.labels(split)[kept[split]] for split in SPLITS})

    return Recipe("few", label, settings, ("genimg_core.store.arrays",), make)


def cell_of(bench: Bench, system: str, seed: int) -> Cell:
    """One run and what became of it."""
    recipe = run_recipe(bench, system, seed)
    data = recipe.settings["data"]

    def measure(bench: Bench) -> dict[str, Any]:
        from genimg_core.errors import TrainingError

        try:
            folder = bench.made(recipe)
        except TrainingError as error:
            return {"failed": str(error).splitlines()[0], "coverage": 0.0, "variety": 0.0, "events": []}
        return {"failed": None, **_judged(bench, folder, data, seed)}

    settings = {"run": recipe, "params": recipe.settings["params"], "watch": SYSTEMS[system][1], "log": RUN,
                "drawn": DRAWN, "neighbours": NEIGHBOURS, "seed": seed}
    return Cell(NAME, f"{system}-seed{seed}", settings, measure, CODE)


def _judged(bench: Bench, folder: Path, data: Recipe, seed: int) -> dict[str, Any]:
    """Coverage and variety of what the model draws, and what happened on the way."""
    import json

    import numpy as np

    from genimg_core.metrics.manifold import generated_neighbourhoods, manifold_scores, real_neighbourhoods
    from genimg_core.metrics.reference import choose_evenly
    from genimg_core.models.model_file import load_model
    from genimg_core.seeds import generator
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing
    from genimg_core.training.looks import small, variety

    real = NormalizedDataset(bench.made(data) / "normalized")
    labels = real.labels("test")
    chosen = choose_evenly(labels, min(DRAWN, len(labels)), generator(0, "benchmarks/collapse/real"))
    labels, held_out = np.asarray(labels)[chosen], small(np.array(real.images("test"))[chosen])
    with computing("cpu", THREADS):
        drawn = small(load_model(folder / "model").sample(labels, seed))
    whole = np.ones((1, len(drawn)), bool)
    scores = manifold_scores(real_neighbourhoods(held_out, whole, NEIGHBOURS),
                             generated_neighbourhoods(drawn, whole, NEIGHBOURS))
    log = [json.loads(line) for line in (folder / "model" / "log.jsonl").read_text(encoding="utf8").splitlines()]
    events = [json.loads(line) for line in (folder / "model" / "events.jsonl").read_text(encoding="utf8").splitlines()]
    told = ("seen_images", "cause", "back_to", "before", "after")
    return {"coverage": round(float(scores.coverage[0]), 4), "precision": round(float(scores.precision[0]), 4),
            "variety": round(variety(drawn, labels) / variety(held_out, labels), 4),
            "events": [{key: event[key] for key in told} for event in events],
            "looks": " ".join(f"{line['seen_images']}:{line['variety']:.2f}/{line['coverage']:.2f}"
                              for line in log if "variety" in line)}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: in the short one, two seeds."""
    seeds = SEEDS if form == "full" else SEEDS[:SHORT_SEEDS]
    return [cell_of(bench, system, seed) for seed in seeds for system in SYSTEMS
            if system != "usual" or seed in USUAL_SEEDS]


def fisher(cured_a: int, of_a: int, cured_b: int, of_b: int) -> float:
    """Fisher's exact test, one-sided: the probability that A has so many or more of the cured, were both alike."""
    cured, runs = cured_a + cured_b, of_a + of_b
    ways = sum(math.comb(cured, k) * math.comb(runs - cured, of_a - k) for k in range(cured_a, min(cured, of_a) + 1))
    return ways / math.comb(runs, of_a)


def collapsed(result: dict[str, Any], usual: dict[str, float]) -> bool:
    """Whether a run ended in collapse, or in an error."""
    return result["failed"] is not None or all(result[name] < LEAST * usual[name] for name in usual)


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """How many collapsed unwatched, how many of those were cured, and whether that is chance."""
    standing = {system: [(cell, record) for seed in (USUAL_SEEDS if system == "usual" else SEEDS)
                         if (record := bench.record(cell := cell_of(bench, system, seed)))] for system in SYSTEMS}
    if not all(standing.values()):
        return []
    usual = {name: sum(record["result"][name] for _, record in standing["usual"]) / len(standing["usual"])
             for name in ("coverage", "variety")}
    ill = {system: {record["settings"]["seed"]: collapsed(record["result"], usual) for _, record in standing[system]}
           for system in ("unwatched", "watched")}
    fell = [seed for seed, fallen in ill["unwatched"].items() if fallen and seed in ill["watched"]]
    cured = [seed for seed in fell if not ill["watched"][seed]]
    well = {system: sum(not fallen for fallen in told.values()) for system, told in ill.items()}
    chance = fisher(well["watched"], len(ill["watched"]), well["unwatched"], len(ill["unwatched"]))
    behind = [pair for system in ("unwatched", "watched") for pair in standing[system]]
    means = {system: {name: sum(record["result"][name] for _, record in standing[system]) / len(standing[system])
                      for name in usual} for system in SYSTEMS}
    against = (f"{well['watched']} of {len(ill['watched'])} runs are well with the watch, {well['unwatched']} of "
               f"{len(ill['unwatched'])} without it")
    down = sum(ill["unwatched"].values())
    rows = [
        command.claim("Collapse drill: runs that collapse unwatched", down / len(ill["unwatched"]), None, "higher",
                      "of the runs", f"{down} of {len(ill['unwatched'])}; set up to collapse: 25 times the usual rate, "
                      "no penalty", standing["unwatched"]),
        command.claim("Collapse drill: collapsing runs that the watch cures", len(cured) / len(fell) if fell else None,
                      CURED, "higher", "of them", against, behind),
        command.claim("Collapse drill: Fisher's exact test, one-sided", chance, SIGNIFICANT, "lower", "p", against,
                      behind, 8)]
    for name in usual:
        told = ", ".join(f"{means[system][name]:.2f} {'with the usual settings' if system == 'usual' else system}"
                         for system in ("usual", "unwatched"))
        rows.append(command.claim(f"Collapse drill: mean {name}, watched", means["watched"][name], None, "higher", name,
                                  told, standing["watched"]))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
