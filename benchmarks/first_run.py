"""The first run: the demo's own models (params.yaml), over seeds, judged from outside and against the version before.

    python -m benchmarks.first_run [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

* The share of 1,000 letters, as many of each class, whose class an independent CNN recognises. It learnt on freshly
  drawn letters that the pipeline never saw, and must be right on 98 % of still others (benchmarks/judge.py).
* KID, FD and coverage in the features of the demo's extractor, against the held-out images that the demo itself scores
  against (600, or as many as there are), and KID against thousands of freshly drawn letters, which tells smaller
  differences apart.
* The same of the end-to-end version, trained by its own code on its own data with the same seeds
  (benchmarks/end_to_end.py).

The data is drawn and cleaned once, with seed 0; the seeds are those of training and of drawing samples. Everything
computes on one thread (THREADS), so that the same command run twice, at the same time, keeps two cores busy.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command, end_to_end
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.judge import LEAST_ACCURACY, Judge, fresh_letters, train_judge
from benchmarks.scoring import Estimate, Reference, between_seeds, difference, over_seeds, score
from benchmarks.workshop import dataset, demo_params, feature_extractor, model

if TYPE_CHECKING:
    import numpy as np

    from genimg_core.schema import Params

NAME = "first_run"
TARGETS = {"latin": 95.0, "greek": 85.0}
"""Percent recognised."""
SEEDS = (0, 1, 2)
LETTERS = 1000
"""Generated, a model and seed."""
THREADS = 1
"""In place of the demo's: other last bits, no other quality."""
SCORED = 600
"""Of them held against as many held-out images, as in the demo."""
JUDGE = {"train_letters": 26_000, "test_letters": 5_200, "seen_images": 60_000, "learning_rate": 2e-3}
FRESH = {"reference": 5_200, "floor": 1_000}
MODELS = ("latin", "greek", "greek_scratch")
CODE = ("genimg_core.stages.pretrain", "genimg_core.stages.finetune", "genimg_core.stages.extractor",
        "genimg_core.metrics.scores", "judge.py", "scoring.py")


class Demo:
    """The demo as recipes: its data sets, its models of any seed, the extractor, the judges.

    Args:
        bench: smoke shrinks every budget.
    """

    def __init__(self, bench: Bench) -> None:
        params = demo_params()
        self.smoke = bench.smoke
        self.params: Params = _shrunk(params) if bench.smoke else params
        self.letters = 64 if bench.smoke else LETTERS
        self.scored = 24 if bench.smoke else SCORED

    def data(self, name: str) -> Recipe:
        """A data set of the demo, whole."""
        entry = self.params.datasets[name].model_dump(mode="json", by_alias=True)
        return dataset(name, self.params.image, entry, 0, THREADS)

    def dataset_of(self, name: str) -> str:
        """The data set that a model learns from."""
        return (self.params.finetune.get(name) or self.params.pretrain[name]).dataset

    def script_of(self, name: str) -> str:
        """The script that a model writes."""
        return self.params.datasets[self.dataset_of(name)].source.script

    def model(self, name: str, seed: int) -> Recipe:
        """A model of the demo, trained with that seed, its parent, too."""
        threads, data = THREADS, self.data(self.dataset_of(name))
        if name in self.params.finetune:
            params = self.params.finetune[name]
            return model(f"{name}-seed{seed}", "finetune", params, data, seed, threads, self.model(params.parent, seed))
        return model(f"{name}-seed{seed}", "pretrain", self.params.pretrain[name], data, seed, threads)

    def extractor(self) -> Recipe:
        """The demo's feature network."""
        params = self.params.extractor
        return feature_extractor("demo", params, self.data(params.dataset), 0, THREADS)

    def judge(self, script: str) -> Recipe:
        """The judge of a script."""
        tiny = {"train_letters": 200, "test_letters": 100, "seen_images": 400} if self.smoke else {}
        settings = {"script": script, **self._drawing(script), "seed": 0, "threads": THREADS,
                    **JUDGE, **tiny}
        return Recipe("judge", script, settings, ("judge.py", "genimg_core.models.classifier.fit"),
                      lambda bench, folder: train_judge(folder, **settings))

    def fresh(self, script: str) -> Recipe:
        """Fresh letters to measure KID against, and others for its floor; the judge learnt on neither."""
        counts = {"reference": 130, "floor": 64} if self.smoke else FRESH
        settings = {"script": script, **self._drawing(script), "counts": counts}

        def make(bench: Bench, folder: Path) -> None:
            import numpy as np

            for stream, count in counts.items():
                images, labels = fresh_letters(script, settings["side"], settings["form"], count, f"kid/{stream}")
                np.save(folder / f"{stream}.npy", images, allow_pickle=False)
                np.save(folder / f"{stream}_labels.npy", labels, allow_pickle=False)

        return Recipe("letters", script, settings, ("judge.py", "genimg_core.sources.glyphs"), make)

    @property
    def least_accuracy(self) -> float:
        """Of a judge; a judge of the smoke's budget has learnt nothing."""
        return 0.0 if self.smoke else LEAST_ACCURACY

    def _drawing(self, script: str) -> dict[str, Any]:
        source = next(entry.source for entry in self.params.datasets.values()
                      if getattr(entry.source, "script", "") == script)
        return {"side": source.side, "form": self.params.image.model_dump(mode="json")}


