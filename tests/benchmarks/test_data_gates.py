"""The tables of the gates' benchmark are such as the stages hand over, and a broken one is no measurement."""

import pytest

from benchmarks.data_gates import TARGET_S, measure, seconds, tables
from genimg_core.quality.expectations import raw_suite
from genimg_core.store.manifest import CLEAN_COLUMNS


def test_every_suite_is_measured_and_they_add_up():
    rows = measure(300, repeats=1)
    assert [row["target"] for row in rows] == [None, None, None, TARGET_S]
    assert rows[-1]["value"] == pytest.approx(sum(row["value"] for row in rows[:-1]), abs=0.002)
    assert all(row["value"] > 0 and row["unit"] == "s" for row in rows)


def test_the_tables_are_as_wide_as_the_stages():
    clean, suite = tables(50)["clean"]
    assert set(CLEAN_COLUMNS) - {"split", "duplicate_of"} <= set(clean.columns) and len(suite) == 7


def test_a_gate_that_fails_is_not_timed():
    frame, _ = tables(50)["raw"]
    with pytest.raises(RuntimeError, match="enough_images"):
        seconds("raw", (frame, raw_suite(min_images=51, max_unreadable_share=1, max_side_px=1000)), 1)
