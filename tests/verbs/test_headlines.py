"""A stage's key figures in a few words."""

import json
import string

import pytest

from genimg_core.stages.runner import STAGES
from genimg_core.verbs.headlines import HEADLINES, headline, seconds, size


def test_every_stage_has_one():
    assert list(HEADLINES) == list(STAGES)


def test_the_figures():
    told = headline("clean", {"collected": 6000, "kept": 5788, "unreadable": 90, "exact_duplicates": 29,
                              "near_duplicates": 33, "rejected": 212})
    assert told == "kept 5,788 of 6,000; 90 unreadable; duplicates: 29 exact, 33 near"
    assert headline("report", {"page_bytes": 10, "checks": 48, "warnings": 1}) == "10 B, 48 checks, 1 warning"
    assert headline("collect", {"collected": 1, "bytes": 1500, "classes": 2}) == "1 file, 1.5 kB, 2 classes"


def test_other_figures_than_expected_are_shown_as_they_are():
    assert headline("clean", {"b": 1234, "a": 0.123456}) == "b 1,234, a 0.1235"


def test_a_pinned_choice_has_no_figures():
    assert headline("select", {"trials": 0}) == headline("recipe", {"trials": 0}) == (
        "pinned in params.yaml; nothing was tried")
    assert headline("select", {"trials": 4, "failed": 1, "kid": 0.0321, "coverage": 0.5}) == (
        "4 trials, 1 failed; KID 0.0321, coverage 0.50 of the one chosen")


def test_times_and_sizes():
    assert [seconds(s) for s in (0, 3.24, 99.94, 99.96, 133.4, 3600, 3733)] == [
        "0.0 s", "3.2 s", "99.9 s", "1:40", "2:13", "1:00:00", "1:02:13"]
    assert [size(b) for b in (0, 999, 1000, 2_190_373, 10**15)] == ["0 B", "999 B", "1.0 kB", "2.2 MB", "1000.0 TB"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", sorted(set(HEADLINES) - {"import"}))  # of a model from elsewhere: test_import_model
def test_the_stage_s_metrics_have_all_that_its_line_names(finished_project, stage):
    named = {name for _, name, _, _ in string.Formatter().parse(HEADLINES[stage]) if name}
    files = sorted((finished_project.root / "data/metrics").glob(f"{stage}*.json"))
    assert files and named
    for file in files:
        metrics = json.loads(file.read_text())
        assert named <= set(metrics) or metrics == {"trials": 0}, "families and recipes are pinned here"
