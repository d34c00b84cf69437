"""Suites run through the real library; nothing is dropped, nothing passes for want of rows."""

import re
import subprocess
import sys

import pandas as pd
import pytest

from genimg_core.quality.expectations import (
    Expectation,
    checks_of,
    clean_suite,
    normalized_suite,
    raw_suite,
    run_suite,
)

FRAME = pd.DataFrame(
    {"path": ["a", "b", "c", "d"], "reason": [None, None, None, "truncated"], "width": [1.0, 2.0, 3.0, None]}
)


def one(kind: str, **settings) -> tuple[Expectation, ...]:
    return (Expectation("it", "what is expected", kind, settings),)


@pytest.mark.parametrize(
    ("expectation", "passed", "observed", "threshold"),
    [
        (one("ExpectTableRowCountToBeBetween", min_value=4), True, 4, 4),
        (one("ExpectTableRowCountToBeBetween", min_value=5), False, 4, 5),
        (one("ExpectColumnValuesToBeNull", column="reason", mostly=0.75), True, 0.25, 0.25),
        (one("ExpectColumnValuesToBeNull", column="reason", mostly=0.76), False, 0.25, 0.24),
        (one("ExpectColumnValuesToBeUnique", column="path"), True, 0, 0),
        (one("ExpectColumnValuesToBeBetween", column="width", min_value=2, max_value=3), False, 1, 0),
        (one("ExpectColumnMaxToBeBetween", column="width", min_value=1, max_value=3), True, 3.0, "1 to 3"),
    ],
)
def test_observed_and_threshold(expectation, passed, observed, threshold):
    (check,) = run_suite("try", FRAME, expectation)
    assert (check.passed, check.observed, check.threshold) == (passed, observed, threshold)


def test_a_missing_column_fails_and_is_named():
    (check,) = run_suite("try", FRAME, one("ExpectColumnValuesToBeNull", column="raeson"))
    assert not check.passed
    assert check.observed == "there is no column raeson"


def test_an_empty_frame_fails_every_expectation():
    checks = run_suite("try", FRAME.iloc[:0], raw_suite())
    assert not any(check.passed for check in checks)


def test_an_unknown_expectation_is_no_silence():
    with pytest.raises(AttributeError):
        run_suite("try", FRAME, one("ExpectColumnValuesToBeNice", column="path"))
    with pytest.raises(RuntimeError, match="two expectations of one name"):
        run_suite("try", FRAME, one("ExpectTableRowCountToBeBetween", min_value=1) * 2)


def test_equal_frames_give_equal_checks_in_the_suites_order():
    suite = clean_suite(collected=4)
    frame = FRAME.assign(
        status="kept", status_by_reason="kept", kept_path=FRAME["path"], kept_row=0.0, kept_cluster=FRAME["path"]
    )
    first = run_suite("clean", frame, suite)
    assert first == run_suite("clean", frame, suite)
    assert [check.name for check in first] == [name for name, _, _ in checks_of(suite)]
    assert all(check.passed for check in first)


def test_names_are_stable_whatever_the_bounds():
    assert checks_of(raw_suite()) == checks_of(raw_suite(min_images=7, max_unreadable_share=0.5, max_side_px=9))
    for suite in (raw_suite(), clean_suite(), normalized_suite()):
        assert all(re.fullmatch("[a-z0-9_]+", expectation.name) for expectation in suite)


def test_checks_are_known_without_great_expectations():
    code = (
        "import sys; from genimg_core.stages import clean, normalize, profile, validate; "
        "assert clean.CHECKS and validate.CHECKS and normalize.CHECKS and profile.CHECKS; "
        "assert not {'great_expectations', 'pandas', 'torch', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
