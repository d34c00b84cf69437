"""What a person is asked to look at."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from genimg_core.decisions.book import changing
from genimg_core.decisions.files import DecidedLabel, Verdict
from genimg_core.errors import CorruptFileError, SourceError
from genimg_core.labels.check import Doubts
from genimg_core.labels.doubtful import write_doubtful
from genimg_core.review.doubts import find_doubts
from genimg_core.review.page import review_page
from genimg_core.review.tables import as_csv
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


def doubt_labels(place, **likely: tuple[str, str, float, float]) -> None:
    """As the label stage writes them: path => given, suggested, confidence, probability that the given one is right."""
    clean = read_table(place / "data/datasets/base/clean/clean.parquet")
    given, suggested, confidence, right = (np.array(column) for column in zip(*likely.values(), strict=True))
    order = np.argsort(right)
    places = np.array([clean.index[clean["path"] == path][0] for path in likely])[order]
    write_doubtful(clean, Doubts(places, given[order], suggested[order], confidence[order], right[order]),
                   place / "data/datasets/base/labels/doubtful.parquet")


def test_labels_that_are_likely_wrong_come_first_the_surest_before(place):
    doubt_labels(place, **{"good/00.png": ("rose", EVIL_LABEL, 0.7, 0.3), "good/01.png": ("-tulip", "rose", 0.9, 0.02)})
    review, sections = found()
    assert next(iter(sections)) == "label_error"
    first, second = sections["label_error"].images
    assert (first.path, first.label, first.guess, first.confidence) == ("good/01.png", "-tulip", "rose", 0.02)
    assert first.note == "came as -tulip, which is right with a probability of 0.02; it looks like rose (0.90)"
    assert second.path == "good/00.png" and second.guess == EVIL_LABEL
    rows = list(csv.DictReader(as_csv(review).splitlines()))
    assert [(row["path"], row["doubt"], row["label"], row["label_confidence"]) for row in rows[:2]] == [
        ("good/01.png", "label_error", "'-tulip", "0.0200"), ("good/00.png", "label_error", "rose", "0.3000")]
    page = review_page(review, {})
    assert EVIL_LABEL not in page and 'data-right="rose">It is rose</button>' in page
    with changing("base") as decisions:
        decisions.name(image_id("good/01.png"), DecidedLabel("rose"))
        decisions.forget(image_id("good/00.png"), "case 17")
    assert "label_error" not in found()[1]
    assert [image.path for image in found(again=True)[1]["label_error"].images] == ["good/01.png"]
    assert image_id("good/00.png") not in review_page(found(again=True)[0], {}), "not even before the next run"


def test_a_table_of_label_errors_that_cannot_be_read_is_told(place):
    (place / "data/datasets/base/labels/doubtful.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptFileError, match=r"doubtful\.parquet"):
        found()


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
