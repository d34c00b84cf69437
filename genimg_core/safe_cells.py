"""Text in the cells of a table that a spreadsheet program may open: a formula in a file's name must not run there.

Every CSV that people get is written with `safe_cell`, and what reads one back uses `plain_cell`.
"""

from __future__ import annotations

import re

DANGEROUS = re.compile(r"'*[\t\r]|[' \t\r\n]*[=+\-@＝＋－＠]")
"""How a cell begins that a program would compute, or take for the beginning of another one. Blanks, line breaks and
apostrophes at the front do not hide a formula (some programs drop them), nor do the wide forms of Asian typing."""


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: a text that begins like one gets a leading apostrophe.

    Numbers stay as they are; nothing at all is an empty cell.
    """
    if value is None:
        return ""
    text = str(value)
    return "'" + text if isinstance(value, str) and DANGEROUS.match(text) else text


def plain_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if text.startswith("'") and DANGEROUS.match(text[1:]) else text
