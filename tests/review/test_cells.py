"""No cell begins like a formula, and every text comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genimg_core.review.cells import plain_cell, safe_cell

TEMPLATE = Path(__file__).resolve().parent.parent.parent / "genimg_core/review/templates/review.js"


@given(st.text())
@example("=cmd()")
@example("'=cmd()")
@example(" \t\r\n-1")
@example("''@x")
@example("'tis fine")
def test_safe_and_back(text):
    safe = safe_cell(text)
    assert plain_cell(safe) == text
    assert not safe.lstrip(" \t\r\n").startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("text", ["=1+1", "+49", "-tulip", "@sum", "\t=1", "\r=1"])
def test_what_a_spreadsheet_computes_gets_an_apostrophe(text):
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "rose", "1-2", "'tis", "a=b"])
def test_other_text_stays(text):
    assert safe_cell(text) == text == plain_cell(text)


def test_the_page_has_the_same_rule():
    assert r"/^[' \t\r\n]*[=+\-@]/" in TEMPLATE.read_text(encoding="utf8")
