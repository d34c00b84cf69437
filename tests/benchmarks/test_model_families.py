"""Trainings stop by the clock, the peers are what their papers say, and the claims compare like with like."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from benchmarks import model_families, model_objectives, model_speedup, peer_dcgan, timed
from benchmarks.cells import Bench
from benchmarks.excess import excess, mean_score, ratio, ratio_over_seeds
from benchmarks.families_table import EQUAL_TIME, EQUAL_WEIGHTS
from benchmarks.model_families import TABLES, family_cell
from benchmarks.ours_timed import Ours
from benchmarks.peer_dcgan import Dcgan
from benchmarks.scoring import Estimate


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench.for_smoke(tmp_path)


def job(system, settings, conditional=True, drawn=20):
    return timed.Job(system, settings, conditional, 10, "", 1.0, "wall", 1, 0, drawn)


def garments(count=64):
    draws = np.random.default_rng(0)
    return draws.integers(0, 256, (count, 28, 28, 1), np.uint8), draws.integers(0, 10, count)


class Counting:
    batch = 4

    def __init__(self):
        self.shares = []

    def step(self, share):
        self.shares.append(share)


def test_the_clock_stops_a_training_and_tells_it_how_far_it_is():
    learner, ticks = Counting(), itertools.count()
    told = timed.train_for(learner, 10, lambda: float(next(ticks)))
    assert learner.shares == [0.0, 0.0, 0.0, *(n / 10 for n in range(1, 10))]
    assert told["seen_images"] == 4 * 12 and told["seconds"] == 11.0
    assert len(told["load_average"]) == 2 and told["others_busy"] >= 0


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(("system", "settings"), [
    ("flow", {"train": {"batch": 8}, "family": {"width": 8}, "samplers": [["euler", 1], ["heun", 2]]}),
    ("gan", {"train": {"batch": 8}, "family": {"width": 8, "loss": "relativistic"}}),
    ("vae", {"train": {"batch": 8}, "family": {"width": 8}}),
    ("dcgan", {"width": 8, "batch": 8})])
def test_each_system_learns_and_draws(system, settings, conditional):
    images, labels = garments()
    learner = {"dcgan": Dcgan}.get(system, Ours)(job(system, settings, conditional), images,
                                                 labels if conditional else 0 * labels)
    first = {name: draw(np.zeros(4, np.int64), 0) for name, draw in learner.samplers().items()}
    for step in range(16):
        learner.step(step / 16)
    for name, draw in learner.samplers().items():
        drawn = draw(np.zeros(4, np.int64), 0)
        assert drawn.dtype == np.uint8 and drawn.shape == (4, 28, 28, 1)
        assert (drawn != first[name]).any() and (drawn == draw(np.zeros(4, np.int64), 0)).all()
    assert 0 < learner.weights_drawing <= learner.weights


def test_a_job_leaves_what_it_drew_and_what_it_cost(tmp_path, monkeypatch):
    images, labels = garments()
    np.save(tmp_path / "train.npy", images)
    np.save(tmp_path / "train_labels.npy", labels)
    one = job("vae", {"train": {"batch": 8}, "family": {"width": 8}}, drawn=12)
    one = dataclasses.replace(one, data=str(tmp_path), seconds=0.2, threads=torch.get_num_threads())
    (tmp_path / "job.json").write_text(json.dumps(dataclasses.asdict(one)))
    monkeypatch.setattr("sys.argv", ["timed", str(tmp_path / "job.json"), str(tmp_path)])
    timed.main()
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["seen_images"] >= 8 * timed.WARM_UP_STEPS and told["seconds"] >= 0.2 and told["weights"] > 0
    assert set(told["drawing_images_per_second"]) == {"one_pass"}
    assert np.load(tmp_path / "one_pass.npy").shape == (12, 28, 28, 1)


def test_our_rate_falls_to_nothing_as_the_time_runs_out():
    learner = Ours(job("vae", {"train": {"batch": 8}, "family": {"width": 8}}), *garments())
    rates = []
    for step in range(100):
        learner.step(step / 100)
        (group, *_) = learner._trainer.optimisers["autoencoder"].param_groups
        rates.append(group["lr"])
    assert max(rates) == pytest.approx(2e-3, rel=0.1) and rates[-1] < 0.05 * max(rates)


def test_the_dcgan_is_the_papers():
    learner = Dcgan(job("dcgan", {"width": 64, "batch": 8}), *garments())
    kinds = [type(layer).__name__ for layer in learner._generator]
    assert kinds == [*["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 3, "ConvTranspose2d", "Tanh"]
    assert learner._of_generator.defaults["lr"] == 2e-4 and learner._of_generator.defaults["betas"] == (0.5, 0.999)
    one, other = (learner._generate(torch.zeros(2, peer_dcgan.LATENT), torch.tensor(labels)) for labels in
                  ([1, 1], [1, 2]))
    assert (one[0] != other[1]).any()  # it is told the class


def test_both_tables_hold_every_system_of_both_classes():
    for table in (EQUAL_TIME, EQUAL_WEIGHTS):
        told = {(entry.system, entry.conditional) for entry in table}
        assert {(name, kind) for name in ("flow", "gan", "vae", "dcgan", "diffusers") for kind in (False, True)} <= told
        assert {("lucidrains", False), ("pythae", False)} <= told
    weights = [entry for entry in EQUAL_WEIGHTS if not entry.library]
    images, labels = garments(8)
    counts = [({"dcgan": Dcgan}.get(entry.system, Ours))(
        job(entry.system, entry.settings, entry.conditional), images, labels).weights for entry in weights]
    assert max(counts) < 1.15 * min(counts)


@pytest.mark.parametrize("module", [model_families, model_objectives, model_speedup])
def test_the_short_form_is_a_part_of_the_full_one(bench, module):
    short, full = ({cell.id: cell.key for cell in module.cells(bench, form)} for form in ("short", "full"))
    assert short.items() < full.items()
    assert len(full) == len(module.cells(bench, "full"))  # no name twice


def stand(bench, cell, result):
    path = bench.path_of(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": cell.key, "result": result, "machine": "a machine", "date": "2030-01-01",
                                "revision": "r", "code": "c"}))


def scores(fd, coverage=0.5):
    told = {"fd": (fd, 0.02), "kid": (fd / 100, 0.0), "precision": (0.9, 0.95), "recall": (0.7, 0.95),
            "coverage": (coverage, 0.87)}
    return {name: {"value": value, "floor": floor, "low": value * 0.95, "high": value * 1.05}
            for name, (value, floor) in told.items()}


def result(fd, coverage, rate=4000.0, busy=0.0):
    name = "one_pass"
    training = {"seen_images": 1000, "weights": 10, "others_busy": busy}
    return {"training": training, "samplers": {name: {"images_per_second": rate, "held_out_fd": fd}}, "best": name,
            "fast": name if rate >= 2000 else None, "scores": {name: scores(fd, coverage)}, "drawn": 5000,
            "recognised": None, "scorer_accuracy": 0.92}


def test_our_best_is_held_against_the_best_peer_of_its_class(bench):
    table = TABLES[1]
    for entry in table.entries:
        fd, rate = {"flow": (0.5, 100.0), "gan": (0.32, 4000.0), "dcgan": (1.22, 4000.0)}.get(entry.system, (9.0, 10.0))
        if entry.conditional:
            for seed in range(3):
                stand(bench, family_cell(bench, table, entry, seed), result(fd, 0.72 if entry.ours else 0.4, rate))
    rows = {row["claim"].removeprefix("Fashion-MNIST, 240 s, equal time, with classes: "): row
            for row in model_families.claims(bench)}
    share = rows["our best (our GAN) in FD above the floor, as a share of the best peer's (DCGAN)"]
    assert share["value"] == 0.25 and share["target"] == 0.25 and share["low"] < 0.25 < share["high"]
    assert rows["coverage of our best (our GAN)"]["value"] == 0.72
    fast = rows["scores in which our fast sampler (our GAN, 4,000 images/s) is no worse than the DCGAN"]
    assert fast["value"] == fast["target"] == 5
    assert rows["the scorer of Fashion-MNIST: right on the test images"]["value"] == 92.0
    assert not any("without" in text for text in rows)


def test_a_busy_machine_is_told(bench):
    table = TABLES[1]
    stand(bench, family_cell(bench, table, table.entries[0], 0), result(1.0, 0.5, busy=1.3))
    assert "NOT ON A QUIET MACHINE" in model_families.claims(bench)[1]["compared_with"]


def test_excesses_and_their_ratio():
    ours, theirs = [scores(0.12)], [scores(0.42)]
    one, other = excess(ours, "fd"), excess(theirs, "fd")
    assert one.value == pytest.approx(0.10) and one.high - one.value == pytest.approx(0.006)
    share = ratio(one, other)
    assert share.value == pytest.approx(0.25) and share.low < 0.25 < share.high
    assert ratio(Estimate(-0.001, -0.002, 0.0), other) is None
    assert mean_score([scores(0.1), scores(0.3)], "fd").value == pytest.approx(0.2)
    wide, narrow = excess([scores(0.1), scores(0.3)], "fd"), excess([scores(0.2), scores(0.2)], "fd")
    assert wide.high - wide.low > narrow.high - narrow.low  # seeds apart count


def test_ratios_over_seeds_are_taken_in_logarithms():
    told = ratio_over_seeds([2.0, 8.0])
    assert told.value == pytest.approx(4.0) and told.low * told.high == pytest.approx(16.0) and told.low < 2


def looks(kid):
    return {"seen_images": [1000 * (i + 1) for i in range(len(kid))], "kid": kid}


def test_reaching_takes_two_looks_in_a_row():
    assert model_speedup.best(looks([0.3, 0.1, 0.2])) == (2000, 0.1)
    assert model_speedup.reached(looks([0.5, 0.09, 0.2, 0.1, 0.05]), 0.1) == 4000
    assert model_speedup.reached(looks([0.5, 0.09]), 0.1) is None


def test_the_speedup_is_told_with_what_it_is_made_of(bench):
    cells = {cell.name: cell for cell in model_speedup.cells(bench, "full")}
    for seed in range(2):
        stand(bench, cells[f"scratch-seed{seed}"], looks([0.4, 0.3, 0.2, 0.1]))
        stand(bench, cells[f"finetuned-seed{seed}"], looks([0.2, 0.09, 0.08]))
    (row,) = model_speedup.claims(bench)
    assert row["value"] == 2.0 and row["target"] == 5.0 and row["cells"] == "4 of 6"
    stand(bench, cells["finetuned-seed1"], looks([0.3, 0.3, 0.3]))
    (row,) = model_speedup.claims(bench)
    assert row["value"] == 0.0 and "did not reach it" in row["compared_with"] and "200,000" in row["claim"]


def test_an_objective_that_was_given_up_is_a_row(bench):
    cells = {cell.name: cell for cell in model_objectives.cells(bench, "full")}
    stand(bench, cells["gan-minimax-seed0"], {"gave_up": "no more"})
    good = {"scores": {name: {"value": 0.1, "floor": 0.0, "low": 0.05, "high": 0.2} for name in ("kid", "coverage")},
            "events": 2}
    stand(bench, cells["gan-hinge-seed0"], good)
    rows = model_objectives.claims(bench)
    assert [row["value"] for row in rows] == [0.1, 0.1, None, None]  # the best first
    assert "sent it back 2 times" in rows[0]["compared_with"] and "gave up 1 of 1" in rows[2]["compared_with"]
