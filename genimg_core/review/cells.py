"""Text in the cells of a table that a spreadsheet program may open: a formula in a file's name must not run there."""

from __future__ import annotations

DANGEROUS = ("=", "+", "-", "@")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would compute.

    Blanks, line breaks and apostrophes at the front do not hide a formula (some programs drop them).
    """
    return "'" + text if text.lstrip("' \t\r\n").startswith(DANGEROUS) else text


def plain_cell(text: str) -> str:
    """What `safe_cell` was given."""
    return text[1:] if text.startswith("'") and safe_cell(text[1:]) == text else text
