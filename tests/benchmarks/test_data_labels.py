"""What is planted is what its name says, by seed; and the claims count what was measured."""

import numpy as np
import pytest

from benchmarks import data_labels
from benchmarks.cells import Bench
from benchmarks.data_labels import calibration_cell, claims, errors_cell, plant
from genimg_core.stages.contract import write_json

TRUTH = np.array(list("abcdefgh") * 100, object)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench.for_smoke(tmp_path)


def test_stray_errors_are_three_in_a_hundred_and_of_every_kind():
    labels, wrong = plant(TRUTH, "stray", 0)
    assert wrong.sum() == 24
    assert (wrong == (labels != TRUTH)).all()
    assert len(set(zip(TRUTH[wrong], labels[wrong], strict=True))) > 12
    assert (plant(TRUTH, "stray", 0)[0] == labels).all() and (plant(TRUTH, "stray", 1)[0] != labels).any()


def test_confused_classes_lose_a_quarter_to_one_other_each():
    labels, wrong = plant(TRUTH, "confused", 0)
    pairs = set(zip(TRUTH[wrong], labels[wrong], strict=True))
    assert wrong.sum() == 75 and len(pairs) == 3
    assert all((TRUTH[wrong] == of).sum() == 25 for of, _ in pairs)


def write(bench: Bench, cell, result) -> None:
    path = bench.path_of(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"key": cell.key, "result": result, "machine": "m", "date": "2026-01-01"})


def test_claims_sum_over_the_seeds_that_stand(bench):
    for seed, planted in ((0, 10), (1, 30)):
        found = {"unlikely": {"doubted": planted, "wrong": planted - 2, "mended": planted - 4},
                 "confident_joint": {"doubted": 2 * planted, "wrong": planted, "mended": planted}}
        write(bench, errors_cell(bench, "letters", "stray", seed),
              {"labels": 1000, "planted": planted, "found": found, "estimated_share": planted / 1000})
    rows = {row["claim"]: row for row in claims(bench)}
    precision = rows["Latin letters, stray label errors: doubted labels that are wrong (precision)"]
    assert (precision["value"], precision["target"], precision["cells"]) == (90.0, 95.0, "2 of 2")
    assert "its defaults, on the same probabilities: 50.0 %" in precision["compared_with"]
    recall = rows["Latin letters, stray label errors: wrong labels that are doubted (recall)"]
    assert recall["value"] == 90.0 and "100.0 %" in recall["compared_with"]
    told = "Latin letters, stray label errors: "
    assert rows[told + "estimated share of wrong labels, less the planted one"]["value"] == 0
    mended = rows[told + "suggestions that are right, of the wrong labels doubted"]
    assert mended["value"] == pytest.approx(100 * 32 / 36, abs=0.01)


def test_the_calibration_claim_says_what_it_was_before(bench):
    write(bench, calibration_cell(bench, "fashion", "stray", 0), {
        "hidden": 100, "accuracy": 0.8, "ece": {"before": 0.1, "after": 0.02}, "held_out": 60, "temperature": 1.5})
    (row,) = claims(bench)
    assert (row["value"], row["before"], row["better"], row["unit"]) == (0.02, 0.1, "lower", "ECE")
    assert "temperature 1.50 from 60 held-out images" in row["compared_with"]


def test_a_whole_cell_on_letters(bench):
    result = bench.measure(errors_cell(bench, "letters", "stray", 0))
    assert result["planted"] == round(0.03 * result["labels"]) > 5
    for one in result["found"].values():
        assert one["mended"] <= one["wrong"] <= min(one["doubted"], result["planted"])
    assert data_labels.cells(bench, "short")[0].name == "letters-stray-seed0"
