"""What Dagster calls stale is what `dvc status` lists, one sensor tick after the edit; changed back, it is fresh."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from assets.names import asset_key, settings_key, source_key
from tests.bridge.conftest import Door, StandIn


def replace_text(project: StandIn, path: str, old: str, new: str) -> None:
    file = project.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def edit_source(project: StandIn) -> None:
    (project.root / "sources/base/b.txt").write_text("one more")
    project.scan()


def decide(project: StandIn, which: str) -> None:
    (project.root / f"data/datasets/base/decisions/{which}.jsonl").write_text("a line\n")


EDITS: dict[str, tuple[Callable[[StandIn], None], set[str]]] = {
    "a stage's settings": (
        lambda p: p.set_param("datasets.base.clean", {"min_images_kept": 11}),
        {"clean@base", "report"},
    ),
    "settings of several stages": (
        lambda p: p.set_param("image.size", 20),
        {"profile@base", "normalize@base", "import@borrowed", "report"},
    ),
    "a model's settings": (lambda p: p.set_param("finetune.greek.seen_images", 64),
                           {"recipe@greek", "finetune@greek", "report"}),
    "what is tried": (lambda p: p.set_param("pretrain.latin.select", {"seeds": 2}),
                      {"select@latin", "pretrain@latin", "report"}),
    "a model from elsewhere": (lambda p: (p.root / "imports/borrowed.safetensors").write_text("others"),
                               {"import@borrowed"}),
    "a decision about the family": (lambda p: (p.root / "data/selection/latin/selected.json").write_text("spoiled"),
                                    {"select@latin", "pretrain@latin"}),
    "a stage's code": (lambda p: replace_text(p, "code/label.py", "one = 1", "one = 2"), {"label@base"}),
    "a stage's command": (
        lambda p: replace_text(p, "dvc.yaml", "standin.py validate", "standin.py  validate"),
        {"validate@base"},
    ),
    "the source": (edit_source, {"collect@base"}),
    "an image forgotten": (lambda p: decide(p, "forgotten"), {"collect@base"}),
    "an image rejected by hand": (lambda p: decide(p, "verdicts"), {"clean@base", "label@base"}),
    "an image labelled by hand": (lambda p: decide(p, "labels"), {"label@base"}),
    "an output deleted": (
        lambda p: shutil.rmtree(p.root / "data/datasets/base/clean"),
        {"clean@base", "label@base"},
    ),
    "an output edited by hand": (
        lambda p: (p.root / "data/models/latin/content").write_text("spoiled"),
        {"pretrain@latin", "recipe@greek", "finetune@greek", "generate@latin"},
    ),
    "a report edited by hand": (
        lambda p: (p.root / "data/reports/label-base/report.json").write_text("{}"),
        {"label@base", "report"},
    ),
    "a number written otherwise": (lambda p: p.set_param("seed", 0.0), set()),
}


@pytest.mark.slow
def test_dagster_shows_what_dvc_status_shows(door: Door):
    """Each edit, and then everything as it was again."""
    project = door.project
    kept = {
        path: path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and path.relative_to(project.root).parts[0] not in (".dvc", ".git", ".dagster")
    }
    for edit, (change, expected) in EDITS.items():
        door.tick()
        assert door.stale() == set(), f"before {edit}"
        change(project)
        door.tick()
        assert door.stale() == project.stale_by_dvc() == expected, edit
        assert door.tick() == [], "told once"
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
    door.tick()
    assert door.stale() == project.stale_by_dvc() == set()
    assert project.executed() == []


@pytest.mark.slow
def test_changed_back_is_fresh_and_nothing_executes(door: Door):
    project = door.project
    door.tick()
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    told = door.tick()
    assert set(told) == {settings_key("clean@base"), settings_key("report")}, "an edit tells of settings alone"
    project.set_param("datasets.base.clean", {})
    door.tick()
    assert door.stale() == project.stale_by_dvc() == set()
    result = door.materialize("clean@base", "label@base")
    assert set(door.actions(result).values()) == {"skipped"} and project.executed() == []


@pytest.mark.slow
def test_an_edit_runs_what_is_stale_and_no_more(door: Door):
    """Each step of the run leaves Dagster and DVC of one mind; what comes back from the run cache is marked so."""
    project = door.project
    door.tick()
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    door.tick()
    assert door.actions(door.materialize("clean@base")) == {"base/clean_images": "ran"}
    assert door.stale() == project.stale_by_dvc() == {"label@base", "report"}
    project.set_param("datasets.base.clean", {})
    door.tick()
    assert door.actions(door.materialize("clean@base")) == {"base/clean_images": "cached"}
    assert project.executed() == ["clean@base"]
    assert door.stale() == project.stale_by_dvc() == set()


def test_an_edit_that_no_sensor_saw_is_right_after_the_run(door: Door):
    """The run itself tells of its settings, so that its asset is not called stale, nor falsely fresh, afterwards."""
    door.tick()
    replace_text(door.project, "code/clean.py", "one = 1", "one = 2")
    assert door.actions(door.materialize("clean@base")) == {"base/clean_images": "ran"}
    assert door.stale() == door.project.stale_by_dvc() == {"label@base", "report"}
    assert door.tick() == []


def test_new_outputs_that_nobody_reads_stale_nobody(door: Door):
    """What collect says is new and its images are the same: its data version changes, and profile@base is as it was."""
    project = door.project
    door.tick()
    before = door.latest("collect@base").tags["dagster/data_version"]
    replace_text(project, "standin.py", "What [it] drew", "What it really drew")
    replace_text(project, "code/collect.py", "one = 1", "one = 1#")
    project.dvc("repro", "-s", "collect@base")
    assert project.executed() == ["collect@base"]
    told = door.tick()
    assert door.latest("collect@base").tags["dagster/data_version"] != before
    assert door.stale() == project.stale_by_dvc() == {"report"}
    assert asset_key("profile@base") in told and door.latest("profile@base").tags["dvc/action"] == "skipped"


def test_an_edit_tells_of_the_settings_that_it_touches_alone(door: Door):
    door.tick()
    told = []
    for dotted, value in (("datasets.base.profile", {"max_pixels": 5_000_000}), ("generate.latin.images", 50)):
        door.project.set_param(dotted, value)
        told.append(set(door.tick()))
    assert told == [
        {settings_key("profile@base"), settings_key("report")},
        {settings_key("generate@latin"), settings_key("report")},
    ]
    assert source_key("base") not in told[0] | told[1]


def test_a_params_file_broken_for_a_while_changes_nothing(door: Door):
    door.tick()
    good = (door.project.root / "params.yaml").read_text()
    (door.project.root / "params.yaml").write_text("datasets: [\n")
    assert door.tick() == [] and door.stale() == set()
    (door.project.root / "params.yaml").write_text(good)
    assert door.tick() == [] and door.stale() == set()
