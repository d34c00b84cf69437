"""Files that come back: three kinds are read; anything else is one clear error that names the place."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import DecisionsError
from genimg_core.review.answers import Answer, read_answers

A, B = "a" * 64, "b" * 64
LOOSE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def read(path, content: str | bytes, dataset: str = "base"):
    path = path / "answers"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_answers(path, dataset)


def page(*decisions, **head):
    return json.dumps({"genimg_review": 1, "dataset": "base", "decisions": list(decisions)} | head)


def task(image, *results, **annotation):
    made = [{"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
            for name, value in results]
    return {"id": 7, "data": {"image": "data:", "image_id": image, "dataset": "base"},
            "annotations": [{"result": made, "updated_at": "2026-01-01T00:00:00Z", **annotation}]}


def test_the_page_s_json(tmp_path):
    text = page({"image_id": A, "decision": "reject", "label": "", "why": " a weed "},
                {"image_id": B, "decision": "", "label": "rose"}, {"image_id": B, "decision": "", "label": ""})
    assert read(tmp_path, text) == [Answer("decision 1", A, "reject", "", "a weed"),
                                    Answer("decision 2", B, "", "rose", "")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_as_spreadsheets_save_it(tmp_path, delimiter):
    lines = ["image_id,decision,new_label,why,path", f"{A},Keep,'-tulip,\"two\",'=cmd()", ",,,,", f"{B},,,,x", "",
             f"{B},reject,,,y"]
    text = "\ufeff" + "\r\n".join(line.replace(",", delimiter) for line in lines) + "\r\n"
    assert read(tmp_path, text) == [Answer("line 2", A, "keep", "-tulip", "two"), Answer("line 6", B, "reject", "", "")]


def test_label_studio_json_the_newest_annotation_counts(tmp_path):
    older, newer = task(A, ("decision", "keep")), task(A, ("decision", "reject"), ("new_label", "rose"))
    newer["annotations"][0]["updated_at"] = "2026-02-01T00:00:00Z"
    newer["annotations"] += older["annotations"]
    newer["annotations"].append({"was_cancelled": True, "updated_at": "2026-03-01T00:00:00Z", "result": []})
    why = {"from_name": "why", "type": "textarea", "value": {"text": ["a weed"]}}
    newer["annotations"][0]["result"].append(why)
    assert read(tmp_path, json.dumps([newer, task(B)])) == [Answer("task 1", A, "reject", "rose", "a weed")]


def test_undo_alone_and_before_another(tmp_path):
    text = page({"image_id": A, "decision": "undo"}, {"image_id": B, "decision": "undo keep"})
    assert [(one.undo, one.decision) for one in read(tmp_path, text)] == [(True, ""), (True, "keep")]


def test_label_studio_json_min(tmp_path):
    text = json.dumps([{"image_id": A, "dataset": "base", "decision": "keep", "new_label": {"choices": ["rose"]}},
                       {"image_id": B, "image": "data:"}])
    assert read(tmp_path, text) == [Answer("task 1", A, "keep", "rose", "")]


@pytest.mark.parametrize(("content", "told"), [
    (b"\xff\xfe\x00", "not UTF-8"),
    ("", "no column image_id, decision"),
    ("a,b\n1,2\n", "no column image_id, decision"),
    (f"image_id,decision\n{A},keep\n{A},maybe\n", "line 3: the decision 'maybe'"),
    (f"image_id,decision\n{A},forget\n", "`genimg forget` does that"),
    (f"image_id,decision\n{A}\n", "line 2: has 1 cells"),
    (f'image_id,decision\n{A},"keep\n', "is no row of a CSV"),
    (f"image_id,decision,why\n{A},keep,\"two\nlines\"\n", "line breaks"),
    ("{", "not valid JSON"),
    ("[" * 200_000, "nested too deeply"),
    ("{}", "none of the review page's"),
    (f"image_id,decision\n{A},undo later\n", "line 2: the decision 'later'"),
    (page(3), "decision 1: is no JSON object"),
    (page({"decision": "keep"}), "'image_id' is missing"),
    (page({"image_id": A, "decision": 1}), "'decision' is no text"),
    (page({"image_id": A, "label": "x" * 201}), "201 characters"),
    (page({"image_id": A, "label": "\ud800"}), "control characters"),
    (page(dataset="target"), "about the data set 'target', not base"),
    ("[3]", "task 1: is no JSON object"),
    (json.dumps([{"data": 3}]), "task 1: has no data"),
    (json.dumps([task(A, ("decision", "keep")) | {"annotations": [1]}]), "no list of objects"),
    (json.dumps([task(A) | {"annotations": [{"result": 1}]}]), "a result that is no list"),
    (json.dumps([task(A) | {"annotations": [{"result": [1]}]}]), "a result without a value"),
    (json.dumps([{"image_id": A, "decision": ["keep", "reject"]}]), "chooses 2"),
    (json.dumps([{"image_id": A, "decision": 4}]), "a choice that is no text"),
])
def test_what_is_wrong_is_named(tmp_path, content, told):
    with pytest.raises(DecisionsError) as caught:
        read(tmp_path, content)
    assert told in str(caught.value) and "remedy" in str(caught.value)


def test_a_file_that_is_not_there_or_too_large(tmp_path, monkeypatch):
    with pytest.raises(DecisionsError, match="cannot be read"):
        read_answers(tmp_path / "no", "base")
    monkeypatch.setattr("genimg_core.review.answers.LARGEST_FILE", 3)
    with pytest.raises(DecisionsError, match="larger than"):
        read(tmp_path, "four")


def only_clear(path, content):
    try:
        answers = read(path, content)
    except DecisionsError as error:
        assert error.cause and error.remedy
        str(error).encode("utf8", "backslashreplace")
    else:
        assert all(isinstance(one, Answer) and (one.decision or one.label or one.undo) for one in answers)


json_values = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["data", "annotations", "result", "value", "choices", "text", "image_id", "decision", "label", "new_label",
         "why", "from_name", "updated_at", "was_cancelled", "genimg_review", "decisions", "dataset"]), inner,
        max_size=6)), max_leaves=30)


@LOOSE
@given(st.binary(max_size=400))
def test_any_bytes(tmp_path, content):
    only_clear(tmp_path, content)


@LOOSE
@given(json_values)
def test_any_json(tmp_path, tree):
    only_clear(tmp_path, json.dumps([tree]))
    only_clear(tmp_path, json.dumps({"genimg_review": 1, "decisions": tree}))
    only_clear(tmp_path, json.dumps({"genimg_review": 1, "decisions": [tree]}))


@LOOSE
@given(st.text(alphabet='"\',;\t\n\r=ab\x00', max_size=60))
def test_any_csv(tmp_path, text):
    only_clear(tmp_path, f"image_id,decision,new_label,why\n{text}")