def _shrunk(params: Params) -> Params:
    """The same demo with budgets of a second or two."""
    from genimg_core.schema import load_params

    tree = params.model_dump(mode="json", by_alias=True)
    tree["threads"] = 1
    tree["image"]["size"] = 16
    for name, entry in tree["datasets"].items():
        entry["source"] |= {"images": 320, "reference_images": 0 if name == "base" else 96}
        entry["label"]["seen_images"] = 640
    for section in ("pretrain", "finetune"):
        for entry in tree[section].values():
            entry["seen_images"] = 640
    tree["extractor"]["seen_images"] = 640
    return load_params(tree)


def judge_cell(demo: Demo, script: str) -> Cell:
    """How good the judge is."""
    judge = demo.judge(script)

    def measure(bench: Bench) -> dict[str, Any]:
        return Judge(bench.made(judge), demo.least_accuracy).told

    return Cell(NAME, f"judge-{script}", {"judge": judge.settings}, measure, judge.code)


def model_cell(demo: Demo, name: str, seed: int) -> Cell:
    """A model of the demo: 1,000 letters, recognised and scored."""
    recipe = demo.model(name, seed)
    told = demo.params.generate[name]
    drawing = {"letters": demo.letters, "steps": told.steps, "guidance": told.guidance, "batch": told.batch}

    def measure(bench: Bench) -> dict[str, Any]:
        import numpy as np

        from genimg_core.models.model_file import load_model
        from genimg_core.training.devices import computing

        folder = bench.made(recipe) / "model"
        with computing(told.device, THREADS) as device:
            trained = load_model(folder, device)
            classes = trained.settings.classes
            labels = np.arange(demo.letters) % len(classes)
            drawn = trained.sample(labels, seed, steps=told.steps, guidance=told.guidance, batch=told.batch)
        result = _judged(bench, demo, name, drawn, [classes[k] for k in labels], f"{name}-seed{seed}")
        return result | {"model_sha256": trained.settings.sha256, "seen_images": trained.settings.seen_images}

    settings = {"model": recipe, "params": recipe.settings["params"], "seed": seed, "drawing": drawing,
                **_measuring(demo, name)}
    return Cell(NAME, f"{name}-seed{seed}", settings, measure, CODE)


def end_to_end_cell(demo: Demo, name: str, seed: int) -> Cell:
    """The same of the end-to-end version."""
    smoke = {}
    if demo.smoke:
        tree = demo.params.model_dump(mode="json", by_alias=True)
        kept = ("dataset", "from", "seen_images", "images")
        smoke = {"threads": 1, "image": tree["image"], "datasets": {
            key: {"source": entry["source"], "label": {"seen_images": 640}, "profile": {}, "validate": {}, "clean": {},
                  "normalize": {}} for key, entry in tree["datasets"].items()}}
        smoke |= {section: {key: {part: entry[part] for part in kept if part in entry} for key, entry in tree[section]
                            .items()} for section in ("pretrain", "finetune", "generate")}
        smoke["extractor"] = {}
    source = end_to_end.source(smoke)
    recipe = end_to_end.model(source, name, seed, demo.letters, smoke)

    def measure(bench: Bench) -> dict[str, Any]:
        import json

        from genimg_core.metrics.samples import read_samples

        folder = bench.made(recipe)
        drawn = read_samples(folder / "samples")
        result = _judged(bench, demo, name, drawn.images, list(drawn.labels), f"end_to_end-{name}-seed{seed}")
        theirs = json.loads((bench.made(source) / "data/datasets" / demo.dataset_of(name) / "normalized/settings.json")
                            .read_text(encoding="utf8"))["sha256"]
        ours = json.loads((bench.made(demo.data(demo.dataset_of(name))) / "normalized/settings.json")
                          .read_text(encoding="utf8"))["sha256"]
        return result | {"model_sha256": drawn.model_sha256, "same_data": theirs == ours}

    settings = {"revision": end_to_end.REVISION, "model": recipe, "seed": seed, **_measuring(demo, name)}
    return Cell(NAME, f"end_to_end-{name}-seed{seed}", settings, measure, CODE)


