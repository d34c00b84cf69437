"""Growth: what an image seen costs in training, by resolution and by size of the data set.

    python -m benchmarks.model_growth [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Processor seconds per image seen (the median step's, on one thread) and the greatest memory, for each network at 32, 64
and 128 px, and for the small flow at 32 px with 1,000 to 128,000 images to learn from. Noise for images: what they show
changes no cost. Each measurement is a process of its own (benchmarks/growing.py), in turn, and the cost is that of
training steps alone; reading the data set is told beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks import command
from benchmarks.cells import ROOT, Bench, Cell
from genimg_core.errors import SetupError

NAME = "model_growth"
SIDES = (32, 64, 128)
IMAGES = (1_000, 16_000, 128_000)
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "flow": ("flow", {}), "flow_attention": ("flow", {"network": "attention", "width": 16}), "gan": ("gan", {}),
    "vae": ("vae", {})}
BATCH = 32
SECONDS = 2.0
FEW = 512
"""Images in the data set where the resolution grows."""
CODE = ("genimg_core.training.session", "growing.py")


def growth_cell(name: str, network: str, size: int, images: int, smoke: bool) -> Cell:
    """One network at one resolution, on one size of data."""
    family, params = NETWORKS[network]
    settings = {"family": family, "family_params": params, "size": size, "channels": 3, "images": images,
                "batch": BATCH, "seconds": SECONDS, "threads": 1}
    if smoke:
        settings |= {"size": size // 4, "images": 64, "seconds": 0.05}

    def measure(bench: Bench) -> dict[str, Any]:
        done = subprocess.run([sys.executable, "-m", "benchmarks.growing", json.dumps(settings)], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise SetupError(f"{name} could not be measured: {done.stderr.strip()[-500:]}", "put that right")
        return json.loads(done.stdout.splitlines()[-1])

    return Cell(NAME, name, settings, measure, CODE)


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The short form: the small flow's."""
    networks = ("flow",) if form == "short" else NETWORKS
    return [*(growth_cell(f"{network}-{side}px", network, side, FEW, bench.smoke)
              for network in networks for side in SIDES),
            *(growth_cell(f"flow-{images}images", "flow", SIDES[0], images, bench.smoke) for images in IMAGES)]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Rows for each network, and for the size of the data."""
    standing = {cell.name: (cell, record) for cell in cells(bench, "full") if (record := bench.record(cell))}
    rows = []
    for network in NETWORKS:
        found = [(side, *standing[name]) for side in SIDES if (name := f"{network}-{side}px") in standing]
        rows += _of_sides(network, found)
    found = [(images, *standing[name]) for images in IMAGES if (name := f"flow-{images}images") in standing]
    return rows + _of_images(found)


def _of_sides(network: str, found: list[tuple[int, Cell, dict[str, Any]]]) -> list[dict[str, Any]]:
    rows = []
    for side, cell, record in found:
        told = record["result"]
        first_side, _, first = found[0]
        against = (f"{told['operations_per_image'] / 1e6:,.0f} million operations an image, "
                   f"{told['weights'] / 1e6:.2f} million weights, at most {told['peak_mib']:,.0f} MiB in memory")
        if side != first_side:
            times = told["processor_s_per_image"] / first["result"]["processor_s_per_image"]
            against += f"; {times:.1f} times that at {first_side} px, for {(side // first_side) ** 2} times the pixels"
        rows.append(command.claim(f"processor time of an image seen: {network.replace('_', ' with ')}, {side} px, "
                                  f"batch {BATCH}", 1000 * told["processor_s_per_image"], None, "lower", "ms", against,
                                  [(cell, record)], 3, peak_mib=round(told["peak_mib"], 1)))
    return rows


def _of_images(found: list[tuple[int, Cell, dict[str, Any]]]) -> list[dict[str, Any]]:
    if len(found) < 2:
        return []
    (few, _, small), (many, _, large) = found[0], found[-1]
    small, large, pairs = small["result"], large["result"], [(cell, record) for _, cell, record in found]
    memory = (large["peak_mib"] - small["peak_mib"]) * 2**20 / ((many - few) * SIDES[0] ** 2 * 3)
    cost, usual = large["processor_s_per_image"], small["processor_s_per_image"]
    return [
        command.claim(f"processor time of an image seen with {many:,} images to learn from, 32 px", cost / usual, None,
                      "lower", "times", f"that with {few:,}: {1000 * cost:.2f} and {1000 * usual:.2f} ms", pairs, 3),
        command.claim("memory that a byte of pixels more in the data set takes while it trains", memory, None, "lower",
                      "bytes", f"{large['peak_mib']:,.0f} MiB with {many:,} images, {small['peak_mib']:,.0f} MiB with "
                      f"{few:,}; the file is read in {large['load_processor_s']:.1f} processor seconds", pairs, 2)]


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
