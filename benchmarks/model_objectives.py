"""Every GAN loss and every VAE variant on the built-in Latin capitals, at equal images seen: a table to choose by.

    python -m benchmarks.model_objectives [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

All see as many images, at the family's default rate and size; KID and coverage of 600 letters against the demo's 600
held-out ones, in the features of its extractor. The budget is a small one: it tells which objective starts well on a
small machine, not which one ends best. What the health watch did is told, and a run that it gave up is a result.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.excess import mean_score
from benchmarks.first_run import THREADS, Demo, held_out_letters
from benchmarks.scoring import score
from benchmarks.workshop import model

NAME = "model_objectives"
SEEN = 20_000
SEEDS = (0, 1, 2)
VARIANTS: dict[str, dict[str, Any]] = {
    "gan-minimax": {"loss": "minimax"}, "gan-non_saturating": {"loss": "non_saturating"},
    "gan-least_squares": {"loss": "least_squares"}, "gan-wasserstein": {"loss": "wasserstein"},
    "gan-wasserstein-5_to_1": {"loss": "wasserstein", "critic_steps": 5}, "gan-hinge": {"loss": "hinge"},
    "gan-relativistic": {"loss": "relativistic"},
    "gan-non_saturating-dcgan": {"loss": "non_saturating", "network": "dcgan"},
    "gan-non_saturating-fully_connected": {"loss": "non_saturating", "network": "fully_connected"},
    "vae-squared": {}, "vae-clipped": {"reconstruction": "clipped"},
    "vae-cross_entropy": {"reconstruction": "cross_entropy"},
    "vae-beta_4": {"beta": 4.0}, "vae-beta_quarter": {"beta": 0.25}, "vae-warm_up": {"beta_warm_up": 0.5},
    "vae-free_bits": {"free_bits": 0.1},
    "flow": {},
}
"""Family and variant => what differs from the family's defaults; the flow stands beside them."""
SHORT = ("gan-minimax", "gan-non_saturating", "gan-least_squares", "gan-wasserstein", "gan-hinge", "gan-relativistic",
         "vae-squared", "vae-clipped", "vae-cross_entropy")
CODE = ("genimg_core.stages.pretrain", "genimg_core.stages.extractor", "genimg_core.metrics.scores", "scoring.py")


def objective_model(demo: Demo, variant: str, seed: int) -> Recipe:
    """A trained variant."""
    from genimg_core.stages.pretrain import PretrainParams

    family = variant.partition("-")[0]
    params = PretrainParams(dataset="base", family=family, seen_images=640 if demo.smoke else SEEN,
                            **{family: VARIANTS[variant]})
    return model(f"{variant}-seed{seed}", "pretrain", params, demo.data("base"), seed, THREADS)


def objective_cell(demo: Demo, variant: str, seed: int) -> Cell:
    """A row of the table, one seed."""
    recipe, told = objective_model(demo, variant, seed), demo.params.generate["latin"]
    drawing = {"steps": told.steps, "guidance": told.guidance, "batch": told.batch}

    def measure(bench: Bench) -> dict[str, Any]:
        from genimg_core.errors import TrainingError
        from genimg_core.models.model_file import load_model
        from genimg_core.models.samples import class_grid, class_weights, sample_labels
        from genimg_core.reports.pictures import save_png
        from genimg_core.training.devices import computing

        try:
            folder = bench.made(recipe)
        except TrainingError as error:
            return {"gave_up": str(error)}
        events = (folder / "model" / "events.jsonl").read_text(encoding="utf8").splitlines()
        with computing("cpu", THREADS) as device:
            trained = load_model(folder / "model", device)
            labels = sample_labels(class_weights(trained.settings, ()), demo.scored)
            drawn = trained.sample(labels, seed, **drawing)
            (bench.state / "pictures").mkdir(parents=True, exist_ok=True)
            save_png(class_grid(drawn, labels, trained.settings.classes),
                     bench.state / "pictures" / f"{NAME}-{cell.name}.png")
            scores = _scores(bench, demo, drawn, labels)
        return {"scores": scores, "events": len(events), "seen_images": trained.settings.seen_images,
                "model_sha256": trained.settings.sha256}

    cell = Cell(NAME, f"{variant}-seed{seed}",
                {"model": recipe, "params": recipe.settings["params"], "extractor": demo.extractor(),
                 "drawing": drawing, "scored": demo.scored, "seed": seed}, measure, CODE)
    return cell


def _scores(bench: Bench, demo: Demo, drawn: Any, labels: Any) -> dict[str, Any]:
    from genimg_core.metrics.features import load_extractors
    from genimg_core.metrics.reference import choose_evenly
    from genimg_core.seeds import generator
    from genimg_core.store.arrays import NormalizedDataset

    data = NormalizedDataset(bench.made(demo.data("base")) / "normalized")
    eyes = load_extractors(bench.made(demo.extractor()) / "extractor")[0]
    held_out = held_out_letters(demo, data, eyes)
    chosen = choose_evenly(labels, len(held_out.labels), generator(0, "benchmarks/scored"))
    scores = score(held_out, eyes.features(drawn[chosen]), labels[chosen])
    del scores["kid"]["halves"]
    return {name: scores[name] for name in ("kid", "coverage", "precision", "recall")}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: the short one has the plain losses and one seed."""
    demo = Demo(bench)
    seeds, variants = (SEEDS[:1], SHORT) if form == "short" else (SEEDS, tuple(VARIANTS))
    return [objective_cell(demo, variant, seed) for seed in seeds for variant in variants]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Two rows a variant, KID and coverage; families in turn, the lowest KID first."""
    demo = Demo(bench)
    rows = []
    for family in ("gan", "vae", "flow"):
        found = []
        for variant in (name for name in VARIANTS if name.partition("-")[0] == family):
            pairs = [(cell, bench.record(cell)) for cell in (objective_cell(demo, variant, seed) for seed in SEEDS)]
            if any(record for _, record in pairs):
                found.append(_rows(variant, pairs))
        rows += [row for both in sorted(found, key=lambda both: _order(both[0])) for row in both]
    return rows


def _order(row: dict[str, Any]) -> tuple[bool, float]:
    return row["value"] is None, row["value"] or 0.0


def _rows(variant: str, pairs: list[tuple[Cell, Any]]) -> list[dict[str, Any]]:
    results = [record["result"] for _, record in pairs if record]
    scores = [result["scores"] for result in results if "scores" in result]
    what = f"Latin capitals, {SEEN:,} images seen: {variant.replace('-', ' ', 1).replace('_', ' ')}"
    gave_up = len(results) - len(scores)
    watch = f"the health watch sent it back {sum(result.get('events', 0) for result in results)} times"
    watch += f", and gave up {gave_up} of {len(results)} runs" if gave_up else ""
    rows = []
    for name, unit in (("kid", "KID"), ("coverage", "share of real images")):
        if not scores:
            rows.append(command.claim(f"{what}, {name}", None, None, "lower", unit, watch, pairs))
            continue
        one = mean_score(scores, name)
        told = f"interval {one.low:.4f} to {one.high:.4f} over {len(scores)} seed(s); real images " \
               f"{scores[0][name]['floor']:.4f}"
        if name == "kid":
            told += f"; {watch}"
        rows.append(command.claim(f"{what}, {'KID' if name == 'kid' else name}", one.value, None,
                                  "lower" if name == "kid" else "higher", unit, told, pairs, 5,
                                  low=round(one.low, 5), high=round(one.high, 5)))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
