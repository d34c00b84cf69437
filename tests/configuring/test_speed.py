"""Measurements are of real steps: they cost more for larger images, and take about the time they are given."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

from genimg_core.configuring import speed
from tests.configuring.surveys import speed_at
from tests.models.tiny import needs_compiler


def test_a_larger_image_takes_longer():
    before = torch.get_num_threads()
    started = time.perf_counter()
    small = speed.measure(8, 1, 3, threads=1, seconds=0.3)
    large = speed.measure(32, 3, 3, threads=1, seconds=0.3)
    assert time.perf_counter() - started < 120
    assert small.training["fp32"] > 2 * large.training["fp32"] and small.sampling > 2 * large.sampling
    assert small.precision == ("bf16" if small.training["bf16"] >= speed.FASTER * small.training["fp32"] else "fp32")
    assert small.training_rate == small.training[small.precision] and 0 < small.processor_share <= 1
    assert torch.get_num_threads() == before and not torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
@needs_compiler
def test_a_compiled_step_is_timed(monkeypatch, tmp_path):
    from torch._inductor import config

    measured = speed_at(100.0, bf16=0.9)(8, 1, 3)
    compiled = speed.measure_compiled(measured, 3, threads=1, seconds=0.1)
    assert compiled.rate > 0 and compiled.start_s > 0
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    with config.patch({"cpp.cxx": ("no-such-compiler",)}):
        assert speed.measure_compiled(measured, 3, threads=1, seconds=0.1) is None
    assert speed.measure_compiled(speed_at(100.0, bf16=0.5)(8, 1, 3), 3, threads=1) is None


@pytest.mark.parametrize(("rate", "start_s", "seconds", "most", "plan"), [
    (140.0, 30.0, 1000.0, 10**9, (970 * 140, True)), (140.0, 30.0, 100.0, 10**9, (10_000, False)),
    (110.0, 0.0, 1000.0, 10**9, (100_000, False)), (200.0, 30.0, 1000.0, 2_000, (2_000, False)),
    (200.0, 30.0, 1000.0, 20_000, (20_000, True)), (200.0, 30.0, 20.0, 10**9, (2_000, False))])
def test_compiling_pays_in_a_long_training(rate, start_s, seconds, most, plan):
    plain = speed_at(100.0)(32, 3, 2)
    found = replace(plain, compiled=speed.Compiled(rate, start_s))
    assert found.plan(seconds, most) == plan
    assert found.seconds_for(*plan) <= seconds
    assert plain.plan(seconds, most) == (min(100 * seconds, most), False)


def test_scoring_more_images_takes_longer():
    seconds = speed.time_scoring()
    assert 0 < seconds(50) <= seconds(1000) <= seconds(5000)


def test_starting_with_torch_takes_longer_than_without(monkeypatch):
    times = {}
    monkeypatch.setattr(speed, "_seconds_of", lambda statement: times.setdefault(statement, len(statement)))
    starts = speed.time_starts()
    assert {starts.torch_s, starts.gate_s, starts.plain_s} == set(times.values()) and starts.plain_s < starts.torch_s
    assert all("pandas" in statement for statement in times)
