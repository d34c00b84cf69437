"""The varied images are the same in any number, exponents are slopes, and a whole cell measures every stage."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import data_growth
from benchmarks.cells import Bench
from benchmarks.data_growth import GATES, START, WORDS, claims, size_cell, slope
from benchmarks.variants import MIXTURE, image, label, write
from genimg_core.stages.contract import write_json


def test_an_image_is_the_same_whatever_the_count(real_data, tmp_path):
    write(tmp_path / "few", range(12))
    write(tmp_path / "more", range(10, 20))
    few = {path.relative_to(tmp_path / "few"): path.read_bytes() for path in (tmp_path / "few").rglob("*.*")}
    more = {path.relative_to(tmp_path / "more"): path.read_bytes() for path in (tmp_path / "more").rglob("*.*")}
    assert len(few) == 12 and len(set(few.values())) == 12
    assert {name: few[name] for name in few.keys() & more.keys()} == {
        name: more[name] for name in few.keys() & more.keys()} and len(few.keys() & more.keys()) == 2


def test_the_mixture_is_kept_and_pieces_of_one_picture_differ(real_data):
    labels = [label(number) for number in range(200)]
    kinds = [name.partition("-")[0] for name in labels]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {kind: 20 * MIXTURE.count(kind) for kind in MIXTURE}
    formats = {Image.open(io.BytesIO(image(number)[1])).format for number in range(20)}
    assert formats == {"PNG", "JPEG"}
    again = MIXTURE.index("photos") + 10 * 618  # the first photo's second turn
    first, second = (np.asarray(Image.open(io.BytesIO(image(number)[1])).convert("RGB"), int)
                     for number in (MIXTURE.index("photos"), again))
    assert first.shape == second.shape == (32, 32, 3) and np.abs(first - second).mean() > 5


def test_the_exponent_is_the_slope():
    assert slope([10, 100, 1000], [3 * n**1.25 for n in (10, 100, 1000)]) == pytest.approx(1.25)
    assert slope([1000], [3]) is None


def written(bench: Bench, images: int, scale: float) -> None:
    stage = {"processor_s": 1 + scale, "wall_s": 2 + scale, "peak_mib": 100 + 10 * scale, "own_mib": 90}
    cell = size_cell(bench, images)
    path = bench.path_of(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    stages = dict.fromkeys(WORDS, stage) | ({GATES: {"processor_s": scale, "wall_s": scale}} if scale else {})
    write_json(path, {"key": cell.key, "machine": "m", "date": "2026-01-01",
                      "result": {"images": images, "kept": images, "stages": stages, "load": [0.5, 2]}})


def test_claims_take_the_start_off_and_say_what_an_image_takes(tmp_path):
    bench = Bench(tmp_path, tmp_path)
    for images, scale in ((START, 0), (1_000, 0.05), (10_000, 1), (100_000, 10 * 10**0.1)):
        written(bench, images, scale)
    rows = {row["claim"]: row for row in claims(bench)}
    profile = rows["profile: exponent of processor time on images"]
    assert profile["value"] == pytest.approx(1.1) and profile["target"] == 1.05  # 1,000 takes too little to count
    assert "less the 1.00 s of a run over 60; fitted from 10,000 on" in profile["compared_with"]
    whole = rows["all stages together: exponent of processor time on images"]
    assert "1,000: 0.35 s (14.4 s by the clock)" in whole["compared_with"] and "100,000: 0.5 and 2" in whole[
        "compared_with"]
    memory = next(row for claim, row in rows.items() if claim.startswith("peak resident"))
    assert memory["value"] == pytest.approx((100 + 100 * 10**0.1) / 110, abs=1e-3)
    assert f"profile {round((100 * 10**0.1 - 10) * 2**20 / 90_000)}" in memory["compared_with"]


@pytest.mark.slow
def test_a_whole_cell(real_data, tmp_path):
    """25 s: every stage is a process that imports its libraries."""
    bench = Bench.for_smoke(tmp_path)
    result = bench.measure(data_growth.cells(bench, "short")[0])
    assert result["images"] == START and set(result["stages"]) == set(WORDS)
    assert all(result["stages"][stage]["peak_mib"] >= result["stages"][stage]["own_mib"] > 10 for stage in WORDS)
