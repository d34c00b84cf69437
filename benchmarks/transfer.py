"""Transfer: few images, fine-tuned from a base model against from scratch, on images never trained on.

    python -m benchmarks.transfer [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Rows: the demo's Latin capitals to Greek small letters and, hard, to Georgian ones, at 60, 120 and 240 images; Noto
emoji (labels: group) to Twemoji animals and nature (labels: subgroup) at 25, 50 and 100. Systems: `finetuned`,
`scratch` at as many images seen, `scratch_4x` at four times as many. Each is trained at three rates, half, once and
twice the default of its stage, with seed 0; the rate with the lowest KID on a validation part, on which nothing is
reported, is taken for the other seeds. A seed draws its own training images, weights and order; the base model is one,
of seed 0. KID is measured in the features of the base's extractor against test images that were used for nothing else.
Letters have 1,000 of them, the same for every seed; emoji as many as training and validation leave (40 to 90), others
for every seed, so the emoji's intervals are wide.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.first_run import THREADS, Demo
from benchmarks.scoring import Estimate, Reference, difference, over_seeds, score
from benchmarks.workshop import REAL, dataset, feature_extractor, few, model

if TYPE_CHECKING:
    from genimg_core.params import Section

NAME = "transfer"
SEEDS = (0, 1, 2)
SEEN = 10_000
"""Images seen by `finetuned` and by `scratch`."""
NOTO_SEEN = 120_000
"""By the emoji base."""
SYSTEMS = {"finetuned": 1, "scratch": 1, "scratch_4x": 4}
"""Name -> budget, in multiples of SEEN."""
RATES = (0.5, 1.0, 2.0)
"""Times the default learning rate of pretrain or finetune."""
LETTERS = {"images": 320, "reference_images": 2000, "defect_share": 0.0}
"""Of a target script: 240 at most are learnt from; 1,000 of the reference choose the rate, the others judge."""
LETTERS_HELD_OUT = (1000, 1000)
CODE = ("genimg_core.stages.pretrain", "genimg_core.stages.finetune", "genimg_core.stages.extractor",
        "genimg_core.metrics.kernel", "scoring.py", "workshop.py")


@dataclass(frozen=True)
class Row:
    """A pair of data sets at one number of images."""

    base: str
    """`latin` or `noto`."""
    target: str
    """`greek_small`, `georgian` or `twemoji`."""
    images: int
    short: bool = False
    """Whether the short form has it."""

    @property
    def name(self) -> str:
        """For cells."""
        return f"{self.target}-{self.images:03d}"


ROWS = (*(Row("latin", "greek_small", n, n == 120) for n in (60, 120, 240)),
        *(Row("latin", "georgian", n) for n in (60, 120, 240)),
        *(Row("noto", "twemoji", n, n == 50) for n in (25, 50, 100)))
SHOWN = {"greek_small": "Latin capitals to Greek small letters", "georgian": "Latin capitals to Georgian letters",
         "twemoji": "Noto emoji to Twemoji animals and nature"}


class Pairs:
    """Base models, extractors and few-shot sets as recipes.

    Args:
        bench: smoke shrinks every budget.
    """

    def __init__(self, bench: Bench) -> None:
        self.demo = Demo(bench)
        self.smoke = bench.smoke
        self.threads = THREADS
        self.seen = 256 if bench.smoke else SEEN
        self.drawn = 48 if bench.smoke else 1000
        size = self.demo.params.image.size
        self.emoji = {"size": size, "channels": 3, "fit": "pad", "background": "#ffffff"}

    def base_data(self, base: str) -> Recipe:
        """What the base model learns from."""
        if base == "latin":
            return self.demo.data("base")
        folder = f"{REAL}/pretrain-noto128"
        entry = {"source": {"kind": "folder", "path": f"{folder}/images",
                            "labels": {"csv": f"{folder}/labels.csv", "label_column": "group"}}}
        return dataset("noto", self.emoji, entry, 0, self.threads)

    def base_model(self, base: str) -> Recipe:
        """The model that is fine-tuned."""
        from genimg_core.stages.pretrain import PretrainParams

        if base == "latin":
            return self.demo.model("latin", 0)
        params = PretrainParams(dataset="noto", seen_images=self.seen if self.smoke else NOTO_SEEN)
        return model("noto-seed0", "pretrain", params, self.base_data(base), 0, self.threads)

    def extractor(self, base: str) -> Recipe:
        """The features that KID is measured in: of the base's images, so of no target's."""
        from genimg_core.stages.extractor import ExtractorParams

        if base == "latin":
            return self.demo.extractor()
        params = ExtractorParams(dataset="noto", **({"seen_images": 640} if self.smoke else {}))
        return feature_extractor("noto", params, self.base_data(base), 0, self.threads)

    def target_data(self, row: Row) -> Recipe:
        """Everything that there is of a target."""
        if row.target == "twemoji":
            folder = f"{REAL}/transfer-twemoji72"
            where = {"group": "animals-nature", "skin_tone_variant": 0}
            labels = {"csv": f"{folder}/labels.csv", "label_column": "subgroup", "where": where}
            entry = {"source": {"kind": "folder", "path": f"{folder}/images", "labels": labels},
                     "normalize": {"test_share": 0.0, "validation_share": 0.0}}
            return dataset("twemoji", self.emoji, entry, 0, self.threads)
        sizes = LETTERS | ({"reference_images": 160} if self.smoke else {})
        entry = {"source": {"kind": "glyphs", "script": row.target, **sizes}}
        return dataset(row.target, self.demo.params.image, entry, 0, self.threads)

    def target(self, row: Row, seed: int) -> Recipe:
        """The few images of a row, and those held out of it."""
        held_out = None if row.target == "twemoji" else (80, 80) if self.smoke else LETTERS_HELD_OUT
        return few(f"{row.name}-seed{seed}", self.target_data(row), row.images, held_out, seed)

    def default_rate(self, system: str) -> float:
        """The default of the stage that trains a system."""
        return float(self._params(system, 1.0).learning_rate)

    def system(self, row: Row, system: str, rate: float, seed: int) -> Recipe:
        """A trained system of a row."""
        data = self.target(row, seed)
        params = self._params(system, rate)
        label = f"{row.name}-{system}-rate{rate:g}-seed{seed}"
        if system == "finetuned":
            return model(label, "finetune", params, data, seed, self.threads, self.base_model(row.base))
        return model(label, "pretrain", params, data, seed, self.threads)

    def _params(self, system: str, rate: float) -> Section:
        from genimg_core.stages.finetune import FinetuneParams
        from genimg_core.stages.pretrain import PretrainParams

        entry: dict[str, Any] = {"dataset": "target", "seen_images": self.seen * SYSTEMS[system]}
        kind: type[Section] = PretrainParams
        if system == "finetuned":
            kind, entry = FinetuneParams, entry | {"from": "base"}
        return kind(**entry, learning_rate=rate * kind(**entry).learning_rate)


def rate_cell(pairs: Pairs, row: Row, system: str, rate: float) -> Cell:
    """A system at one rate, with seed 0."""
    recipe = pairs.system(row, system, rate, 0)
    settings = {"model": recipe, "params": recipe.settings["params"], "rate": rate, "seed": 0, **_measuring(pairs, row)}
    return Cell(NAME, f"{row.name}-{system}-rate{rate:g}-seed0", settings,
                lambda bench: _measured(bench, pairs, row, recipe, 0) | {"rate": rate}, CODE)


def seed_cell(pairs: Pairs, row: Row, system: str, seed: int) -> Cell:
    """A system at its best rate, with another seed."""
    trials = tuple(rate_cell(pairs, row, system, rate) for rate in RATES)

    def measure(bench: Bench) -> dict[str, Any]:
        rate = best_rate({rate: bench.result(cell) for rate, cell in zip(RATES, trials, strict=True)})
        return _measured(bench, pairs, row, pairs.system(row, system, rate, seed), seed) | {"rate": rate}

    settings = {"system": system, "rates": RATES, "seed": seed, **_measuring(pairs, row)}
    return Cell(NAME, f"{row.name}-{system}-best-seed{seed}", settings, measure, CODE, trials)


def best_rate(trials: dict[float, dict[str, Any] | None]) -> float:
    """The rate whose model has the lowest KID on the validation part; test scores are not looked at.

    Args:
        trials: rate -> result of its rate cell, None where that does not stand; at least one stands.
    """
    standing = {rate: result["validation"]["kid"]["value"] for rate, result in trials.items() if result is not None}
    return min(standing, key=lambda rate: (standing[rate], rate))


def _measuring(pairs: Pairs, row: Row) -> dict[str, Any]:
    told = pairs.demo.params.generate["greek"]
    return {"base": pairs.base_model(row.base), "extractor": pairs.extractor(row.base), "drawn": pairs.drawn,
            "drawing": {"steps": told.steps, "guidance": told.guidance, "batch": told.batch}}


def _measured(bench: Bench, pairs: Pairs, row: Row, recipe: Recipe, seed: int) -> dict[str, Any]:
    """KID of what a system draws, on the validation part and on the test part."""
    from genimg_core.metrics.features import load_extractors
    from genimg_core.models.model_file import load_model
    from genimg_core.models.samples import class_grid, class_weights, sample_labels
    from genimg_core.reports.pictures import save_png
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing

    told = pairs.demo.params.generate["greek"]
    data = NormalizedDataset(bench.made(pairs.target(row, seed)) / "normalized")
    eyes = load_extractors(bench.made(pairs.extractor(row.base)) / "extractor")[0]
    with computing(told.device, pairs.threads) as device:
        trained = load_model(bench.made(recipe) / "model", device)
        labels = sample_labels(class_weights(trained.settings, ()), pairs.drawn)
        drawn = trained.sample(labels, seed, steps=told.steps, guidance=told.guidance, batch=told.batch)
    (bench.state / "pictures").mkdir(parents=True, exist_ok=True)
    save_png(class_grid(drawn, labels, trained.settings.classes), bench.state / "pictures" / f"{recipe.label}.png")
    result: dict[str, Any] = {"seed": seed, "model_sha256": trained.settings.sha256,
                              "seen_images": trained.settings.seen_images,
                              "train_images": data.settings.counts["train"]}
    with computing("cpu", pairs.threads):
        features = eyes.features(drawn)
        for part in ("validation", "test"):
            # The floor is what the few training images themselves score: what a copier of them would reach.
            reference = Reference(eyes.features(data.images(part)), data.labels(part),
                                  eyes.features(data.images("train")))
            result[part] = score(reference, features, labels, only_kid=True)
    del result["validation"]["kid"]["halves"]  # it is only chosen by
    return result


def row_cells(pairs: Pairs, row: Row, form: str) -> list[Cell]:
    """The cells of a row: in the short form one seed at the default rates, at equal images seen."""
    if form == "short":
        return [rate_cell(pairs, row, system, 1.0) for system in ("finetuned", "scratch")]
    return [*(rate_cell(pairs, row, system, rate) for system in SYSTEMS for rate in RATES),
            *(seed_cell(pairs, row, system, seed) for system in SYSTEMS for seed in SEEDS[1:])]


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form."""
    pairs = Pairs(bench)
    return [cell for row in ROWS if form == "full" or row.short for cell in row_cells(pairs, row, form)]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """A row for each system of each row of which cells stand, and two that compare them."""
    pairs = Pairs(bench)
    return [line for row in ROWS for line in _row_claims(bench, pairs, row)]


