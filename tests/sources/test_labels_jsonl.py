"""Labels from JSON lines: what they say, what they may leave out, and which line is wrong."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import ParamsError, SourceError
from genimg_core.sources.described import Described
from genimg_core.sources.labels_jsonl import JsonlLabels, read_jsonl
from tests.sources.label_files import fill, scan, told

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
ROWS = st.dictionaries(st.sampled_from(["file", "label", "split", "other"]), VALUES)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_labels_splits_and_what_the_lines_do_not_name(tmp_path):
    root = fill(tmp_path / "images", "a.png", "sub/b.png", "c.png", "d.png", "unnamed.png")
    lines = ['{"file": "a.png", "label": "cat", "split": "train"}', "", '{"file": "./sub//b.png", "label": " dog "}',
             '{"file": "c.png", "label": 7, "split": "test"}', '{"file": "d.png", "label": null}']
    (tmp_path / "l.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    files = scan(root, {"jsonl": str(tmp_path / "l.jsonl"), "split_key": "split"})
    assert {path: (file.label, file.split) for path, file in files.items()} == {
        "a.png": ("cat", "train"), "sub/b.png": ("dog", None), "c.png": ("7", "test"), "d.png": (None, None),
        "unnamed.png": (None, None)}


def test_keys_of_another_name_and_the_file_itself_is_no_image(tmp_path):
    fill(tmp_path, "a.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "species": true}\n')
    labels = {"jsonl": str(tmp_path / "metadata.jsonl"), "path_key": "file_name", "label_key": "species"}
    assert told(scan(tmp_path, labels)) == {"a.png": "true"}


def test_characters_that_python_takes_for_ends_of_lines_end_none(tmp_path):
    (tmp_path / "l.jsonl").write_text(json.dumps({"file": "a\u2028b\x85.png", "label": "x"}, ensure_ascii=False))
    assert read_jsonl(JsonlLabels(jsonl=str(tmp_path / "l.jsonl"))) == {"a\u2028b\x85.png": Described("x", None)}


def test_an_absent_file_is_a_row_and_mostly_absent_ones_suggest_the_folder(tmp_path):
    root = fill(tmp_path / "set", "images/a.png", "images/b.png")
    (tmp_path / "l.jsonl").write_text("".join(f'{{"file": "images/{n}.png", "label": "x"}}\n' for n in "abc"))
    gone = scan(root, {"jsonl": str(tmp_path / "l.jsonl")})["images/c.png"]
    assert (gone.reason, gone.label, gone.sha256) == ("missing_file", "x", None)
    (tmp_path / "l.jsonl").write_text('{"file": "a.png", "label": "x"}\n{"file": "b.png", "label": "y"}\n')
    with pytest.raises(SourceError, match=r"2 of the 2 files that .*l\.jsonl names.*\n.*set/images"):
        scan(root, {"jsonl": str(tmp_path / "l.jsonl")})


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ('{"file": "a.png"}\n{"file": "a.png"', {}, r"line 2 of .* is no JSON \(.*column 17\)"),
        ('\n\n["a.png", "cat"]', {}, "line 3 of .* no JSON object"),
        ('{"fil": "a.png"}', {}, r"line 1 .*no key 'file'\n.*did you mean 'fil'"),
        ('{"file": ""}', {}, "line 1 .*names no file"),
        ('{"file": ["a.png"]}', {}, "line 1 .*the path is a list"),
        ('{"file": "a.png", "label": {"x": 1}}', {}, "line 1 .*the label is an object"),
        ('{"file": "a.png", "label": 1.5}', {}, "line 1 .*the label is a fraction"),
        ('{"file": "a.png", "label": NaN}', {}, "line 1 .*NaN is no JSON"),
        ('{"file": "a.png", "label": "\\ud800"}', {}, "line 1 .*lone surrogate"),
        ('{"file": "a.png", "lable": "x"}', {}, r"no line .*key 'label'\n.*did you mean 'lable'"),
        ('{"file": "a.png", "label": "x", "s": "valid"}', {"split_key": "s"}, "line 1 .*split 'valid'"),
        ('{"file": "a.png", "label": "x"}\n{"file": "./a.png", "label": "y"}', {}, "twice.* lines 1 and 2"),
        ("[" * 100_000, {}, "line 1 .*too deeply"),
        ("1" * 5000, {}, "line 1 .*is no JSON"),
        ("\n \n", {}, "has no lines"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path, text, labels, message):
    root = fill(tmp_path / "images", "a.png")
    (tmp_path / "l.jsonl").write_text(text)
    with pytest.raises(SourceError, match=f"(?s){message}") as caught:
        scan(root, {"jsonl": str(tmp_path / "l.jsonl"), **labels})
    assert "remedy" in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    root = fill(tmp_path / "images", "a.png")
    (tmp_path / "l.jsonl").write_bytes(b'{"file": "a.png"}\n{"file": "\xe9.png"}\n')
    with pytest.raises(SourceError, match=r"line 2 of .* is not UTF-8"):
        scan(root, {"jsonl": str(tmp_path / "l.jsonl")})
    with pytest.raises(SourceError, match=r"there is no labels file.*\n.*labels.jsonl"):
        scan(root, {"jsonl": str(tmp_path / "nowhere.jsonl")})
    with pytest.raises(SourceError, match="no regular file"):
        scan(root, {"jsonl": str(root)})
    with pytest.raises(SourceError, match="cannot be read"):
        read_jsonl(JsonlLabels(jsonl="a\0b"))
    monkeypatch.setattr("genimg_core.sources.described.MAX_LABELS_BYTES", 10)
    with pytest.raises(SourceError, match="larger than"):
        scan(root, {"jsonl": str(tmp_path / "l.jsonl")})


def test_an_unknown_key_of_the_section_names_the_nearest(tmp_path):
    with pytest.raises(ParamsError, match=r"unknown key 'source.labels.lable_key'.*\n.*did you mean 'label_key'"):
        scan(tmp_path, {"jsonl": "l.jsonl", "lable_key": "x"})


@FUZZ
@given(st.binary() | st.lists(ROWS, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()))
def test_whatever_the_bytes_are_there_are_labels_or_a_source_error(tmp_path, data):
    (tmp_path / "l.jsonl").write_bytes(data)
    try:
        found = read_jsonl(JsonlLabels(jsonl=str(tmp_path / "l.jsonl"), split_key="split"))
    except SourceError as error:
        assert error.cause and error.remedy
        return
    assert found
    for path, described in found.items():
        assert path and path.encode("utf8")
        assert described.label is None or described.label.strip().encode("utf8")
        assert described.split in (None, "train", "validation", "test")


@FUZZ
@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="/."), min_size=1).map(str.strip)
                       .filter(bool), st.none() | st.text(st.characters(codec="utf-8"), min_size=1).map(str.strip)
                       .filter(bool), min_size=1))
def test_what_is_written_is_read(tmp_path, labels):
    lines = [json.dumps({"file": path, "label": label}) for path, label in labels.items()]
    (tmp_path / "l.jsonl").write_text("\n".join(lines))
    found = read_jsonl(JsonlLabels(jsonl=str(tmp_path / "l.jsonl")))
    assert {path: described.label for path, described in found.items()} == labels
