"""Sentences follow the figures."""

from __future__ import annotations

import pytest

from genimg_core.reports.findings import compared, distance_left, findings
from tests.reports.stage_reports import evaluation, score


def moods(**changed: object) -> dict[str, str]:
    return {finding.title: finding.mood for finding in findings(evaluation(**changed))}


@pytest.mark.parametrize(("kid", "title", "mood"), [
    (0.001, "As near to the real images as other real images are", "good"),
    (0.02, "Close to the real images", "good"),
    (0.1, "Recognisably different from the real images", "fair"),
    (0.3, "Far from the real images", "bad"),
    (0.6, "No nearer to the real images than a PCA-Gaussian, which learns no shapes", "bad"),
])
def test_likeness_lies_between_real_images_and_the_baseline(kid: float, title: str, mood: str) -> None:
    assert moods(kid=kid)[title] == mood


def test_the_share_of_the_way_is_told() -> None:
    assert distance_left(evaluation(kid=0.1)) == pytest.approx(0.2)
    assert "80 % of the way" in findings(evaluation(kid=0.1))[0].text


@pytest.mark.parametrize(("coverage", "mood"), [(0.85, "good"), (0.6, "fair"), (0.3, "bad")])
def test_low_coverage_is_the_sign_of_collapse(coverage: float, mood: str) -> None:
    told = moods(coverage=coverage)
    assert mood in told.values()
    assert ("Much of the variety is missing: a sign of collapse" in told) == (mood == "bad")


@pytest.mark.parametrize(("copied", "mood", "title"), [
    (0.012, "good", "No sign of copying"),
    (0.1, "fair", "Some samples are near-copies of training images"),
    (0.5, "bad", "Some samples are near-copies of training images")])
def test_copies_are_told(copied: float, mood: str, title: str) -> None:
    assert moods(copied=copied)[title] == mood


def test_an_alarm_that_does_not_ring_for_a_copycat_is_not_believed() -> None:
    copycat = evaluation()["copycat"] | {"caught": False}
    assert "Copying cannot be told on this data" in moods(copycat=copycat)


def test_a_classifier_that_is_often_wrong_is_not_asked() -> None:
    told = moods(class_agreement={"generated": 0.1, "real": 0.14, "classes": {}})
    assert told["Whether the classes are right cannot be told"] == "fair"


def test_a_baseline_that_scores_like_real_images_can_still_be_missed() -> None:
    scores = evaluation()
    scores["baseline"]["scores"][scores["lead"]]["kid"] = {"value": 0.0, "low": -0.01, "high": 0.01}
    assert findings(scores)[0].title == "No nearer to the real images than a PCA-Gaussian, which learns no shapes"


def test_an_interval_that_reaches_far_towards_the_baseline_tells_nothing() -> None:
    scores = evaluation()
    wide = {"value": 0.05, "floor": 0.0, "low": -0.01, "high": 0.3}
    scores["scores"][scores["lead"]]["kid"] = wide
    undecided = "So few images cannot tell how near these are to the real ones"
    assert findings(scores)[0].title == undecided
    scores["scores"][scores["lead"]]["kid"] = wide | {"high": 0.1}  # 0.05 is a tenth of the way to the baseline's 0.5
    assert findings(scores)[0].title == undecided
    scores["scores"][scores["lead"]]["kid"] = wide | {"value": 0.04, "high": 0.1}
    assert findings(scores)[0].title == "As near to the real images as other real images are"


def test_coverage_that_a_baseline_reaches_too_says_little() -> None:
    scores = evaluation(coverage=0.85)
    assert findings(scores)[1].title == "Nearly all of the variety is there"
    scores["baseline"]["scores"][scores["lead"]]["coverage"]["value"] = 0.84
    told = findings(scores)[1]
    assert (told.mood, told.title) == ("fair", "No sign of collapse") and "0.84" in told.text


def test_few_images_are_a_caveat() -> None:
    assert "Few images to judge by" in moods(images=60)
    assert "Few images to judge by" not in moods(images=600)


def test_scores_whose_intervals_meet_are_open() -> None:
    assert compared(score(1, 0, 0.2), score(2, 0, 0.2)) == "lower"
    assert compared(score(2, 0, 0.2), score(1, 0, 0.2)) == "higher"
    assert compared(score(1, 0, 0.6), score(2, 0, 0.6)) == "open"
