"""Decided labels win, reach the kept copy, and teach the machine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genimg_core.decisions.files import DecidedLabel, Verdict, text_of
from genimg_core.labels.by_hand import DECIDED, with_decided_labels
from genimg_core.stages.label import LabelParams, label
from genimg_core.store.manifest import read_table
from tests.letters import draw_letters
from tests.stages.test_label import place, write_clean

__all__ = ["place"]  # a fixture

IDS = [f"{i:064x}" for i in range(5)]


def table() -> pd.DataFrame:
    return pd.DataFrame({"image_id": IDS, "path": list("abcde"), "label": ["x", "x", None, None, "y"],
                         "status": ["kept", "rejected", "kept", "kept", "kept"],
                         "duplicate_of": [None, "a", None, None, None], "row": range(5)})


def test_no_decision_gives_the_very_table():
    given = table()
    found, decided = with_decided_labels(given, {})
    assert found is given and not decided.any()


def test_own_decisions_win_and_those_about_a_rejected_copy_reach_the_kept_one():
    found, decided = with_decided_labels(table(), {IDS[1]: DecidedLabel("z"), IDS[2]: DecidedLabel("q"),
                                                   "f" * 64: DecidedLabel("not here")})
    assert found["label"].fillna("-").tolist() == ["z", "x", "q", "-", "y"]
    assert decided.tolist() == [True, False, True, False, False]
    found, _ = with_decided_labels(table(), {IDS[0]: DecidedLabel("own"), IDS[1]: DecidedLabel("z")})
    assert found["label"].tolist()[:2] == ["own", "x"]


def run(place, labels, verdicts=None, **params):
    (place / "labels.jsonl").write_text(text_of(labels, "labels"))
    (place / "verdicts.jsonl").write_text(text_of(verdicts or {}, "verdicts"))
    report = label(profile=place / "profile", clean=place / "clean", labels=place / "labels", report=place / "report",
                   name="base", seed=0, threads=1, params=LabelParams(**{"seen_images": 640, **params}),
                   verdicts=place / "verdicts.jsonl", decided=place / "labels.jsonl")
    return report, read_table(place / "labels/labels.parquet")


def test_the_stage_says_who_decided_and_counts_it(place):
    images, truth = draw_letters("AB", 40, 1, size=8)
    clean = write_clean(place, images, ["AB"[k] for k in truth])
    before, _ = run(place, {})
    assert "decided" not in before.metrics and set(next(iter(before.facts["classes"].values()))) == {
        "given", "predicted", "none"}
    report, found = run(place, {clean["image_id"][0]: DecidedLabel("C")})
    assert found.loc[0, ["label", "label_source", "label_confidence"]].tolist() == ["C", DECIDED, 1.0]
    assert report.metrics["decided"] == 1 and report.metrics["given"] == 39
    assert report.facts["classes"]["C"] == {"given": 0, "predicted": 0, "none": 0, "decided": 1}
    assert not report.failed


def test_a_few_decided_labels_teach_where_there_were_none(place):
    images, truth = draw_letters("AK", 200, 1, size=16)
    clean = write_clean(place, images, [None] * 200)
    decided = {clean["image_id"][i]: DecidedLabel("AK"[truth[i]]) for i in range(80)}
    _, found = run(place, decided, seen_images=4000)
    rest = found[80:][found[80:]["status"] == "kept"]
    assert (rest["label_source"] == "predicted").all() and len(rest) > 80
    assert (rest["label"].to_numpy() == np.array(list("AK"))[truth[rest.index]]).mean() > 0.9


def test_an_uncertain_image_that_a_person_keeps_stays_with_its_guess(place):
    images, truth = draw_letters("AB", 60, 1, size=8)
    images[:6] = np.random.default_rng(0).integers(0, 256, images[:6].shape)
    clean = write_clean(place, images, [None if i < 6 else "AB"[k] for i, k in enumerate(truth)])
    _, found = run(place, {clean["image_id"][1]: DecidedLabel("B")}, {clean["image_id"][0]: Verdict("keep")},
                   seen_images=64, min_confidence=0.999)
    assert found.loc[0, ["status", "label_source"]].tolist() == ["kept", "predicted"]
    assert found.loc[1, ["status", "label", "label_source"]].tolist() == ["kept", "B", DECIDED]
    assert (found.loc[2:5, "reason"] == "label_uncertain").all()
