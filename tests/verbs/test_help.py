"""`genimg --help` reads like a table of contents, wherever it is read."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from genimg_core.cli import STAGE_SUMMARIES, VERBS, main
from genimg_core.verbs.help import EXAMPLES, GROUPS, help_text
from tests.verbs.terminal import OnTerminal

ROOT = Path(__file__).resolve().parent.parent.parent
HELP = [sys.executable, "-m", "genimg_core.cli", "--help"]


def test_every_command_under_its_heading(capsys):
    assert main([]) == 0
    page = capsys.readouterr().out
    assert "\x1b" not in page and all(len(line) <= 80 for line in page.splitlines())
    blocks = {block.splitlines()[0]: block.splitlines()[1:] for block in page.split("\n\n")}
    for group, heading in GROUPS.items():
        assert [line.split()[0] for line in blocks[heading]] == [n for n, (g, *_) in VERBS.items() if g == group]
    stages = next(lines for heading, lines in blocks.items() if heading.startswith("The stages"))
    assert [line.split()[0] for line in stages] == list(STAGE_SUMMARIES)
    summaries = [*(text for *_, text in VERBS.values()), *STAGE_SUMMARIES.values()]
    columns = {line.index(text) for text in summaries for line in page.splitlines() if line.endswith(text)}
    assert len(columns) == 1, "the summaries stand in one column"


def test_a_verb_of_another_group_is_not_lost():
    page = help_text(VERBS | {"dream": ("Night", "x", "dreams")}, STAGE_SUMMARIES, styled=False)
    assert "\nNight\n" in page and "dreams" in page


@pytest.mark.parametrize(("changes", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_bold_only_where_it_is_wanted(changes, bold):
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    words = [f"{key}={value}" for key, value in changes.items()]
    terminal = OnTerminal(["env", *words, *HELP], ROOT, env)
    assert terminal.end() == 0
    assert ("\x1b[1mStart\x1b[0m" in terminal.raw) == bold and ("\x1b" in terminal.raw) == bold


@pytest.mark.parametrize("command", [*VERBS, *STAGE_SUMMARIES])
def test_each_command_has_help_of_its_own(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    page = capsys.readouterr().out
    assert page.startswith(f"usage: genimg {command}")
    if command in ("run", "sample", "trace"):
        assert "\nexamples:\n" in page and all(len(line) <= 80 for line in page.splitlines())


def test_the_examples_are_of_commands_that_there_are():
    for command, _ in EXAMPLES:
        assert command.split()[0] == "genimg" and command.split()[1] in VERBS
    for _, module, _ in VERBS.values():
        assert callable(importlib.import_module(module).main)
