"""The drill's arithmetic: what has collapsed, what was cured, and whether that is chance."""

import json

import pytest
from scipy.stats import fisher_exact

from benchmarks.cells import Bench
from benchmarks.model_collapse import SEEDS, USUAL_SEEDS, cell_of, cells, claims, collapsed, fisher


@pytest.mark.parametrize(("a", "of_a", "b", "of_b"), [(9, 10, 0, 10), (10, 10, 1, 10), (5, 10, 4, 10), (0, 10, 10, 10),
                                                     (8, 10, 0, 7), (0, 5, 0, 5)])
def test_fishers_test_is_scipys(a, of_a, b, of_b):
    expected = fisher_exact([[a, of_a - a], [b, of_b - b]], alternative="greater").pvalue
    assert fisher(a, of_a, b, of_b) == pytest.approx(expected, rel=1e-9)


def test_a_collapse_takes_both_figures_and_an_error_is_one():
    usual = {"coverage": 0.5, "variety": 0.8}
    assert collapsed({"failed": None, "coverage": 0.29, "variety": 0.47}, usual)
    assert not collapsed({"failed": None, "coverage": 0.31, "variety": 0.1}, usual)
    assert not collapsed({"failed": None, "coverage": 0.1, "variety": 0.5}, usual)
    assert collapsed({"failed": "collapse at 3,000 images seen", "coverage": 0.5, "variety": 0.8}, usual)


def test_the_watch_is_in_the_key_and_the_gan_is_the_same(tmp_path):
    bench = Bench.for_smoke(tmp_path)
    pair = [cell_of(bench, system, 3) for system in ("unwatched", "watched")]
    assert pair[0].key != pair[1].key and pair[0].settings["params"] == pair[1].settings["params"]
    assert len(cells(bench, "full")) == 2 * len(SEEDS) + len(USUAL_SEEDS)
    assert {cell.name for cell in cells(bench, "short")} < {cell.name for cell in cells(bench, "full")}


def test_claims_count_the_cured_among_those_that_fell(tmp_path):
    bench = Bench.for_smoke(tmp_path)
    assert claims(bench) == []
    good, ill = {"coverage": 0.5, "variety": 0.8}, {"coverage": 0.05, "variety": 0.1}
    for system, seeds, results in (("usual", range(3), [good] * 3), ("unwatched", range(10), [ill] * 9 + [good]),
                                   ("watched", range(10), [good] * 8 + [ill] * 2)):
        for seed, result in zip(seeds, results, strict=True):
            cell = cell_of(bench, system, seed)
            path = bench.path_of(cell)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"key": cell.key, "settings": {"seed": seed}, "machine": "m", "date": "d",
                                        "result": result | {"failed": None}}))
    fell, cured, chance, *_ = claims(bench)
    assert fell["value"] == 0.9 and cured["value"] == round(8 / 9, 4) and cured["target"] == 0.8
    assert chance["value"] == pytest.approx(fisher_exact([[8, 2], [1, 9]], alternative="greater").pvalue, abs=1e-8)
    assert chance["better"] == "lower" and "8 of 10 runs are well with the watch, 1 of 10" in chance["compared_with"]
