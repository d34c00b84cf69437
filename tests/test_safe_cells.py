"""No cell begins like a formula, and every text comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genimg_core.safe_cells import DANGEROUS, plain_cell, safe_cell

TEMPLATE = Path(__file__).resolve().parent.parent / "genimg_core/review/templates/review.js"


@given(st.text())
@example("=cmd()")
@example("'=cmd()")
@example(" \t\r\n-1")
@example("''@x")
@example("'tis fine")
@example("'\tx")
@example("＝1")
def test_safe_and_back(text):
    safe = safe_cell(text)
    assert plain_cell(safe) == text
    assert not safe.lstrip(" \t\r\n").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not safe.startswith(("\t", "\r"))


@pytest.mark.parametrize("text", ["=1+1", "+49", "-tulip", "@sum", "\t=1", "\r=1", "\tx", "\rx", " =1", "＋1"])
def test_what_a_spreadsheet_computes_gets_an_apostrophe(text):
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "rose", "1-2", "'tis", "a=b"])
def test_other_text_stays(text):
    assert safe_cell(text) == text == plain_cell(text)


def test_the_page_has_the_same_rule():
    assert f"/^(?:{DANGEROUS.pattern})/" in TEMPLATE.read_text(encoding="utf8")


def test_numbers_and_gaps():
    assert [safe_cell(value) for value in (-1, -0.5, None, 3)] == ["-1", "-0.5", "", "3"]


def test_nothing_else_writes_a_csv_for_people():
    """Whoever uses csv.writer uses safe_cell too; what draws the built-in letters writes for this program alone."""
    package = TEMPLATE.parent.parent.parent
    writers = {path.relative_to(package).as_posix(): path.read_text(encoding="utf8") for path in package.rglob("*.py")}
    writers = {name: text for name, text in writers.items() if "csv.writer" in text or "csv.DictWriter" in text}
    assert {name for name, text in writers.items() if "safe_cell" not in text} == {"sources/glyphs.py"}
    assert len(writers) >= 5
