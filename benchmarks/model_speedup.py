"""Speed-up by transfer: images seen until a fine-tuned model is as good as one from scratch ever gets.

    python -m benchmarks.model_speedup [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

240 Greek small letters, from scratch for 200,000 images seen (60,000 in the short form), and fine-tuned from the demo's
Latin capitals. On the way each draws 400 letters at every look, and their KID against 1,000 held-out letters is taken
in the features of the demo's extractor (learnt on Latin). Scratch's best is the lowest of all its looks; fine-tuning
has reached it at the first of two looks in a row that are no higher. The ratio is the images seen until scratch was at
its best over those until fine-tuning reached that. The images that the Latin model saw count for nothing: it is there
already. A seed draws its own letters, weights and order; the Latin model is one, of seed 0.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.excess import ratio_over_seeds
from benchmarks.transfer import Pairs, Row
from genimg_core.models.family import FAMILIES

NAME = "model_speedup"
SEEDS = (0, 1, 2)
ROW = Row("latin", "greek_small", 240)
BUDGETS = {"": {"scratch": (200_000, 20), "finetuned": (30_000, 30)},
           "short-": {"scratch": (60_000, 12), "finetuned": (10_000, 10)}}
"""Prefix of the cells => system => images seen, looks."""
DRAWING = {"steps": 6, "guidance": 1.5}
DRAWN = 400
TARGET = 5.0
CODE = ("genimg_core.training.loop", "genimg_core.models.flow.family", "genimg_core.metrics.kernel",
        "genimg_core.stages.extractor", "workshop.py", "drawing.py")


def curve(pairs: Pairs, system: str, seed: int, form: str = "") -> Recipe:
    """A training with samples on the way: `looks.npy`, uint8 (looks, n, H, W, C), `looks.json`, images seen at each."""
    seen, looks = (512, 4) if pairs.smoke else BUDGETS[form][system]
    drawn = 48 if pairs.smoke else DRAWN
    data, parent = pairs.target(ROW, seed), pairs.base_model(ROW.base) if system == "finetuned" else None
    params = _params(system, seen, looks)
    heeded = {key: value for key, value in params.recorded(by_alias=True).items() if key not in {*FAMILIES} - {"flow"}}
    settings = {"system": system, "data": data, "parent": parent, "seed": seed, "drawn": drawn, "drawing": DRAWING,
                "params": heeded, "threads": pairs.threads}

    def make(bench: Bench, folder: Path) -> None:
        import numpy as np

        from genimg_core.training.devices import computing
        from genimg_core.training.loop import train

        with computing("cpu", pairs.threads):
            trainer, draw = _trainer(bench.made(data) / "normalized", bench.made(parent) / "model" if parent else None,
                                     params, seed, drawn)
            (folder / "resume").mkdir(exist_ok=True)
            train(trainer, folder / "resume", f"{system}, seed {seed}", draw)
        np.save(folder / "looks.npy", np.stack([images for _, images in trainer.strips]), allow_pickle=False)
        (folder / "looks.json").write_text(json.dumps([seen for seen, _ in trainer.strips]) + "\n", encoding="utf8")

    return Recipe("curve", f"{form}{system}-seed{seed}", settings, ("model_speedup.py", *CODE), make)


def _params(system: str, seen: int, looks: int) -> Any:
    """The defaults of pretrain or finetune, with a look (a `strip` of the loop's) every so many images."""
    from genimg_core.stages.finetune import FinetuneParams
    from genimg_core.stages.pretrain import PretrainParams

    told = {"dataset": "target", "seen_images": seen, "strips": looks, "log_images": min(1000, seen // looks)}
    return PretrainParams(**told) if system == "scratch" else FinetuneParams(**told, **{"from": "latin"})


def _trainer(data_folder: Path, parent: Path | None, params: Any, seed: int, drawn: int) -> tuple[Any, Any]:
    """A Trainer at its start, and how it draws a look."""
    import numpy as np
    import torch

    from benchmarks.drawing import draw
    from genimg_core.models.family import FAMILIES, ModelSpec
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.data import TrainSet
    from genimg_core.training.generators import weights_from
    from genimg_core.training.loop import Trainer
    from genimg_core.training.session import plan_from_parent

    data = NormalizedDataset(data_folder)
    described = data.settings
    entry, family_params, start = FAMILIES["flow"], FAMILIES["flow"].params(), None
    if parent is not None:
        plan = plan_from_parent(parent, "latin", described)
        entry, family_params, start = FAMILIES[plan.family], plan.family_params, plan.start
    family = entry.load(ModelSpec(described.size, described.channels, len(described.classes)), family_params)
    with weights_from(seed, "train/weights"):
        networks = family.build()
    if start is not None:
        networks.load_state_dict(start)
    trainer = Trainer(family, networks, TrainSet(data.images("train"), data.labels("train"), torch.device("cpu")),
                      params, seed)
    labels = np.arange(drawn) % len(described.classes)
    return trainer, lambda: draw(family, trainer.ema.networks, labels, seed, **DRAWING)


def speedup_cell(pairs: Pairs, system: str, seed: int, form: str = "") -> Cell:
    """KID along a training."""
    recipe = curve(pairs, system, seed, form)

    def measure(bench: Bench) -> dict[str, Any]:
        import numpy as np

        from genimg_core.metrics.features import load_extractors
        from genimg_core.metrics.kernel import kernel_distance
        from genimg_core.store.arrays import NormalizedDataset
        from genimg_core.training.devices import computing

        folder = bench.made(recipe)
        data = NormalizedDataset(bench.made(pairs.target(ROW, seed)) / "normalized")
        eyes = load_extractors(bench.made(pairs.extractor(ROW.base)) / "extractor")[0]
        looks = np.load(folder / "looks.npy", allow_pickle=False)
        with computing("cpu", pairs.threads):
            real, learnt = eyes.features(data.images("test")), eyes.features(data.images("train"))
            scores = [kernel_distance(real, eyes.features(drawn)) for drawn in looks]
            floor = kernel_distance(real, learnt)
        seen = json.loads((folder / "looks.json").read_text(encoding="utf8"))
        return {"seen_images": seen, "kid": [round(one, 6) for one in scores], "kid_of_training_images": floor,
                "drawn": looks.shape[1], "real_images": len(real)}

    return Cell(NAME, f"{form}{system}-seed{seed}",
                {"curve": recipe, "params": recipe.settings["params"], "extractor": pairs.extractor(ROW.base),
                 "seed": seed}, measure, CODE)


def best(result: dict[str, Any]) -> tuple[int, float]:
    """Images seen at the look with the lowest KID, and that KID."""
    place = min(range(len(result["kid"])), key=lambda i: result["kid"][i])
    return result["seen_images"][place], result["kid"][place]


def reached(result: dict[str, Any], kid: float) -> int | None:
    """Images seen at the first of two looks in a row with no higher KID; None if there are no such two."""
    for first, then, seen in zip(result["kid"], result["kid"][1:], result["seen_images"], strict=False):
        if max(first, then) <= kid:
            return seen
    return None


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: the short one has smaller budgets and one seed."""
    pairs = Pairs(bench)
    listed = [speedup_cell(pairs, system, 0, "short-") for system in BUDGETS["short-"]]
    return listed if form == "short" else listed + [
        speedup_cell(pairs, system, seed) for seed in SEEDS for system in BUDGETS[""]]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """A ratio for each form, over the seeds of which both cells stand."""
    pairs = Pairs(bench)
    return [row for form, seeds in (("", SEEDS), ("short-", SEEDS[:1])) for row in _claim(bench, pairs, form, seeds)]


def _claim(bench: Bench, pairs: Pairs, form: str, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    behind, told, ratios = [], [], []
    for seed in seeds:
        both = [(cell, bench.record(cell)) for cell in (
            speedup_cell(pairs, system, seed, form) for system in BUDGETS[form])]
        behind += both
        if not all(record for _, record in both):
            continue
        scratch, finetuned = (record["result"] for _, record in both)
        seen, kid = best(scratch)
        until = reached(finetuned, kid)
        told.append(f"seed {seed}: scratch at its best, {kid:.4f}, after {seen:,}; fine-tuned "
                    + (f"reached it after {until:,}" if until else f"did not reach it, {best(finetuned)[1]:.4f}"))
        ratios.append(seen / until if until else 0.0)
    if not ratios:
        return []
    ratio = ratio_over_seeds(ratios) if all(ratios) else None
    text, more = "; ".join(told), {}
    if ratio is not None:
        text = f"interval {ratio.low:.1f} to {ratio.high:.1f} over {len(ratios)} seed(s); {text}"
        more = {"low": round(ratio.low, 2), "high": round(ratio.high, 2)}
    return [command.claim(
        f"Latin capitals to Greek small letters, {ROW.images} images: images seen by scratch until its best KID within "
        f"{BUDGETS[form]['scratch'][0]:,}, over those seen by fine-tuning until it is as good"
        + (" (short form)" if form else ""),
        0.0 if ratio is None else ratio.value, TARGET, "higher", "times", text, behind, 2, **more)]


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