def _measuring(demo: Demo, name: str) -> dict[str, Any]:
    script = demo.script_of(name)
    return {"data": demo.data(demo.dataset_of(name)), "extractor": demo.extractor(), "judge": demo.judge(script),
            "fresh": demo.fresh(script), "scored": demo.scored, "least_accuracy": demo.least_accuracy}


def _judged(bench: Bench, demo: Demo, name: str, drawn: np.ndarray, asked: list[str], picture: str) -> dict[str, Any]:
    """Recognition and scores of generated letters.

    Args:
        bench: where things lie.
        demo: whose scorer and judge.
        name: of the model.
        drawn: uint8 (N, S, S, C).
        asked: the class of each.
        picture: where a grid of them goes, under `pictures/`.
    """
    import numpy as np

    from genimg_core.metrics.features import load_extractors
    from genimg_core.metrics.reference import choose_evenly
    from genimg_core.models.samples import class_grid
    from genimg_core.reports.pictures import save_png
    from genimg_core.seeds import generator
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing

    script = demo.script_of(name)
    data = NormalizedDataset(bench.made(demo.data(demo.dataset_of(name))) / "normalized")
    place = {label: index for index, label in enumerate(data.settings.classes)}
    labels = np.array([place[label] for label in asked])
    (bench.state / "pictures").mkdir(parents=True, exist_ok=True)
    save_png(class_grid(drawn, labels, data.settings.classes), bench.state / "pictures" / f"{picture}.png")
    with computing("cpu", THREADS):
        judge = Judge(bench.made(demo.judge(script)), demo.least_accuracy)
        right = judge.recognised(drawn, asked)
        eyes = load_extractors(bench.made(demo.extractor()) / "extractor")[0]
        held_out = held_out_letters(demo, data, eyes)
        chosen = choose_evenly(labels, len(held_out.labels), generator(0, "benchmarks/scored"))
        scores = score(held_out, eyes.features(drawn[chosen]), labels[chosen])
        scores_fresh = score(fresh_reference(bench.made(demo.fresh(script)), eyes), eyes.features(drawn), labels,
                             only_kid=True)
    worst = {name: float(right[labels == k].mean()) for name, k in place.items() if (labels == k).any()}
    return {"recognised": int(right.sum()), "letters": len(right), "judge_accuracy": judge.accuracy,
            "least_recognised": dict(sorted(worst.items(), key=lambda item: (item[1], item[0]))[:5]),
            "extractor": eyes.settings.id, "held_out": scores, "fresh": scores_fresh}


def held_out_letters(demo: Demo, data: Any, eyes: Any) -> Reference:
    """The images that the demo itself scores against: held out of training, never more than `demo.scored`."""
    from genimg_core.metrics.reference import choose_real

    params = demo.params.evaluate
    real = choose_real(data, frozenset(range(len(data.settings.classes))), demo.scored, params.min_real_images,
                       params.neighbours + 2, 0)
    return Reference(eyes.features(real.images), real.labels, eyes.features(real.floor))


def fresh_reference(folder: Path, eyes: Any) -> Reference:
    """Freshly drawn letters."""
    import numpy as np

    parts = {name: np.load(folder / f"{name}.npy", allow_pickle=False)
             for name in ("reference", "reference_labels", "floor")}
    return Reference(eyes.features(parts["reference"]), parts["reference_labels"], eyes.features(parts["floor"]))


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: in the short one, seed 0 and no version before."""
    demo = Demo(bench)
    seeds = SEEDS[:1] if form == "short" else SEEDS
    listed = [judge_cell(demo, demo.script_of(name)) for name in ("latin", "greek")]
    listed += [model_cell(demo, name, seed) for seed in seeds for name in MODELS]
    if form == "full":
        listed += [end_to_end_cell(demo, name, seed) for seed in seeds for name in MODELS]
    return listed


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Rows for the results file, from the cells that stand."""
    everything = [(cell, bench.record(cell)) for cell in cells(bench, "full")]
    rows = [_judge_row(cell, record) for cell, record in everything if cell.name.startswith("judge-") and record]
    of_model = {name: [pair for pair in everything if pair[0].name.startswith(f"{name}-seed")] for name in
                (*MODELS, *(f"end_to_end-{name}" for name in MODELS))}
    for name in MODELS:
        rows += _rows(name, of_model[name], of_model[f"end_to_end-{name}"])
    return rows


