"""Tuning: the flow's defaults against one change at a time, on the built-in Latin capitals and on Noto emoji.

    python -m benchmarks.tuning [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Every model sees the same number of images from scratch, with seed 0, and draws 1,000 with the demo's steps and guidance
(or those that the row changes); KID and coverage are against held-out images of the same data set, in the features of a
CNN trained on it. One seed tells large differences only: the interval is that of the images, not of training.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.scoring import Reference, score
from benchmarks.transfer import Pairs
from benchmarks.workshop import model

NAME = "tuning"
SEEN = 40_000
"""Images seen by each model: about what a first run of a few minutes can afford."""
TRAINED: dict[str, dict[str, Any]] = {
    "default": {},
    "rate_half": {"learning_rate": 0.5}, "rate_double": {"learning_rate": 2.0},
    "rate_four_times": {"learning_rate": 4.0},
    "batch_32": {"batch": 32}, "batch_128": {"batch": 128},
    "width_48": {"flow": {"width": 48}}, "blocks_2": {"flow": {"blocks": 2}},
    "times_later": {"flow": {"time_mean": 0.5}}, "times_earlier": {"flow": {"time_mean": -0.5}},
    "times_wider": {"flow": {"time_std": 1.5}},
    "ema_5k": {"ema_half_life": 5_000}, "ema_20k": {"ema_half_life": 20_000},
    "flip": {"flip": True}, "bf16": {"precision": "bf16"},
}
"""Name -> what differs from the defaults; `learning_rate` is a multiple of the default."""
DRAWN: dict[str, dict[str, Any]] = {
    "steps_6": {"steps": 6}, "steps_20": {"steps": 20},
    "guidance_1": {"guidance": 1.0}, "guidance_2": {"guidance": 2.0},
}
"""Name -> how the default model is drawn differently."""
LETTERS_HAVE_SIDES = ("flip",)
"""Not tried on letters: a mirrored letter is none."""
SHORT = ("default", "rate_half", "rate_double")
CODE = ("genimg_core.stages.pretrain", "genimg_core.stages.extractor", "genimg_core.metrics.scores", "scoring.py",
        "workshop.py")


class Trials:
    """The models of the table as recipes.

    Args:
        bench: smoke shrinks every budget.
    """

    def __init__(self, bench: Bench) -> None:
        self.pairs = Pairs(bench)
        self.seen = 256 if bench.smoke else SEEN

    def model(self, base: str, name: str) -> Recipe:
        """A model of `latin` or `noto`."""
        from genimg_core.stages.pretrain import PretrainParams

        change = dict(TRAINED.get(name, {}))
        params = PretrainParams(dataset="base", seen_images=self.seen)
        if "learning_rate" in change:
            change["learning_rate"] *= params.learning_rate
        params = PretrainParams(dataset="base", seen_images=self.seen, **change)
        label = f"{base}-{name if name in TRAINED else 'default'}"
        return model(label, "pretrain", params, self.pairs.base_data(base), 0, self.pairs.threads)


def trial_cell(trials: Trials, base: str, name: str) -> Cell:
    """One row of the table."""
    pairs, recipe = trials.pairs, trials.model(base, name)
    usual = pairs.demo.params.generate["latin"]
    drawing = {"steps": usual.steps, "guidance": usual.guidance, "batch": usual.batch} | DRAWN.get(name, {})

    def measure(bench: Bench) -> dict[str, Any]:
        import json

        from genimg_core.metrics.features import load_extractors
        from genimg_core.models.model_file import load_model
        from genimg_core.models.samples import class_grid, class_weights, sample_labels
        from genimg_core.reports.pictures import save_png
        from genimg_core.store.arrays import NormalizedDataset
        from genimg_core.training.devices import computing

        data = NormalizedDataset(bench.made(pairs.base_data(base)) / "normalized")
        eyes = load_extractors(bench.made(pairs.extractor(base)) / "extractor")[0]
        seconds = json.loads((bench.made(recipe) / "made.json").read_text(encoding="utf8"))["seconds"]
        real, floor = data.images("test"), data.images("validation")
        with computing(usual.device, pairs.threads) as device:
            trained = load_model(bench.made(recipe) / "model", device)
            labels = sample_labels(class_weights(trained.settings, ()), pairs.drawn)
            drawn = trained.sample(labels, 0, **drawing)
            (bench.state / "pictures").mkdir(parents=True, exist_ok=True)
            save_png(class_grid(drawn, labels, trained.settings.classes),
                     bench.state / "pictures" / f"tuning-{base}-{name}.png")
            told = score(Reference(eyes.features(real), data.labels("test"), eyes.features(floor)),
                         eyes.features(drawn), labels, only_kid=True)
        del told["kid"]["halves"]
        return told | {"train_seconds": seconds, "model_sha256": trained.settings.sha256}

    settings = {"model": recipe, "params": recipe.settings["params"], "extractor": pairs.extractor(base),
                "drawing": drawing, "drawn": pairs.drawn}
    return Cell(NAME, f"{base}-{name}", settings, measure, CODE)


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: in the short one, three learning rates."""
    trials = Trials(bench)
    names = SHORT if form == "short" else (*TRAINED, *DRAWN)
    return [trial_cell(trials, base, name) for base in ("noto", "latin") for name in names
            if base != "latin" or name not in LETTERS_HAVE_SIDES]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """A row for each cell that stands, beside the default of its data set."""
    rows = []
    for base, shown in (("noto", "Noto emoji"), ("latin", "Latin capitals")):
        standing = [(cell, record) for cell in cells(bench, "full") if cell.name.startswith(f"{base}-")
                    if (record := bench.record(cell))]
        usual = next((record["result"]["kid"] for cell, record in standing if cell.name == f"{base}-default"), None)
        for cell, record in standing:
            kid = record["result"]["kid"]
            against = f"interval {kid['low']:.4f} to {kid['high']:.4f}; real images score {kid['floor']:.4f}"
            if usual and kid is not usual:
                against += f"; the defaults {usual['value']:.4f} ({usual['low']:.4f} to {usual['high']:.4f})"
            rows.append(command.claim(
                f"{shown}, {record['result']['real_images']} held out, {SEEN:,} images seen: "
                f"{cell.name.removeprefix(base + '-').replace('_', ' ')}, KID", kid["value"], None, "lower", "KID",
                against, [(cell, record)], 5, low=round(kid["low"], 5), high=round(kid["high"], 5),
                train_seconds=record["result"]["train_seconds"]))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
