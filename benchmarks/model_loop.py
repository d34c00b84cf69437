"""The training loop: its images/s against a bare loop around the same network, and its share of the matrix peak.

    python -m benchmarks.model_loop [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

* The bare loop is what one writes by hand: batches from the same resident uint8 array, the family's loss, `backward`,
  AdamW; no averages, no norms, no log, no snapshot, no deterministic kernels. Ours is the inside of `train` with a log
  line and the health watch every 5,000 images and a snapshot every 20,000, as by default; drawing samples on the way is
  not in it. Both take turns in one process, and the figure is the median over pairs of neighbours, with the interval of
  a bootstrap over pairs: what else the machine does slows both.
* The peak is the best of repeated products of two square matrices in the same precision on the same threads, between
  the same turns; operations are those of torch's flop counter (training/cost.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import command
from benchmarks.cells import Bench, Cell

if TYPE_CHECKING:
    from genimg_core.training.loop import Trainer

NAME = "model_loop"
TARGET = 0.97
THREADS = 2
SIZE, CHANNELS, CLASSES, IMAGES = 32, 1, 26, 8192
PAIRS = 40
SLICE_IMAGES = 1_280
"""Images of one loop at a turn."""
MATRIX = 2048
LOG_IMAGES, SNAPSHOT_IMAGES = 5_000, 20_000
RESAMPLES = 2_000


class Setting(NamedTuple):
    """A row of the table."""

    family: str
    family_params: dict[str, Any]
    precision: str
    batch: int


SETTINGS = {
    "flow-fp32": Setting("flow", {}, "fp32", 64),
    "flow-bf16": Setting("flow", {}, "bf16", 64),
    "gan-fp32": Setting("gan", {}, "fp32", 64),
    "vae-fp32": Setting("vae", {}, "fp32", 64),
    "flow_attention-fp32": Setting("flow", {"network": "attention", "width": 16}, "fp32", 64),
}
SHORT = ("flow-fp32", "flow-bf16")
SHARES = ("flow-fp32", "flow-bf16")
"""Whose share of the peak is told."""
CODE = ("genimg_core.training.session", "model_loop.py")


def loop_cell(name: str, setting: Setting, smoke: bool) -> Cell:
    """Both loops and the peak, in turns."""
    pairs, images = (3, 2 * setting.batch) if smoke else (PAIRS, SLICE_IMAGES)
    settings = {**setting._asdict(), "pairs": pairs, "slice_images": images, "threads": THREADS, "size": SIZE}
    return Cell(NAME, name, settings, lambda _: measure(setting, pairs, images), CODE)


def measure(setting: Setting, pairs: int, images: int) -> dict[str, Any]:
    """Ratios, rates, and the peak.

    Args:
        setting: what is trained.
        pairs: of turns, after one that warms up.
        images: of a turn.
    """
    import torch

    from genimg_core.training.cost import operations_per_image
    from genimg_core.training.devices import computing

    with computing("cpu", THREADS), tempfile.TemporaryDirectory() as folder:
        trainer = a_trainer(setting)
        ours, theirs = of_ours(trainer, Path(folder)), bare(a_trainer(setting))
        operations = operations_per_image(trainer.family, trainer.networks, trainer.family.spec, setting.batch)
        ours(images), theirs(images)
        product = matrix_product(setting.precision)
        rates: list[dict[str, float]] = []
        for pair in range(pairs):
            order = [("ours", ours), ("bare", theirs)]
            found = {name: images / seconds(lambda work=work: work(images))
                     for name, work in (order if pair % 2 else reversed(order))}
            torch.use_deterministic_algorithms(True)
            rates.append(found | {"peak": 2 * MATRIX**3 / seconds(product)})
    peak = max(rate["peak"] for rate in rates)
    ratio, low, high = median_interval([rate["ours"] / rate["bare"] for rate in rates])
    median = sorted(rate["ours"] for rate in rates)[len(rates) // 2]
    return {"ratio": ratio, "low": low, "high": high, "images_per_s": median, "operations_per_image": operations,
            "peak": peak, "share": median * operations / peak, "best_share": max(
                rate["ours"] for rate in rates) * operations / peak, "turns": rates}


def a_trainer(setting: Setting) -> Trainer:
    """A run on noise: what images show does not change what a step costs."""
    import numpy as np
    import torch

    from genimg_core.models.family import FAMILIES, ModelSpec
    from genimg_core.training.data import TrainSet
    from genimg_core.training.loop import Trainer
    from genimg_core.training.params import TrainParams

    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (IMAGES, SIZE, SIZE, CHANNELS), np.uint8)
    labels = draws.integers(0, CLASSES, IMAGES)
    entry = FAMILIES[setting.family]
    family = entry.load(ModelSpec(SIZE, CHANNELS, CLASSES), entry.params(**setting.family_params))
    torch.manual_seed(0)
    params = TrainParams(dataset="noise", seen_images=10**9, batch=setting.batch, precision=setting.precision,
                         log_images=LOG_IMAGES, snapshot_images=SNAPSHOT_IMAGES)
    return Trainer(family, family.build(), TrainSet(images, labels, torch.device("cpu")), params, 0)


def of_ours(trainer: Trainer, resume: Path) -> Callable[[int], None]:
    """=> what shows so many images in our loop, and does what `train` does now and then."""
    from genimg_core.training.health import diagnose, suspicious

    params, kept = trainer.params, 0

    def run(images: int) -> None:
        nonlocal kept
        for _ in range(images // params.batch):
            trainer.step()
            if trainer.seen_images % params.log_images < params.batch:
                finding = trainer.close_log_line()
                finding = finding or diagnose(trainer.log, params.watch, trainer.family.guessing_costs)
                if finding is not None:
                    raise RuntimeError(f"the run is ill, so its speed means nothing: {finding}")
                if trainer.seen_images - kept >= params.snapshot_images:
                    suspicious(trainer.log, params.watch)
                    trainer.keep(resume, trainer.seen_images)
                    kept = trainer.seen_images

    return run


def bare(trainer: Trainer) -> Callable[[int], None]:
    """=> what shows so many images in a loop as one writes it by hand; the trainer lends networks and data only."""
    import torch

    from genimg_core.imaging.representation import to_float

    family, networks, data, params = trainer.family, trainer.networks, trainer.data, trainer.params
    weights = {player.name: list(networks[player.name].parameters()) for player in family.players}
    optimisers = {player.name: torch.optim.AdamW(weights[player.name], lr=1e-4, betas=player.betas)
                  for player in family.players}
    generator = torch.Generator().manual_seed(0)

    def run(images: int) -> None:
        torch.use_deterministic_algorithms(False)
        for step in range(images // params.batch):
            chosen = torch.randint(0, len(data), (params.batch,), generator=generator)
            batch = to_float(data.images[chosen]).contiguous(memory_format=torch.channels_last)
            labels = data.labels[chosen]
            for player in family.players:
                if step % player.every == 0:
                    with torch.autocast("cpu", torch.bfloat16, enabled=params.precision == "bf16"):
                        loss = family.loss(networks, player.name, batch, labels, generator, 0.0).total.mean()
                    optimisers[player.name].zero_grad()
                    loss.backward(inputs=weights[player.name])
                    optimisers[player.name].step()

    return run


def matrix_product(precision: str) -> Callable[[], None]:
    """=> a product of two matrices of MATRIX rows and columns in that precision."""
    import torch

    a, b = (torch.randn(MATRIX, MATRIX).to(torch.bfloat16 if precision == "bf16" else torch.float32) for _ in range(2))

    def multiply() -> None:
        torch.mm(a, b)

    return multiply


def seconds(work: Callable[[], None]) -> float:
    """By the clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_interval(values: list[float]) -> tuple[float, float, float]:
    """The median, and where it lies in 95 of 100 resamplings."""
    import numpy as np

    found = np.array(values)
    draws = np.random.default_rng(0).integers(0, len(found), (RESAMPLES, len(found)))
    low, high = np.quantile(np.median(found[draws], axis=1), (0.025, 0.975))
    return float(np.median(found)), float(low), float(high)


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The short form: the flow in both precisions."""
    return [loop_cell(name, SETTINGS[name], bench.smoke) for name in (SHORT if form == "short" else SETTINGS)]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """A row for each cell that stands, and another for its share of the peak."""
    rows = []
    for cell in cells(bench, "full"):
        record = bench.record(cell)
        if record is None:
            continue
        told = record["result"]
        rows.append(command.claim(
            f"images/s of the loop over a bare loop's, {cell.name.replace('-', ', ')}, {SIZE} px", told["ratio"],
            TARGET, "higher", "times", f"a bare loop in turns with it: median of {len(told['turns'])} pairs, interval "
            f"{told['low']:.3f} to {told['high']:.3f}; {told['images_per_s']:,.0f} images/s", [(cell, record)], 4,
            low=round(told["low"], 4), high=round(told["high"], 4)))
        if cell.name in SHARES:
            rows.append(command.claim(
                f"share of the measured matrix peak, {cell.name.replace('-', ', ')}, {SIZE} px", told["share"], None,
                "higher", "of the peak", f"a product of {MATRIX} x {MATRIX} matrices, {told['peak'] / 1e9:,.0f} "
                f"GFLOP/s at best; {told['operations_per_image'] / 1e6:,.1f} million operations an image; in the best "
                f"turn {told['best_share']:.2f}", [(cell, record)], 4))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
