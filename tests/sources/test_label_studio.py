"""Labels from Label Studio's export: which file a task means, which choice counts, which task is wrong."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.label_studio import LabelStudioLabels, as_uploaded, path_in, read_label_studio
from tests.sources.label_files import annotation, fill, scan, task, told, write

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
REGIONS = st.fixed_dictionaries({}, optional={"type": st.just("choices") | VALUES, "from_name": VALUES,
                                              "value": VALUES | st.fixed_dictionaries({"choices": VALUES})})
ANNOTATIONS = st.fixed_dictionaries({}, optional={"result": st.lists(REGIONS | VALUES, max_size=2) | VALUES,
                                                  "was_cancelled": VALUES, "ground_truth": VALUES})
TASKS = st.fixed_dictionaries({}, optional={
    "id": VALUES, "data": st.fixed_dictionaries({"image": st.sampled_from(["a.png", "http://[", "%"]) | VALUES}),
    "annotations": st.lists(ANNOTATIONS | VALUES, max_size=2) | VALUES})


def test_uploaded_files_are_found_by_their_names_with_and_without_the_prefix(tmp_path):
    root = fill(tmp_path / "images", "a.png", "sub/my photo (1).png", "0123abcd-c.png", "c.png")
    export = write(tmp_path / "export.json", [
        task("/data/upload/1/1a2b3c4d-a.png", "cat", file_upload="1a2b3c4d-a.png"),
        task("/data/upload/1/ffffffff-my_photo_1.png", "dog"),
        task("/data/upload/1/0123abcd-c.png", "owl"),
        task("/data/upload/1/99999999-c.png", "hen")])
    assert told(scan(root, {"label_studio": export})) == {
        "a.png": "cat", "sub/my photo (1).png": "dog", "0123abcd-c.png": "owl", "c.png": "hen"}


@pytest.mark.parametrize("form", ["{}", "/data/local-files/?d=pictures/2024/{}", "s3://bucket/pictures/2024/{}",
                                  "https://example.org/pictures/2024/{}?signed=1"])
def test_paths_count_from_the_folder_under_which_most_are_found(tmp_path, form):
    root = fill(tmp_path / "images", "train/x.png", "train/a b.png", "y.png")
    names = ["train/x.png", "train/a%20b.png" if form != "{}" else "train/a b.png", "y.png", "other/x.png"]
    export = write(tmp_path / "export.json", [task(form.format(name), f"l{n}") for n, name in enumerate(names)])
    files = scan(root, {"label_studio": export})
    assert told(files) == {"train/x.png": "l0", "train/a b.png": "l1", "y.png": "l2", "other/x.png": "l3"}
    assert files["other/x.png"].reason == "missing_file"


def test_the_same_name_in_another_folder_is_another_file(tmp_path):
    root = fill(tmp_path / "train", "x.png", "y.png")
    export = write(tmp_path / "export.json", [
        task("s3://b/train/x.png", "cat"), task("s3://b/train/y.png", "cat"), task("s3://b/val/x.png", "dog")])
    files = scan(root, {"label_studio": export})
    assert told(files) == {"x.png": "cat", "y.png": "cat", "b/val/x.png": "dog"}


@pytest.mark.parametrize(
    ("annotations", "label"),
    [
        ([], None),
        ([annotation("cat")], "cat"),
        ([annotation("cat", was_cancelled=True)], None),
        ([annotation("cat"), annotation("dog"), annotation("dog")], "dog"),
        ([annotation("cat"), annotation("dog")], None),
        ([annotation("dog"), annotation("dog"), annotation("cat", ground_truth=True)], "cat"),
        ([annotation()], None),
        ([annotation(" cat ")], "cat"),
        ([{"result": [{"type": "rectanglelabels", "value": {"rectanglelabels": ["dog"]}}]}, annotation("cat")], "cat"),
    ],
)
def test_which_choice_counts(tmp_path, annotations, label):
    root = fill(tmp_path / "images", "a.png", "b.png")
    other = {"id": 2, "data": {"image": "b.png"}, "annotations": [annotation("cat")], "predictions": [
        annotation("dog")]}
    export = write(tmp_path / "export.json", [{**task("a.png"), "annotations": annotations}, other])
    assert told(scan(root, {"label_studio": export})) == {"a.png": label, "b.png": "cat"}


def test_one_of_several_tags_is_chosen_by_name(tmp_path):
    root = fill(tmp_path / "images", "a.png")
    both = annotation("cat")
    both["result"] += annotation("sharp", "bright", tag="quality")["result"]
    export = write(tmp_path / "export.json", [{**task("a.png"), "annotations": [both]}])
    assert told(scan(root, {"label_studio": export, "choices": "class"})) == {"a.png": "cat"}
    with pytest.raises(SourceError, match=r"task 1 .*several Choices tags \(class, quality\)\n.*labels.choices"):
        scan(root, {"label_studio": export})
    with pytest.raises(SourceError, match=r"no choices named 'clas'\n.*did you mean 'class'"):
        scan(root, {"label_studio": export, "choices": "clas"})
    with pytest.raises(SourceError, match=r"task 1 .*2 choices at once: bright, sharp"):
        scan(root, {"label_studio": export, "choices": "quality"})


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([task("a.png", "x"), {"id": 17, "image": "a.png", "choice": "x"}],
         r"task 2 .*\(id 17\) has no `data`.*JSON-MIN"),
        ([{"id": 3, "data": {"img": "a.png"}}], r"task 1 .*\(id 3\) has no image under 'image'\n.*did you mean 'img'"),
        ([task("")], "task 1 .*names no image"),
        ([{**task("a.png"), "data": {"image": ["a.png"]}}], "task 1 .*the image is a list"),
        ([{**task("a.png"), "annotations": [annotation("x", "y")]}], "task 1 .*2 choices at once: x, y"),
        ([{**task("a.png"), "annotations": {}}], "task 1 .*`annotations` is no list"),
        ([task("a.png", "x"), task("a.png", "y")], "twice.*tasks 1 and 2"),
        ([task("a.png")], "holds no choice"),
        ([task("/data/upload/1/1a2b3c4d-twin.png", "x")], r"'twin.png', and the source holds several: one/twin.png"),
        ([task(f"{n}.png", "x") for n in range(3)], "3 of the 3 files"),
        ([], "no list of tasks"),
        ({"a.png": "x"}, "no list of tasks"),
    ],
)
def test_a_task_that_is_wrong_is_named(tmp_path, tree, message):
    root = fill(tmp_path / "images", "a.png", "one/twin.png", "two/twin.png")
    with pytest.raises(SourceError, match=f"(?s){message}") as caught:
        scan(root, {"label_studio": write(tmp_path / "export.json", tree)})
    assert "remedy" in str(caught.value)


@pytest.mark.parametrize(("data", "message"), [
    (b"[\n\n{]", "line 3"), (b"\xff", "not UTF-8"), (b"[" * 100_000, "too deeply"), (b"", "no JSON")])
def test_an_export_that_is_no_json(tmp_path, data, message):
    (tmp_path / "export.json").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        read_label_studio(LabelStudioLabels(label_studio=str(tmp_path / "export.json")), ["a.png"])


def test_names_as_label_studio_writes_them():
    assert as_uploaded(" my photo (1)é.png") == "my_photo_1é.png"
    assert path_in("/data/local-files/?d=a%20b/c.png") == "a b/c.png"
    assert path_in("gs://bucket/c%20d.png") == "bucket/c d.png"
    assert path_in("a%20b.png") == "a%20b.png", "a bare path is no address"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.lists(TASKS | VALUES, max_size=3).map(lambda tree: json.dumps(tree).encode()))
def test_whatever_the_bytes_are_there_are_labels_or_a_source_error(tmp_path, data):
    (tmp_path / "export.json").write_bytes(data)
    labels = LabelStudioLabels(label_studio=str(tmp_path / "export.json"))
    try:
        found = read_label_studio(labels, ["a.png", "b/a.png"])
    except SourceError as error:
        assert error.cause and error.remedy
        return
    assert any(described.label for described in found.values())
    for path, described in found.items():
        assert path and path.encode("utf8")
        assert described.label is None or described.label.strip().encode("utf8")
