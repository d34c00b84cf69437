"""What a person is asked to look at."""

from __future__ import annotations

import json

import pytest

from genimg_core.decisions.book import changing
from genimg_core.decisions.files import DecidedLabel, Verdict
from genimg_core.errors import CorruptFileError, SourceError
from genimg_core.review.doubts import find_doubts
from genimg_core.store.manifest import read_table, write_table
from tests.review.project import EVIL, EVIL_LABEL, FORMULA, LABELS, image_id


def found(**changes):
    review = find_doubts("base", 2.0, **{"limit": 100, "below": 0.7, "again": False} | changes)
    return review, {section.key: section for section in review.sections}


def test_every_kind_of_doubt_and_nothing_forgotten(place):
    review, sections = found()
    assert list(sections) == ["conflict", "label", "vanishing", "near_duplicate", "exact_duplicate", "flat",
                              "truncated"]
    assert {image.note for image in sections["conflict"].images} == {f"came as {EVIL_LABEL} and as rose"}
    guesses = sections["label"].images
    assert guesses[0].path == "big.jpg" and guesses[0].guess == "rose" and "too uncertain" in guesses[0].note
    assert all(image.guess == "rose" and image.confidence < 0.7 for image in guesses[1:]) and len(guesses) == 3
    assert [image.confidence for image in guesses[1:]] == sorted(image.confidence for image in guesses[1:])
    near = sections["near_duplicate"].images
    assert [(image.path, image.is_original, image.status) for image in near] == [
        ("good/05.png", True, "kept"), ("resaved.jpg", False, "rejected")] and len({i.group for i in near}) == 1
    assert {image.path for image in sections["exact_duplicate"].images} == {"good/04.png", "twin.bmp"}
    assert {image.path for image in sections["flat"].images} == {EVIL, FORMULA}
    assert [image.path for image in sections["vanishing"].images] == ["sheer.png"]
    assert sections["truncated"].images[0].place is None and sections["flat"].images[0].place is not None
    assert "person.png" not in {image.path for image in review.images}
    assert review.labels == tuple(sorted({*LABELS.values()}))
    assert review.warnings == tuple(text for text in review.warnings if text.startswith("clean: "))
    assert any("vanish" in text for text in review.warnings)


def test_the_same_bytes_in_two_places_are_one_image(place):
    review, sections = found()
    assert len(sections["conflict"].images) == 1
    for section in review.sections:
        ids = [image.image_id for image in section.images]
        assert len(ids) == len(set(ids)), section.key


def test_what_is_decided_comes_again_only_when_asked_for(place):
    with changing("base") as decisions:
        decisions.decide(image_id(EVIL), Verdict("keep", "a chart"))
        decisions.decide(image_id("resaved.jpg"), Verdict("reject"))
        decisions.name(image_id("good/06.png"), DecidedLabel("new kind"))
    review, sections = found()
    assert [image.path for image in sections["flat"].images] == [FORMULA]
    assert "near_duplicate" not in sections and "conflict" not in sections and "new kind" in review.labels
    again = found(again=True)[1]
    assert {(image.path, image.decision, image.why) for image in again["flat"].images} == {
        (EVIL, "keep", "a chart"), (FORMULA, "", "")}
    assert again["conflict"].images[0].decided_label == "new kind"


def test_the_limit_says_what_it_left_out_and_keeps_groups_whole(place):
    sections = found(limit=1)[1]
    assert len(sections["label"].images) == 1 < sections["label"].total
    assert len(sections["near_duplicate"].images) == 2 == sections["near_duplicate"].total


def test_no_run_yet_and_tables_of_different_runs(place):
    table = read_table(place / "data/datasets/base/labels/labels.parquet")
    write_table(table[1:], place / "data/datasets/base/labels/labels.parquet")
    with pytest.raises(CorruptFileError, match="different runs"):
        found()
    (place / "data/datasets/base/labels/labels.parquet").unlink()
    with pytest.raises(SourceError, match="not been cleaned and labelled"):
        found()


def test_a_spoiled_report_costs_only_its_warnings(place):
    report = place / "data/reports/clean-base/report.json"
    report.write_text(json.dumps({"checks": [{"passed": False}]}))
    assert found()[0].warnings == ()
