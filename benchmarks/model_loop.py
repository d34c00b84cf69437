"""The training loop: its images/s against a bare loop around the same network, and its share of the matrix peak.

    python -m benchmarks.model_loop [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

* The bare loop is what one writes by hand: batches from the same resident uint8 array, the family's loss, `backward`,
  AdamW; no averages, no norms, no log, no snapshot, no deterministic kernels. Ours is the inside of `train` with a log
  line and the health watch every 5,000 images, as by default, and its part of a snapshot every 20,000; drawing samples
  on the way is not in it. Both take turns in one process: the figure is the ratio of the times of all turns, with the
  interval of a bootstrap over pairs of neighbours.
* On one thread the clock is the processor's: what else the machine does then hardly disturbs. On two it is the wall's,
  for a quiet machine only.
* The peak is the best of repeated products of two square matrices in the same precision, threads and clock, between the
  same turns; operations are those of torch's flop counter (training/cost.py).
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
SIZE, CHANNELS, CLASSES, IMAGES = 32, 1, 26, 8192
PAIRS = 24
SLICE_IMAGES = 640
"""Images of one loop at a turn."""
MATRIX = 2048
LOG_IMAGES, SNAPSHOT_IMAGES = 5_000, 20_000
"""Of TrainParams, by default."""
RESAMPLES = 2_000


class Setting(NamedTuple):
    """A row of the table."""

    family: str
    family_params: dict[str, Any]
    precision: str
    threads: int = 1
    batch: int = 64


SETTINGS = {
    "flow-fp32": Setting("flow", {}, "fp32"),
    "flow-bf16": Setting("flow", {}, "bf16"),
    "gan-fp32": Setting("gan", {}, "fp32"),
    "vae-fp32": Setting("vae", {}, "fp32"),
    "flow_attention-fp32": Setting("flow", {"network": "attention", "width": 16}, "fp32"),
    "flow-fp32-2_threads": Setting("flow", {}, "fp32", 2),
    "flow-bf16-2_threads": Setting("flow", {}, "bf16", 2),
}
SHORT = ("flow-fp32", "flow-bf16")
SHARES = tuple(name for name in SETTINGS if name.startswith("flow-"))
"""Whose share of the peak is told."""
CODE = ("genimg_core.training.session", "model_loop.py")


def loop_cell(name: str, setting: Setting, smoke: bool) -> Cell:
    """Both loops and the peak, in turns."""
    pairs, images = (3, 2 * setting.batch) if smoke else (PAIRS, SLICE_IMAGES)
    settings = {**setting._asdict(), "pairs": pairs, "slice_images": images, "size": SIZE}
    return Cell(NAME, name, settings, lambda _: measure(setting, pairs, images), CODE)


def measure(setting: Setting, pairs: int, images: int) -> dict[str, Any]:
    """Times, their ratio, and the peak.

    Args:
        setting: what is trained.
        pairs: of turns, after one that warms up.
        images: of a turn.
    """
    import torch

    from genimg_core.training.cost import operations_per_image
    from genimg_core.training.devices import computing

    clock = time.process_time if setting.threads == 1 else time.perf_counter
    with computing("cpu", setting.threads), tempfile.TemporaryDirectory() as folder:
        trainer = a_trainer(setting)
        ours, theirs = of_ours(trainer), bare(a_trainer(setting))
        operations = operations_per_image(trainer.family, trainer.networks, trainer.family.spec, setting.batch)
        ours(images), theirs(images)
        product = matrix_product(setting.precision)
        turns: list[dict[str, float]] = []
        for pair in range(pairs):
            order = [("ours", ours), ("bare", theirs)]
            found = {}
            for name, work in (order if pair % 2 else reversed(order)):
                found[name] = seconds(lambda work=work: work(images), clock)
                torch.use_deterministic_algorithms(True)
            turns.append(found | {"product": seconds(product, clock)})
        snapshot = seconds(lambda: trainer.keep(Path(folder), trainer.seen_images), clock) * images / SNAPSHOT_IMAGES
    ratio, low, high = ratio_of_sums([turn["bare"] for turn in turns], [turn["ours"] + snapshot for turn in turns])
    peak = 2 * MATRIX**3 / min(turn["product"] for turn in turns)
    rate = len(turns) * images / sum(turn["ours"] for turn in turns)
    best = images / min(turn["ours"] for turn in turns)
    return {"ratio": ratio, "low": low, "high": high, "images_per_s": rate, "operations_per_image": operations,
            "peak": peak, "share": rate * operations / peak, "best_share": best * operations / peak,
            "snapshot_part": snapshot, "turns": turns}


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


def of_ours(trainer: Trainer) -> Callable[[int], None]:
    """=> what shows so many images in our loop, and writes the log as `train` does."""
    from genimg_core.training.health import diagnose

    params = trainer.params

    def run(images: int) -> None:
        for _ in range(images // params.batch):
            trainer.step()
            if trainer.seen_images % params.log_images < params.batch:
                finding = trainer.close_log_line()
                finding = finding or diagnose(trainer.log, params.watch, trainer.family.guessing_costs)
                if finding is not None:
                    raise RuntimeError(f"the run is ill, so its speed means nothing: {finding}")

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


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """That it takes."""
    started = clock()
    work()
    return clock() - started


def ratio_of_sums(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Sum over sum, and where that lies in 95 of 100 resamplings of pairs."""
    import numpy as np

    pairs = np.array([above, below])
    chosen = np.random.default_rng(0).integers(0, pairs.shape[1], (RESAMPLES, pairs.shape[1]))
    sums = pairs[:, chosen].sum(axis=2)
    low, high = np.quantile(sums[0] / sums[1], (0.025, 0.975))
    return float(pairs[0].sum() / pairs[1].sum()), float(low), float(high)


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
        told, threads = record["result"], SETTINGS[cell.name].threads
        what = f"{cell.name.partition('-2')[0].replace('-', ', ')}, {SIZE} px, {threads} thread(s)"
        clock = "processor seconds" if threads == 1 else "seconds by the clock"
        rows.append(command.claim(
            f"images/s of the loop over a bare loop's: {what}", told["ratio"], TARGET, "higher", "times",
            f"a bare loop in turns with it, {len(told['turns'])} pairs, {clock}; interval {told['low']:.3f} to "
            f"{told['high']:.3f}; {told['images_per_s']:,.0f} images/s", [(cell, record)], 4,
            low=round(told["low"], 4), high=round(told["high"], 4)))
        if cell.name in SHARES:
            rows.append(command.claim(
                f"share of the measured matrix peak: {what}", told["share"], None, "higher", "of the peak",
                f"a product of {MATRIX} x {MATRIX} matrices, {told['peak'] / 1e9:,.0f} GFLOP/s at best; "
                f"{told['operations_per_image'] / 1e6:,.1f} million operations an image; in the best turn "
                f"{told['best_share']:.2f}", [(cell, record)], 4))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
