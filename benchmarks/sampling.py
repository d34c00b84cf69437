"""Sampling: images a second by steps, precision and guidance, with the KID that they cost, on the demo's Latin model.

    python -m benchmarks.sampling [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

The model is first_run's (seed 0), the held-out images are the demo's, every cell draws the same classes from the same
noise. The rate is that of drawing alone, after a batch to warm up, the better of two halves; run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from benchmarks import command
from benchmarks.cells import Bench, Cell
from benchmarks.first_run import THREADS, Demo, held_out_letters
from benchmarks.scoring import score

NAME = "sampling"
STEPS = (4, 6, 10, 16, 32)
"""Heun steps: 2 steps - 1 evaluations, twice as many with guidance."""
PRECISIONS = ("fp32", "bf16")
CODE = ("genimg_core.models.model_file", "genimg_core.stages.pretrain", "genimg_core.metrics.kernel", "scoring.py")


def sampling_cell(demo: Demo, steps: int, precision: str, guidance: float) -> Cell:
    """One setting of the sampler."""
    recipe, told = demo.model("latin", 0), demo.params.generate["latin"]
    images = demo.scored

    def measure(bench: Bench) -> dict[str, Any]:
        import numpy as np
        import torch

        from genimg_core.metrics.features import load_extractors
        from genimg_core.models.model_file import load_model
        from genimg_core.store.arrays import NormalizedDataset
        from genimg_core.training.devices import computing

        data = NormalizedDataset(bench.made(demo.data(demo.dataset_of("latin"))) / "normalized")
        eyes = load_extractors(bench.made(demo.extractor()) / "extractor")[0]
        labels = np.arange(images) % len(data.settings.classes)
        with computing(told.device, demo.params.threads) as device:
            trained = load_model(bench.made(recipe) / "model", device)

            def draw(part: slice) -> np.ndarray:
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
                    return trained.sample(labels[part], 0, first_index=part.start, steps=steps, guidance=guidance,
                                          batch=told.batch, what=f"{steps} steps, {precision}, guidance {guidance:g}")

            draw(slice(0, told.batch))
            middle = max(told.batch, images // 2 // told.batch * told.batch)
            parts, rates = [], []
            for part in (slice(0, middle), slice(middle, images)):
                started = time.perf_counter()
                parts.append(draw(part))
                # Batches are always full: the last one costs as much as any, however few of its images are wanted.
                drawn = -(-len(parts[-1]) // told.batch) * told.batch
                if drawn:
                    rates.append(drawn / (time.perf_counter() - started))
            drawn = np.concatenate(parts)
        with computing("cpu", THREADS):
            scores = score(held_out_letters(demo, data, eyes), eyes.features(drawn), labels, only_kid=True)
        return {"images_per_second": max(rates), "kid": scores["kid"], "real_images": scores["real_images"]}

    settings = {"model": recipe, "data": demo.data(demo.dataset_of("latin")), "extractor": demo.extractor(),
                "images": images, "steps": steps, "precision": precision, "guidance": guidance, "batch": told.batch,
                "threads": demo.params.threads}
    return Cell(NAME, f"steps{steps:02d}-{precision}-guidance{guidance:g}", settings, measure, CODE)


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: in the short one, the step counts in fp32 with the demo's guidance."""
    demo = Demo(bench)
    usual = demo.params.generate["latin"].guidance
    if form == "short":
        return [sampling_cell(demo, steps, "fp32", usual) for steps in STEPS[:3]]
    return [sampling_cell(demo, steps, precision, guidance) for guidance in dict.fromkeys((usual, 1.0))
            for precision in PRECISIONS for steps in STEPS]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Two rows for each cell that stands: the rate and the KID."""
    rows = []
    standing = [(cell, record) for cell in cells(bench, "full") if (record := bench.record(cell))]
    demo = Demo(bench).params.generate["latin"]
    usual = next((record for cell, record in standing if cell.settings["precision"] == "fp32"
                  and (cell.settings["steps"], cell.settings["guidance"]) == (demo.steps, demo.guidance)), None)
    for cell, record in standing:
        result, told = record["result"], cell.settings
        how = f"{told['steps']} steps, {told['precision']}, guidance {told['guidance']:g}"
        rate, kid = result["images_per_second"], result["kid"]
        against = None
        if usual:
            against = f"the demo's setting: {usual['result']['images_per_second']:.0f} images/s, KID " \
                      f"{usual['result']['kid']['value']:.4f}"
        rows.append(command.claim(f"drawing, {how}", rate, None, "higher", "images/s", against, [(cell, record)], 1))
        rows.append(command.claim(
            f"KID, {how}", kid["value"], None, "lower", "KID",
            f"interval {kid['low']:.4f} to {kid['high']:.4f}; real images score {kid['floor']:.4f}", [(cell, record)],
            5, low=round(kid["low"], 5), high=round(kid["high"], 5)))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
