"""What the card says, and that a name in it is no markup."""

from __future__ import annotations

from genimg_core.reports.model_card import _plain


def test_markup_in_a_name_is_text():
    assert _plain("a|b") == "a\\|b"
    assert _plain("![x](y)<b>") == "\\!\\[x\\](y)\\<b\\>"
    assert _plain("line\nbreak\x1b[0m") == "line?break?\\[0m"
