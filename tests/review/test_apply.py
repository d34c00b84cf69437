"""Answers into decisions: all or nothing, the newer over the older, said aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from genimg_core.decisions.book import Decisions
from genimg_core.decisions.files import DecidedLabel, Verdict
from genimg_core.decisions.images import KnownImages
from genimg_core.errors import DecisionsError
from genimg_core.review.answers import Answer
from genimg_core.review.apply import apply_answers

A, B, C = "a" * 64, "b" * 64, "ab" + "c" * 62
FILE = Path("answers.csv")


def known() -> KnownImages:
    return KnownImages("base", {A: ["a.png"], B: ["b.png"], C: ["c.png"]}, {"rose", "tulip"},
                       {A: ("kept", ""), B: ("rejected", "flat"), C: ("rejected", "truncated")}, {A, B})


def answer(line: int, image: str, decision: str = "", label: str = "", why: str = "") -> Answer:
    return Answer(f"line {line}", image, decision, label, why)


def test_the_newer_wins_and_the_older_is_told():
    decisions = Decisions("base", verdicts={A: Verdict("reject", "dark"), B: Verdict("keep")},
                          labels={A: DecidedLabel("rose")})
    taken = apply_answers([answer(2, A, "keep", "tulip", "fine"), answer(3, B[:8], "keep")], known(), decisions, FILE,
                          new_labels=False)
    assert decisions.verdicts == {A: Verdict("keep", "fine"), B: Verdict("keep")}
    assert decisions.labels == {A: DecidedLabel("tulip")}
    assert (taken.kept, taken.labelled, taken.unchanged) == (1, 1, 1)
    assert taken.overruled == [f"{A[:12]}…: keep (it was reject: dark)", f"{A[:12]}…: label tulip (it was rose)"]


@pytest.mark.parametrize(("wrong", "told"), [
    (answer(3, "f" * 64, "keep"), "line 3: no image of base has the image_id"),
    (answer(3, "", "keep"), "no image of base"),
    (answer(3, "a", "keep"), "too short a beginning"),
    (answer(3, C, "keep"), "gave no pixels"),
    (answer(3, B, "", "roze"), "did you mean 'rose'"),
    (answer(3, A, "keep"), "otherwise about the same image than line 2"),
])
def test_one_wrong_line_and_nothing_is_taken(wrong, told):
    decisions = Decisions("base")
    with pytest.raises(DecisionsError, match=told) as caught:
        apply_answers([answer(2, A, "reject"), wrong], known(), decisions, FILE, new_labels=False)
    assert "answers.csv, line 3" in str(caught.value) and decisions == Decisions("base")


def test_forgotten_images_and_new_labels():
    decisions = Decisions("base", forgotten={A: "case 17"})
    with pytest.raises(DecisionsError, match="is forgotten"):
        apply_answers([answer(2, A, "keep")], known(), decisions, FILE, new_labels=False)
    apply_answers([answer(2, B, "", "lily")], known(), decisions, FILE, new_labels=True)
    assert decisions.labels == {B: DecidedLabel("lily")}


def test_what_is_taken_back_is_left_to_the_rules():
    decisions = Decisions("base", verdicts={A: Verdict("keep"), B: Verdict("keep")}, labels={A: DecidedLabel("rose")})
    answers = [Answer("line 2", A, "keep", "", "", undo=True), Answer("line 3", B, "", "", "", undo=True)]
    taken = apply_answers(answers, known(), decisions, FILE, new_labels=False)
    assert (decisions.verdicts, decisions.labels) == ({A: Verdict("keep")}, {})
    assert (taken.kept, taken.undone, taken.unchanged) == (1, 1, 0)


def test_a_hostile_name_commands_no_terminal():
    with pytest.raises(DecisionsError) as caught:
        apply_answers([answer(2, "\x1b]0;x\x07", "keep")], known(), Decisions("base"), FILE, new_labels=False)
    assert "\x1b" not in str(caught.value)
