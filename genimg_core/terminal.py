"""What a terminal may be shown: whether it can draw, and text without control characters."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO


def can_draw(stream: TextIO) -> bool:
    """Whether `stream` is a terminal on which lines can be drawn anew (bars) and set in bold."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def printable(text: str, longest: int = 10_000) -> str:
    """`text` without what a terminal obeys: control and direction characters give `?`, a tab a space.

    Args:
        text: from anywhere.
        longest: characters; the rest is cut, with an ellipsis.
    """
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "".join(" " if c == "\t" else "?" if _obeyed(c) else c for c in cut)


def _obeyed(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\u200d"  # joins emoji
