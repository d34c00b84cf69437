"""Each rule finds its defect, spares what is good, and the first names the reason."""

from typing import get_args

import pandas as pd
import pytest

from genimg_core.errors import ParamsError
from genimg_core.params import parse
from genimg_core.quality.defects import RULES, DefectLimits, RuleName, first_failing_rule, warnings_of

GOOD = {"row": 0, "reason": None, "width": 40, "height": 30, "contrast": 50.0, "luminance": 120.0, "frames": 1,
        "damage": None, "sharpness": 500.0, "format": "jpeg", "extension": "jpg"}


def table(*changes: dict) -> pd.DataFrame:
    return pd.DataFrame([GOOD | change for change in changes])


@pytest.mark.parametrize(
    ("change", "limits", "expected"),
    [
        ({}, {}, None),
        ({"row": -1, "reason": "truncated"}, {}, "truncated"),
        ({"row": -1, "reason": None}, {}, "unreadable"),
        ({"damage": "Corrupt JPEG data: bad Huffman code", "width": 7}, {}, "bit_rotten"),
        ({"width": 7}, {}, "too_small"),
        ({"height": 8}, {}, None),
        ({"height": 8}, {"min_side_px": 9}, "too_small"),
        ({"width": 241, "height": 30}, {}, "odd_shape"),
        ({"width": 240, "height": 30}, {}, None),
        ({"width": 30, "height": 241}, {}, "odd_shape"),
        ({"contrast": 1.9}, {}, "flat"),
        ({"contrast": 2.0}, {}, None),
        ({"luminance": 0.0}, {}, None),
        ({"luminance": 9.0}, {"min_luminance": 10}, "too_dark"),
        ({"luminance": 255.0}, {}, None),
        ({"luminance": 251.0}, {"max_luminance": 250}, "too_bright"),
        ({"frames": 2}, {}, None),
        ({"frames": 2}, {"allow_animated": False}, "animated"),
        ({"width": 7, "contrast": 0.0}, {}, "too_small"),
    ],
)
def test_rules(change, limits, expected):
    assert first_failing_rule(table(change, {}), DefectLimits(**limits)).tolist() == [expected, None]


@pytest.mark.parametrize(
    ("change", "limits", "expected"),
    [
        ({}, {}, None),
        ({"sharpness": 24.9}, {}, "blurred"),
        ({"sharpness": 24.9}, {"min_sharpness": 20}, None),
        ({"luminance": 7.9}, {}, "dark"),
        ({"luminance": 8.0}, {}, None),
        ({"luminance": 247.1, "sharpness": 0.0}, {}, "bright,blurred"),
        ({"luminance": 247.0}, {}, None),
        ({"luminance": 7.9}, {"dark_luminance": 0}, None),
        ({"sharpness": 24.9}, {"severity": {"blurred": "off"}}, None),
        ({"extension": "png"}, {}, "wrong_extension"),
        ({"extension": "png", "sharpness": 0.0}, {}, "blurred,wrong_extension"),
        ({"extension": "png", "row": -1, "reason": "truncated"}, {}, None),
        ({"width": 7}, {}, None),
        ({"width": 7}, {"severity": {"too_small": "warn"}}, "too_small"),
        ({"extension": "png"}, {"severity": {"wrong_extension": "reject"}}, None),
    ],
)
def test_warnings(change, limits, expected):
    assert warnings_of(table(change, {}), DefectLimits(**limits)).tolist() == [expected, None]


def test_severity_is_a_matter_of_params():
    odd = table({"extension": "png", "sharpness": 0.0}, {"width": 7}, {"damage": "bad Huffman code"})
    assert first_failing_rule(odd, DefectLimits()).tolist() == [None, "too_small", "bit_rotten"]
    changed = DefectLimits(severity={"wrong_extension": "reject", "too_small": "off", "bit_rotten": "warn"})
    assert first_failing_rule(odd, changed).tolist() == ["wrong_extension", None, None]
    assert warnings_of(odd, changed).tolist() == ["blurred", None, "bit_rotten"]


@pytest.mark.parametrize(("kind", "extension", "wrong"), [
    ("jpeg", "jpeg", False), ("mpo", "jpg", False), ("jpeg", "JPG".lower(), False), ("tiff", "tif", False),
    ("png", "jpg", True), ("webp", "png", True), ("gif", "", False), ("png", "dat", False), ("xvthumb", "png", False),
    (None, "png", False)])
def test_a_name_that_says_another_format_is_wrong(kind, extension, wrong):
    told = warnings_of(table({"format": kind, "extension": extension}), DefectLimits())
    assert (told.tolist() == ["wrong_extension"]) == wrong


def test_every_rule_is_explained_held_to_a_limit_and_open_to_choice():
    assert all(rule.hits.__doc__ for rule in RULES)
    assert {rule.limit for rule in RULES if rule.limit} == set(DefectLimits.model_fields) - {"severity"}
    assert [rule.name for rule in RULES if rule.name != "unreadable"] == list(get_args(RuleName))


@pytest.mark.parametrize("severity", [{"unreadable": "warn"}, {"blured": "warn"}, {"blurred": "loud"}])
def test_what_no_rule_or_severity_is_called_is_refused(severity):
    with pytest.raises(ParamsError, match="severity"):
        parse(DefectLimits, {"severity": severity}, "datasets.base.clean")


def test_an_empty_table():
    assert first_failing_rule(table({}).iloc[:0], DefectLimits()).empty
