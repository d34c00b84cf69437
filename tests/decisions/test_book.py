"""Changing decisions: whole or not at all; the newer wins; forgotten is forgotten."""

from __future__ import annotations

import pytest

from genimg_core.decisions import book
from genimg_core.decisions.book import changing, read_decisions
from genimg_core.decisions.files import FILE_NAMES, DecidedLabel, Verdict, decisions_file
from genimg_core.errors import DecisionsError

A, B = "a" * 64, "b" * 64


def contents(root):
    return {which: decisions_file("base", which, root).read_text() for which in FILE_NAMES
            if decisions_file("base", which, root).exists()}


def test_the_newer_decision_wins_and_tells_of_the_older(tmp_path):
    with changing("base", tmp_path) as decisions:
        assert decisions.decide(A, Verdict("reject", "dark")) is None
        assert decisions.decide(A, Verdict("reject", "dark")) is None
        assert decisions.name(A, DecidedLabel("rose")) is None
    with changing("base", tmp_path) as decisions:
        assert decisions.decide(A, Verdict("keep")) == Verdict("reject", "dark")
        assert decisions.name(A, DecidedLabel("tulip")) == DecidedLabel("rose")
    found = read_decisions("base", tmp_path)
    assert found.verdicts == {A: Verdict("keep")} and found.labels == {A: DecidedLabel("tulip")}


def test_what_is_forgotten_has_no_other_decision_and_undo_leaves_none(tmp_path):
    with changing("base", tmp_path) as decisions:
        for image in (A, B):
            decisions.decide(image, Verdict("keep"))
            decisions.name(image, DecidedLabel("rose"))
        decisions.forget(A, "case 17")
        assert decisions.undo(B) == ["keep", "label rose"]
    found = read_decisions("base", tmp_path)
    assert (found.forgotten, found.verdicts, found.labels) == ({A: "case 17"}, {}, {})
    assert found.images() == [A]


def test_an_error_inside_or_a_bad_text_changes_nothing(tmp_path):
    with changing("base", tmp_path) as decisions:
        decisions.decide(A, Verdict("keep"))
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), changing("base", tmp_path) as decisions:
        decisions.decide(B, Verdict("keep"))
        raise ZeroDivisionError
    with pytest.raises(DecisionsError, match="line breaks"), changing("base", tmp_path) as decisions:
        decisions.decide(B, Verdict("reject", "two\nlines"))
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_every_file_as_it_was(tmp_path, monkeypatch):
    with changing("base", tmp_path) as decisions:
        decisions.decide(A, Verdict("keep"))
    before = contents(tmp_path)
    written: list[object] = []

    def write_text(path, text, **_):
        written.append(path)
        if len(written) > 1:
            raise OSError(28, "No space left on device")
        path.write_bytes(text.encode())

    monkeypatch.setattr(book.Path, "write_text", write_text)
    with pytest.raises(DecisionsError, match="No space left"), changing("base", tmp_path) as decisions:
        decisions.decide(B, Verdict("keep"))
        decisions.name(B, DecidedLabel("rose"))
    monkeypatch.undo()
    assert len(written) == 2 and contents(tmp_path) == before
    folder = decisions_file("base", "labels", tmp_path).parent
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{which}.jsonl" for which in FILE_NAMES)


def test_a_file_that_does_not_change_is_not_written(tmp_path):
    with changing("base", tmp_path) as decisions:
        decisions.name(A, DecidedLabel("rose"))
    path = decisions_file("base", "verdicts", tmp_path)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    with changing("base", tmp_path) as decisions:
        decisions.name(A, DecidedLabel("tulip"))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
