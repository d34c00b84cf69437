"""`genimg reject`, `restore`, `forget` and `decisions`, as a user types them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.decisions.book import read_decisions
from genimg_core.decisions.files import Verdict
from tests.review.conftest import place, reviewed
from tests.review.project import EVIL, image_id
from tests.verbs.terminal import OnTerminal

__all__ = ["place", "reviewed"]  # fixtures


def said(capsys, *words: str, code: int = 0) -> str:
    assert main(list(words)) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return told.out + told.err


def test_a_beginning_a_path_and_the_whole_name_an_image(place, capsys):
    whole = image_id("good/03.png")
    for name in (whole, whole[:6], whole[:12].upper(), "good/03.png"):
        said(capsys, "reject", name, "--why", "a weed")
        assert read_decisions("base").verdicts == {whole: Verdict("reject", "a weed")}


@pytest.mark.parametrize(("words", "told"), [
    (["reject", "zzzz", "--why", "x"], "no image of base has an image_id that begins with 'zzzz'"),
    (["reject", "0" * 64, "--why", "x"], "no image of base"),
    (["restore", "cut.png"], "gave no pixels (truncated): it cannot be kept"),
    (["forget", "good/03.png"], "add --why"),
    (["reject", "good/03.png", "--why", "two\nlines"], "line breaks"),
    (["reject", "good/03.png", "--why", "x", "--dataset", "bas"], "did you mean 'base'?"),
    (["decisions", "--undo", "good/03.png"], "no image of those that something is decided about"),
])
def test_what_is_wrong_is_said_and_changes_nothing(place, capsys, words, told):
    error = said(capsys, *words, code=2)
    assert told in error and "remedy:" in error
    assert read_decisions("base").images() == []


def test_a_beginning_of_several_images(place, capsys):
    from genimg_core.decisions.images import known_images
    from genimg_core.errors import DecisionsError

    known = known_images("base")
    known.paths |= {"abcdef" + "0" * 58: ["x"], "abcdef" + "1" * 58: ["y"]}
    with pytest.raises(DecisionsError, match=r"beginning of 2 images of base"):
        known.find("abcde")
    with pytest.raises(DecisionsError, match="too short"):
        known.find("abc")
    assert known.find("ABCDEF0") == "abcdef" + "0" * 58


def test_the_newer_decision_wins_aloud_and_copies_are_told_of(place, capsys):
    told = said(capsys, "reject", "good/05.png", "--why", "a weed")
    assert "It has 1 copy in base" in told and "resaved.jpg" in told
    assert "It was to be rejected by hand before: the newer decision wins." in said(capsys, "restore", "good/05.png")
    table = said(capsys, "decisions")
    assert "good/05.png" in table and "keep" in table
    assert "undone" in said(capsys, "decisions", "--undo", image_id("good/05.png")[:8])
    assert "Nothing is decided by hand" in said(capsys, "decisions")


def test_a_hostile_path_commands_no_terminal(place, capsys):
    terminal = OnTerminal([sys.executable, "-m", "genimg_core.cli", "restore", EVIL, "--why", "[red]x[/red]"], place,
                          dict(os.environ))
    assert terminal.end() == 0
    terminal = OnTerminal([sys.executable, "-m", "genimg_core.cli", "decisions"], place, dict(os.environ), width=200)
    assert terminal.end() == 0
    assert "[red]" in terminal.raw and "<img" in terminal.raw


def test_forget_leaves_nothing_behind_but_the_line(place, capsys):
    from genimg_core.store.memo import Memo

    memo = place / ".genimg/memo/profile.sqlite"
    for key in ("one", "two"):
        with Memo(memo, key) as values:
            for path in ("good/05.png", "good/06.png"):
                values.put(image_id(path), b"pixels")
    said(capsys, "reject", "good/05.png", "--why", "a weed")
    told = said(capsys, "forget", "good/05.png", "--why", "case 17", "--dry-run")
    assert "would be forgotten" in told and read_decisions("base").forgotten == {}
    told = said(capsys, "forget", "good/05.png", "--why", "case 17")
    assert "NOT forgotten (--copies" in told and "resaved.jpg" in told and "dvc gc --workspace" in told
    assert "no version of a normalized data set" in told
    found = read_decisions("base")
    assert found.forgotten == {image_id("good/05.png"): "case 17"} and found.verdicts == {}
    with sqlite3.connect(memo) as database:
        left = {image for image, in database.execute("SELECT image_id FROM memo")}
    assert image_id("good/05.png") not in left and image_id("good/06.png") in left
    database.close()
    assert "is forgotten" in said(capsys, "restore", "good/05.png", code=2)
    assert "is forgotten" in said(capsys, "reject", "good/05.png", "--why", "x", code=2)
    said(capsys, "forget", "good/05.png", "--why", "case 17", "--copies")
    assert set(read_decisions("base").forgotten) == {image_id("good/05.png"), image_id("resaved.jpg")}
    assert "not undone by a command" in said(capsys, "decisions", "--undo", "good/05.png", code=2)


def test_an_image_of_two_data_sets(place, capsys):
    shutil.copytree(place / "data/datasets/base", place / "data/datasets/target")
    tree = YAML(typ="safe").load((place / "params.yaml").read_text())
    tree["datasets"]["target"] = tree["datasets"]["base"]
    with (place / "params.yaml").open("w") as stream:
        YAML(typ="safe").dump(tree, stream)
    assert "hold this image" in said(capsys, "reject", "good/03.png", "--why", "x", code=2)
    said(capsys, "reject", "good/03.png", "--why", "x", "--dataset", "target")
    assert read_decisions("base").images() == [] and len(read_decisions("target").images()) == 1
    assert "say --dataset base or target" in said(capsys, "review", "export", "--out", "o", code=2)
    said(capsys, "forget", image_id("good/03.png")[:9], "--why", "case 17")
    for name in ("base", "target"):
        assert list(read_decisions(name).forgotten) == [image_id("good/03.png")]
        assert read_decisions(name).verdicts == {}
    lines = json.loads(said(capsys, "decisions", "--json"))
    assert [(line["dataset"], line["decision"], line["now"]) for line in lines] == [
        ("base", "forget", "kept"), ("target", "forget", "kept")]


def test_a_clone_in_which_nothing_has_run(place, capsys):
    said(capsys, "reject", "good/03.png", "--why", "x")
    for part in ("raw", "profile", "clean", "labels"):
        shutil.rmtree(place / "data/datasets/base" / part)
    assert "not in the data set" in said(capsys, "decisions")
    assert "no image of base is known yet" in said(capsys, "reject", "good/03.png", "--why", "x", code=2)
    assert "not been cleaned and labelled" in said(capsys, "review", "export", "--out", "o", code=2)
