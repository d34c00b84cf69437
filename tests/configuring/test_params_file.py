"""params.yaml is changed in its sections; the rest of the text stays as the user wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.configuring.params_file import earlier_text, rewritten, write
from genimg_core.configuring.proposal import propose
from genimg_core.errors import ParamsError
from tests.configuring.surveys import MACHINE, STARTS, a_subject, speed_at

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def proposal():
    return propose(a_subject(usable=5000), a_subject("target", 500), MACHINE, STARTS, speed_at(500.0), 20)


@pytest.fixture(scope="module")
def alone():
    return propose(a_subject(usable=5000), None, MACHINE, STARTS, speed_at(500.0), 20)


def parsed(text):
    return YAML(typ="safe", pure=True).load(text)


def test_what_is_proposed_stands_there_and_the_rest_stays(proposal):
    text = rewritten(SHIPPED, proposal.tree, proposal.notes)
    assert parsed(text) == {"seed": 0} | proposal.tree
    for line in SHIPPED.splitlines():
        if line.startswith(("#", "seed", "threads")):
            assert line in text.splitlines()
    assert "# 1 grey, 3 RGB" in text and "# what an image is to the models" in text
    assert "capitals" not in text  # a comment on images that are no longer there
    assert "# the control: nothing learnt before" in text


def test_comments_between_sections_stay_where_they_are(alone):
    own = SHIPPED.replace("pretrain:", "# the runs\n\npretrain:").replace("evaluate:", "# how it is judged\nevaluate:")
    lines = rewritten(own, alone.tree, alone.notes).splitlines()
    assert lines[lines.index("pretrain:") - 2] == "# the runs"
    assert "# how it is judged" == next(line for line in reversed(lines) if line.startswith("#"))


def test_a_second_time_changes_nothing(proposal):
    once = rewritten(SHIPPED, proposal.tree, proposal.notes)
    assert rewritten(once, proposal.tree, proposal.notes) == once


def test_settings_of_the_same_images_stay(alone):
    text = rewritten(SHIPPED, alone.tree, alone.notes)
    own = text.replace("    profile: {}", "    profile: {max_frames: 7}   # mine", 1)
    assert own != text
    again = rewritten(own, alone.tree | {"threads": 1}, alone.notes)
    assert parsed(again)["datasets"]["base"]["profile"] == {"max_frames": 7} and "# mine" in again
    other = alone.tree["datasets"]["base"] | {"source": {"kind": "folder", "path": "elsewhere"}}
    fresh = rewritten(own, alone.tree | {"datasets": {"base": other}}, {})
    assert parsed(fresh)["datasets"]["base"]["profile"] == {}


def test_no_params_file_at_all(proposal, tmp_path):
    text = rewritten("", proposal.tree, proposal.notes)
    assert parsed(text) == {"seed": 0} | proposal.tree and text.startswith("# Every setting")
    assert write(tmp_path / "params.yaml", text) is None and (tmp_path / "params.yaml").read_text() == text


@pytest.mark.parametrize("text", ["{seed: 0, threads: 2}\n", "a: &x {b: 1}\ndatasets: *x\n", "unknown_key: 1\n"])
def test_what_cannot_be_changed_safely_is_refused(text, proposal):
    with pytest.raises(ParamsError):
        rewritten(text, proposal.tree, proposal.notes)


def test_a_file_without_a_line_s_end_and_with_windows_ends(proposal):
    assert parsed(rewritten("seed: 3", proposal.tree, {}))["seed"] == 3
    assert parsed(rewritten(SHIPPED.replace("\n", "\r\n"), proposal.tree, {})) == {"seed": 0} | proposal.tree


def test_names_that_yaml_would_misread_are_quoted(alone):
    source = {"kind": "folder", "path": "a: b # c", "labels": {"csv": "x.csv", "where": {"yes": "12", "n": "null"}}}
    base = alone.tree["datasets"]["base"] | {"source": source}
    assert parsed(rewritten(SHIPPED, alone.tree | {"datasets": {"base": base}}, {}))["datasets"]["base"] == base


def test_the_earlier_file_is_kept(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("one")
    path.chmod(0o640)
    kept = write(path, "two", tmp_path / "kept")
    again = write(path, "three", tmp_path / "kept")
    assert (kept.read_text(), again.read_text(), path.read_text()) == ("one", "two", "three")
    assert write(path, "three", tmp_path / "kept") is None
    assert path.stat().st_mode & 0o777 == 0o640 and len(list(tmp_path.iterdir())) == 2


def test_a_broken_file_is_told_and_not_replaced(tmp_path):
    (tmp_path / "params.yaml").write_text("a: [1\n")
    with pytest.raises(ParamsError, match="not valid YAML"):
        earlier_text(tmp_path / "params.yaml")
    assert earlier_text(tmp_path / "none.yaml") == ""
