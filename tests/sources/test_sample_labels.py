"""Labels in WebDataset fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.sources.sample_labels import BadLabelError, label_of


@pytest.mark.parametrize(
    ("data", "name", "label"),
    [
        (b"7", "cls", "7"),
        (b" cat\n", "cls", "cat"),
        (b"\xef\xbb\xbfdog", "txt", "dog"),
        (b"", "cls", None),
        (b'{"label": "cat"}', "json.label", "cat"),
        (b'{"label": 3}', "json.label", "3"),
        (b'{"label": true}', "json.label", "true"),
        (b'{"object": {"name": "cat"}}', "json.object.name", "cat"),
        (b'{"label": null}', "json.label", None),
        (b"{}", "json.label", None),
        (b'{"label": "\\ud800x"}', "json.label", "\\ud800x"),
    ],
)
def test_labels(data, name, label):
    assert label_of(data, name) == label


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"\xff", "cls", "not UTF-8"),
        (b"{", "json.label", "not JSON"),
        (b"[" * 100_000, "json.label", "not JSON"),
        (b"[1]", "json.label", "where 'label' should be is a list"),
        (b'{"label": {"a": 1}}', "json.label", "'label' is a mapping"),
        (b"a long caption " * 20, "txt", "a text of 299 characters"),
    ],
)
def test_what_is_no_label(data, name, told):
    with pytest.raises(BadLabelError, match=told):
        label_of(data, name)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ud800labe 1', max_size=60).map(str.encode))
def test_random_bytes_give_a_label_that_can_be_written_or_a_bad_label(data):
    for name in ("cls", "json.label", "json.a.b"):
        try:
            label = label_of(data, name)
        except BadLabelError:
            continue
        assert label is None or label.encode("utf8").decode("utf8").strip() == label
