"""Nothing from outside commands a terminal."""

import io

from genimg_core.terminal import can_draw, printable


def test_control_characters_are_seen_not_obeyed():
    assert printable("a\x1b[2Jb\rc\x07\u202e\x9b\u2028") == "a?[2Jb?c????" and printable("a\tb") == "a b"
    assert printable("Ünï γ ქ 👩‍🚀 [b]") == "Ünï γ ქ 👩‍🚀 [b]"
    assert printable("a" * 20, longest=5) == "aaaaa…"


def test_only_a_terminal_can_draw(monkeypatch):
    assert not can_draw(io.StringIO())

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    assert can_draw(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_draw(Terminal())
