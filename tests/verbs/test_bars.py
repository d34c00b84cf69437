"""The two live lines at several widths (test_run.py has them on a real terminal)."""

from __future__ import annotations

import io
import time

import pytest
from rich.cells import cell_len
from rich.console import Console

from genimg_core.progress import ProgressEvent
from genimg_core.verbs.bars import RunLines
from genimg_core.verbs.story import Story


def drawn(width, *events, stage="finetune@greek_scratch"):
    lines, story = RunLines(), Story(27, print, announce=False)
    lines.watch(story)
    story.hear(f"Running stage '{stage}':")
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    for event in events:
        story.hear(event.line())
        console.file = io.StringIO()
        console.print(lines)
        time.sleep(0.01)
    return console.file.getvalue().splitlines()


WORK = [ProgressEvent("training greek_scratch", done, 150_000, "images", "loss 0.123") for done in (40_000, 40_960)]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_two_lines_that_fit(width):
    lines = drawn(width, *WORK)
    assert len(lines) == 2 and all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("[ 1/27] finetune@greek_scra")


def test_the_wider_the_more_is_told():
    assert "40,960 of 150,000 images" in drawn(80, *WORK)[1] and "loss" not in drawn(80, *WORK)[1]
    wide = drawn(120, *WORK)[1]
    assert all(part in wide for part in ("40,960 of 150,000 images", " left", "/s", "loss 0.123"))
    assert "━" in wide and "━" in drawn(80, *WORK)[1]


def test_markup_in_a_note_is_only_text():
    assert "[b]x" in drawn(120, ProgressEvent("[red]a", 1, 2, "[i]u", "[b]x"))[1]


def test_no_total_no_harm():
    assert len(drawn(80, ProgressEvent("empty", 0, 0, "images"))) == 2
