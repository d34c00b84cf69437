"""The loop's benchmark measures what it says: the same work on both sides, and the peak in the same precision."""

import numpy as np
import pytest
import torch

from benchmarks import model_growth, model_loop
from benchmarks.cells import Bench
from benchmarks.model_loop import LOG_IMAGES, SETTINGS, SNAPSHOT_IMAGES, a_trainer, bare, of_ours, ratio_of_sums
from genimg_core.training.devices import computing
from genimg_core.training.params import TrainParams


@pytest.mark.parametrize("name", ["flow-fp32", "gan-fp32"])
def test_the_bare_loop_learns_the_same_networks(name):
    """Every weight of every player gets a slope in both; in the bare one, whose rate does not rise, they move, too."""
    with computing("cpu", 1):
        ours, theirs = a_trainer(SETTINGS[name]), a_trainer(SETTINGS[name])
        before = [weight.detach().clone() for weight in theirs.networks.parameters()]
        of_ours(ours)(128)
        bare(theirs)(128)
    assert ours.seen_images == 128
    for trainer in (ours, theirs):
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in trainer.networks.parameters())
    for player in theirs.family.players:
        assert any(weight.grad.any() for weight in theirs.networks[player.name].parameters())
    moved = [not torch.equal(weight, old) for weight, old in zip(theirs.networks.parameters(), before, strict=True)]
    assert sum(moved) > len(moved) / 2


def test_logs_are_in_the_measured_loop():
    with computing("cpu", 1):
        trainer = a_trainer(SETTINGS["vae-fp32"])
        trainer.params = trainer.params.model_copy(update={"log_images": 128})
        of_ours(trainer)(640)
    assert len(trainer.log) == 5


def test_the_defaults_are_the_pipelines():
    params = TrainParams(dataset="any")
    assert (params.log_images, params.snapshot_images, params.batch) == (LOG_IMAGES, SNAPSHOT_IMAGES, 64)


def test_the_ratio_and_its_interval():
    draws = np.random.default_rng(0)
    below = draws.uniform(1, 2, 300)
    ratio, low, high = ratio_of_sums(list(0.9 * below + draws.normal(0, 0.1, 300)), list(below))
    assert low < 0.9 < high and low < ratio < high and high - low < 0.03


def test_cells_and_claims_in_a_few_seconds(tmp_path):
    bench = Bench.for_smoke(tmp_path)
    for cell in model_loop.cells(bench, "short")[:1]:
        bench.measure(cell)
    ratio, share = model_loop.claims(bench)
    assert ratio["target"] == 0.97 and ratio["low"] <= ratio["value"] <= ratio["high"]
    assert 0 < share["value"] < 1.5 and share["unit"] == "of the peak"


@pytest.mark.slow  # four processes that import torch, about 20 s
def test_growth_in_a_few_seconds(tmp_path):
    bench = Bench.for_smoke(tmp_path)
    cells = {cell.name: cell for cell in model_growth.cells(bench, "full")}
    for name in ("vae-32px", "vae-128px", "flow-1000images", "flow-128000images"):
        bench.measure(cells[name])
    rows = model_growth.claims(bench)
    assert len(rows) == 4 and all(row["value"] is not None for row in rows)
    small, large = (bench.result(cells[name]) for name in ("vae-32px", "vae-128px"))
    assert large["operations_per_image"] > 8 * small["operations_per_image"]
    assert large["processor_s_per_image"] > small["processor_s_per_image"] > 0
    assert small["peak_mib"] > small["mib_over_start"] > 0
