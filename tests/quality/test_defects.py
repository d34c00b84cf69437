"""Each rule finds its defect, spares what is good, and the first names the reason."""

import pandas as pd
import pytest

from genimg_core.quality.defects import RULES, DefectLimits, first_failing_rule

GOOD = {"row": 0, "reason": None, "width": 40, "height": 30, "contrast": 50.0, "luminance": 120.0, "frames": 1,
        "damage": None}


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


def test_every_rule_is_explained():
    assert all(rule.__doc__ for rule in RULES.values())


def test_an_empty_table():
    assert first_failing_rule(table({}).iloc[:0], DefectLimits()).empty