def _judge_row(cell: Cell, record: dict[str, Any]) -> dict[str, Any]:
    told = record["result"]
    return command.claim(
        f"judge of {told['script'].replace('_', ' ')}: right on fresh letters", 100 * told["accuracy"],
        100 * LEAST_ACCURACY, "higher", "%",
        f"{told['test_letters']:,} letters, none of the {told['train_letters']:,} that it learnt on",
        [(cell, record)], 3)


def _rows(name: str, ours: list[tuple[Cell, Any]], theirs: list[tuple[Cell, Any]]) -> list[dict[str, Any]]:
    results, before = ([record["result"] for _, record in pairs if record] for pairs in (ours, theirs))
    if not results:
        return []
    shown = {"latin": "Latin capitals", "greek": "Greek, fine-tuned from Latin",
             "greek_scratch": "Greek, from scratch (control)"}[name]
    share, spread = _recognised(results)
    told = f"seeds: {', '.join(format(100 * r['recognised'] / r['letters'], '.1f') for r in results)} %"
    if before:
        told += f"; end-to-end version {_recognised(before)[0]:.1f} %"
    rows = [command.claim(f"{shown}: share of {results[0]['letters']:,} generated letters recognised by the judge",
                          share, TARGETS.get(name), "higher", "%", told, ours, 2, half_width=round(spread, 2))]
    for where, what in (("held_out", "the demo's held-out images"), ("fresh", "freshly drawn letters")):
        rows.append(_kid_row(shown, where, what, (results, before), (ours, theirs)))
    for key, better in (("fd", "lower"), ("coverage", "higher")):
        values = [r["held_out"][key] for r in results]
        told = "; ".join(f"{v['value']:.3f} ({v['low']:.3f} to {v['high']:.3f})" for v in values)
        told += f"; real images {values[0]['floor']:.3f}"
        if before:
            told += f"; end-to-end version {_mean(r['held_out'][key]['value'] for r in before):.3f}"
        rows.append(command.claim(f"{shown}: {key.upper() if key == 'fd' else key}, demo's held-out images",
                                  _mean(v["value"] for v in values), None, better,
                                  "FD" if key == "fd" else "share of real images", f"seeds: {told}", ours))
    return rows


def _kid_row(shown: str, where: str, what: str, results: tuple[list[Any], list[Any]],
             pairs: tuple[list[tuple[Cell, Any]], list[tuple[Cell, Any]]]) -> dict[str, Any]:
    now, before = ([result[where] for result in side] for side in results)
    ours = over_seeds(now)
    more: dict[str, Any] = {"low": round(ours.low, 5), "high": round(ours.high, 5)}
    told = f"interval {ours.low:.4f} to {ours.high:.4f}; real images score {now[0]['kid']['floor']:.4f}"
    target = None
    behind = list(pairs[0])
    if before:
        theirs = over_seeds(before)
        behind += pairs[1]
        target = round(theirs.low, 5)
        told += f"; end-to-end version {theirs}; intervals apart: {'yes' if ours.apart_below(theirs) else 'no'}"
        if len(now) == len(before):
            told += f"; lower by {difference(before, now)}, seed by seed on the same real images"
        if not all(result.get("same_data") for result in results[1]):
            told += "; ITS DATA DIFFERS FROM OURS"
        more |= {"end_to_end": _told(theirs), "apart": ours.apart_below(theirs)}
    text = f"{shown}: KID against {now[0]['real_images']:,} of {what}, {now[0]['generated_images']:,} generated"
    return command.claim(text, ours.value, target, "lower", "KID", told, behind, 5, **more)


def _told(estimate: Estimate) -> dict[str, float]:
    return {key: round(value, 5) for key, value in vars(estimate).items()}


def _recognised(results: list[dict[str, Any]]) -> tuple[float, float]:
    """Percent, and half the width of its interval over seeds."""
    import numpy as np

    shares = np.array([100 * result["recognised"] / result["letters"] for result in results])
    return float(shares.mean()), between_seeds(shares)


def _mean(values: Any) -> float:
    values = list(values)
    return sum(values) / len(values)


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
