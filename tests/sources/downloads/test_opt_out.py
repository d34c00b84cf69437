"""X-Robots-Tag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.sources.downloads.opt_out import LONGEST_KEPT, joined, opted_out


@pytest.mark.parametrize(
    ("robots", "word"),
    [
        ("noai", "noai"),
        ("NoImageAI", "noimageai"),
        ("index, noindex", "noindex"),
        ("none", "none"),
        ("genimg: noai", "noai"),
        ("otherbot: noai", None),
        ("otherbot: nofollow, noai", None),
        ("otherbot: noai\nnoindex", "noindex"),
        ("max-snippet: 5, noai", "noai"),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", None),
        ("nofollow, noarchive", None),
        ("noaix, xnoai", None),
        ("", None),
        (None, None),
    ],
)
def test_what_says_no(robots, word):
    assert opted_out(robots, "genimg (mail@example.org)") == word


@given(st.lists(st.text()))
def test_nothing_in_it_is_an_error(headers):
    kept = joined(headers)
    assert kept is None or len(kept) <= LONGEST_KEPT
    opted_out(kept, "genimg")