def _row_claims(bench: Bench, pairs: Pairs, row: Row) -> list[dict[str, Any]]:
    found = {system: _standing(bench, pairs, row, system) for system in SYSTEMS}
    if not found["finetuned"][0]:
        return []
    what = f"{SHOWN[row.target]}, {row.images} images"
    lines, estimates = [], {}
    for system, (results, cells_behind, rates) in found.items():
        if not results:
            continue
        estimates[system] = estimate = over_seeds([result["test"] for result in results])
        budget = results[0]["seen_images"]
        lines.append(command.claim(
            f"{what}: {system} ({budget:,} images seen), KID on {results[0]['test']['real_images']} held-out images",
            estimate.value, None, "lower", "KID",
            f"interval {estimate.low:.4f} to {estimate.high:.4f} over {len(results)} seed(s); rate {rates}; the "
            f"training images themselves score {results[0]['test']['kid']['floor']:.4f}",
            cells_behind, 5, low=round(estimate.low, 5), high=round(estimate.high, 5)))
    for system in ("scratch", "scratch_4x"):
        if system in estimates:
            lines.append(_comparison(what, system, found, estimates))
    return lines


def _comparison(what: str, system: str, found: dict[str, Any], estimates: dict[str, Estimate]) -> dict[str, Any]:
    ours, theirs = estimates["finetuned"], estimates[system]
    apart = ours.apart_below(theirs)
    told = f"intervals apart: {'yes' if apart else 'no'}"
    here, there = found["finetuned"][0], found[system][0]
    if [result["seed"] for result in here] == [result["seed"] for result in there]:
        gap = difference([result["test"] for result in there], [result["test"] for result in here])
        told += f"; lower by {gap}, seed by seed on the same test images"
    behind = [*found["finetuned"][1], *found[system][1]]
    if system == "scratch":
        # KID is unbiased and may be below 0, where a ratio says nothing: the gap between the intervals does.
        return command.claim(f"{what}: from scratch's interval begins this far above where fine-tuned's ends, at equal "
                             f"images seen", theirs.low - ours.high, 0.0, "higher", "KID", told, behind, 5, apart=apart)
    ratio = theirs.value / ours.value if ours.value > 0 else None
    return command.claim(f"{what}: KID from scratch at 4 times the images seen, as a multiple of fine-tuned's", ratio,
                         None, "higher", "times", told, behind, 3, apart=apart)


def _standing(bench: Bench, pairs: Pairs, row: Row, system: str) -> tuple[list[Any], list[tuple[Cell, Any]], str]:
    """Results by seed (at the best rate of those that stand), all cells with their records, and the rate in words."""
    trials = {rate: rate_cell(pairs, row, system, rate) for rate in RATES}
    later = [seed_cell(pairs, row, system, seed) for seed in SEEDS[1:]]
    behind = [(cell, bench.record(cell)) for cell in (*trials.values(), *later)]
    tried = {rate: bench.result(cell) for rate, cell in trials.items()}
    if not any(tried.values()):
        return [], behind, ""
    best = best_rate(tried)
    results = [tried[best], *(result for cell in later if (result := bench.result(cell)) and result["rate"] == best)]
    told = f"{best:g} times the default {pairs.default_rate(system):g}, of {sum(map(bool, tried.values()))} tried"
    if all(tried.values()) and best in (RATES[0], RATES[-1]):
        told += " (at the edge of the list)"
    return results, behind, told


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
