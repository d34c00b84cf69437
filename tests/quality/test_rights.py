"""Licences and attributions: counted, each image once, whatever the source's table holds."""

from __future__ import annotations

import csv
import json

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.quality.rights import FILE, LISTED, LONGEST, rights_of
from genimg_core.safe_cells import plain_cell
from tests.stages.test_normalize import labelled, run

TEXTS = st.none() | st.text(max_size=30) | st.dictionaries(
    st.sampled_from(["licence", "License ", "author", "Attribution", "url", "x"]),
    st.none() | st.text(max_size=12) | st.integers() | st.lists(st.integers(), max_size=2), max_size=4).map(json.dumps)


@given(st.lists(TEXTS, max_size=30))
def test_every_image_counts_once(extra):
    rights = rights_of(extra)
    if rights is None:
        return
    facts = rights.facts()
    assert facts["images"] == len(extra) == facts["without_licence"] + sum(facts["licences"].values())
    assert sum(count for *_, count in rights.sorted()) == len(extra)
    json.dumps(facts, allow_nan=False)


def test_the_names_that_people_give_to_such_columns():
    extra = [json.dumps(row) for row in ({"License": "CC0", "Author": "Ann"}, {"licence": " CC0\n", "credit": ""},
                                         {"RIGHTS": "mine", "licence-url": "u"}, {"url": "u"})]
    rights = rights_of([*extra, None, "no JSON", float("nan")])
    assert rights.facts() == {
        "images": 7, "without_licence": 4, "licences": {"CC0": 2, "mine": 1}, "without_attribution": 6,
        "attributions": 1, "attributed": [["CC0", "Ann", 1]]}


def test_a_source_that_says_nothing_of_rights_has_none():
    assert rights_of([None, '{"url": "u"}', '{"licence": ""}']) is None


def test_the_file_has_all_and_no_formula(tmp_path):
    rights = rights_of([json.dumps({"licence": "=cmd()", "author": f"{n:04}"}) for n in range(LISTED + 5)])
    rights.write(tmp_path)
    rows = list(csv.reader((tmp_path / FILE).read_text(encoding="utf8").splitlines()))
    assert len(rows) == LISTED + 6 and rows[1][0] == "'=cmd()" and plain_cell(rows[1][0]) == "=cmd()"
    assert len(rights.facts()["attributed"]) == LISTED and rights.facts()["attributions"] == LISTED + 5


def test_a_long_text_is_cut():
    assert len(next(iter(rights_of([json.dumps({"licence": "x" * 9999})]).facts()["licences"]))) == LONGEST


def test_normalize_counts_the_training_images_alone(tmp_path):
    rows = labelled(60)
    rows.loc[[0, 1], ["status", "reason"]] = ["rejected", "flat"]
    extra = pd.Series([json.dumps({"licence": "CC0" if n % 2 else "CC-BY", "author": "Ann"}) for n in range(60)])
    told = run(tmp_path, rows, extra=extra)
    rights = told.facts["rights"]
    assert rights["images"] == told.facts["splits"]["train"] == sum(rights["licences"].values()) < 58
    assert (tmp_path / "r" / FILE).is_file()


def test_without_such_columns_nothing_is_told(tmp_path):
    assert "rights" not in run(tmp_path, labelled(60)).facts and not (tmp_path / "r" / FILE).exists()
