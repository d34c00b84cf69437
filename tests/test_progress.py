"""Progress as a program reads it, as a log shows it, and a sign of life where there is nothing to count."""

from __future__ import annotations

import time

import pytest

from genimg_core import progress as module
from genimg_core.progress import EVENTS, FORM_VARIABLE, MARK, ProgressEvent, heartbeat, progress, read_event


@pytest.fixture
def lines(monkeypatch, capsys):
    """What went to stderr, a list of lines."""
    monkeypatch.delenv(FORM_VARIABLE, raising=False)
    told: list[str] = []

    def read() -> list[str]:
        told.extend(capsys.readouterr().err.split("\n")[:-1])
        return told

    return read


def test_events_go_through_a_pipe_and_back(lines, monkeypatch):
    monkeypatch.setenv(FORM_VARIABLE, EVENTS)
    monkeypatch.setattr(module, "EVENT_INTERVAL_S", 0)
    with progress("training γ", 10, unit="images") as advance:
        advance(4, note="loss [b]1")
    assert [read_event(line) for line in lines()] == [
        ProgressEvent("training γ", 0, 10, "images"), ProgressEvent("training γ", 4, 10, "images", "loss [b]1"),
        ProgressEvent("training γ", 4, 10, "images", "loss [b]1", ended=True)]
    assert all(line.isascii() for line in lines())


def test_events_are_few(lines, monkeypatch):
    monkeypatch.setenv(FORM_VARIABLE, EVENTS)
    with progress("counting", 10_000) as advance:
        for _ in range(10_000):
            advance(1)
    told = [read_event(line) for line in lines()]
    assert len(told) < 20 and told[0].done == 0 and told[-1] == ProgressEvent("counting", 10_000, 10_000, "images",
                                                                               ended=True)


GOOD = ProgressEvent("a", 1, 2, "b").line()


@pytest.mark.parametrize("line", [
    "training latin: 4 of 10", "", MARK, MARK + "{", MARK + "[]", MARK + "{}", GOOD[1:],
    GOOD.replace('"done": 1', '"done": "1"'), GOOD.replace('"done": 1', '"done": true'),
    GOOD.replace('"done": 1', '"done": -1'),
    GOOD.replace('"done": 1', f'"done": {10**400}'), GOOD.replace('"what": "a"', '"other": "a"'),
    GOOD.replace('"what": "a"', '"what": "' + "a" * 5000 + '"'), MARK + "[" * 3000])
def test_any_other_line_is_no_event(line):
    assert read_event(GOOD) is not None and read_event(line) is None


def test_a_long_text_is_cut_not_lost():
    assert read_event(ProgressEvent("a" * 9000, 1, 2, "b", note="n" * 9000).line()).what == "a" * 200


def test_plain_lines_for_a_log(lines, monkeypatch):
    monkeypatch.setattr(module, "PLAIN_INTERVAL_S", 0.0)
    with progress("drawing", 4) as advance:
        advance(1)
        time.sleep(0.05)
        advance(2, note="well")
    assert lines()[0] == "drawing: 0 of 4 images" and lines()[1] == "drawing: 1 of 4 images"
    assert lines()[2].startswith("drawing: 3 of 4 images, about 0 s left well") and len(lines()) == 3


def test_a_resumed_run_is_not_thought_fast(lines, monkeypatch):
    """What an earlier run did says nothing of the time left."""
    monkeypatch.setattr(module, "PLAIN_INTERVAL_S", 0.0)
    with progress("training", 1000) as advance:
        advance(900)
        time.sleep(0.2)
        advance(1)
    left = int(lines()[-1].split("about ")[1].split(" s")[0])
    assert 19 <= left <= 40  # 99 more at 0.2 s each


def test_a_sign_of_life_in_silence(lines):
    with heartbeat("clean@base", quiet_s=0.1):
        with progress("scoring", 3, unit="scores") as advance:
            advance(1)
            time.sleep(0.35)
    told = lines()
    assert 2 <= len(told) <= 3 and told[0] == "… clean@base goes on after 0 s (scoring, 1 of 3 scores)"
    count = len(told)
    time.sleep(0.15)
    assert len(lines()) == count, "it ends with the work"


def test_no_sign_of_life_where_there_are_others(lines, monkeypatch):
    monkeypatch.setattr(module, "PLAIN_INTERVAL_S", 0.05)
    with heartbeat("clean@base", quiet_s=0.4), progress("scoring", 30) as advance:
        for _ in range(16):
            time.sleep(0.05)
            advance(1)
    assert lines() and not [line for line in lines() if line.startswith("…")]
    monkeypatch.setenv(FORM_VARIABLE, EVENTS)
    before = len(lines())
    with heartbeat("clean@base", quiet_s=0.05):
        time.sleep(0.2)
    assert len(lines()) == before, "the bars show how long it takes"
