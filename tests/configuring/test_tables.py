"""Tables hold what they were given, and nothing that a terminal would obey."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from genimg_core.configuring import tables
from genimg_core.configuring.proposal import propose
from tests.configuring.surveys import MACHINE, STARTS, a_subject, speed_at


def shown(table):
    stream = io.StringIO()
    Console(file=stream, width=160, highlight=False).print(table)
    return stream.getvalue()


def test_a_label_is_no_markup_and_no_control():
    subject = a_subject(classes={"[red]x\x1b[31m": 3, "y\nz": 5}, rejected={"flat": 0.25}, formats={"png": 8})
    text = shown(tables.survey_table(subject, "sub-folders"))
    assert "[red]x?[31m" in text and "\x1b" not in text and "y z" in text
    assert "25.0% of the files (25.0% flat)" in text


def test_every_setting_and_every_cost_has_its_line():
    proposal = propose(a_subject(), a_subject("target", 300), MACHINE, STARTS, speed_at(500.0), 20)
    text = shown(tables.settings_table(proposal))
    for choice in proposal.choices:
        assert choice.key in text
    text = shown(tables.cost_table(proposal, MACHINE.disk_bytes))
    for cost in proposal.costs:
        assert cost.what in text
    assert tables.seconds_told(proposal.seconds) in text and "50.0 GB are free" in text


@pytest.mark.parametrize(("seconds", "told"), [(3.4, "3 s"), (99.4, "99 s"), (150, "2.5 min"), (9000, "2.5 h")])
def test_times_are_told_in_fitting_units(seconds, told):
    assert tables.seconds_told(seconds) == told


@pytest.mark.parametrize(("count", "told"), [(7, "7 B"), (1500, "1.5 kB"), (2.5e12, "2.5 TB")])
def test_bytes_are_told_in_fitting_units(count, told):
    assert tables.bytes_told(count) == told
