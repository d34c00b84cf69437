"""Measurements are of real steps: they cost more for larger images, and take about the time they are given."""

from __future__ import annotations

import time

import torch

from genimg_core.configuring import speed


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


def test_scoring_more_images_takes_longer():
    seconds = speed.time_scoring()
    assert 0 < seconds(50) <= seconds(1000) <= seconds(5000)


def test_starting_with_torch_takes_longer_than_without(monkeypatch):
    times = {}
    monkeypatch.setattr(speed, "_seconds_of", lambda statement: times.setdefault(statement, len(statement)))
    starts = speed.time_starts()
    assert {starts.torch_s, starts.gate_s, starts.plain_s} == set(times.values()) and starts.plain_s < starts.torch_s
    assert all("pandas" in statement for statement in times)
