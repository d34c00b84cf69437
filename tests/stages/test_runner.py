"""A stage's outputs appear whole or not at all; a gate leaves its report; a resume key is inputs, params and code."""

import json
import sys

import pytest

from genimg_core.errors import GateFailedError, ParamsError, SourceError
from genimg_core.params import Section
from genimg_core.stages import runner
from genimg_core.stages.contract import Check, Stage, StageReport
from genimg_core.training.companions import place_here


def stage_of(function, **changes):
    settings = {
        "name": "clean",
        "summary": "",
        "inputs": ("raw",),
        "outputs": ("clean", "list_file"),
        "params": {"size": ("image.size", int)},
        "run": function,
    } | changes
    return Stage(**settings)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("image: {size: 3}\n")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a").write_text("one")
    paths = {"raw": tmp_path / "raw", "clean": tmp_path / "out" / "clean", "list_file": tmp_path / "out" / "list.json"}
    return tmp_path, paths


def good(*, raw, clean, list_file, report, size, name):
    (clean / "b").write_text((raw / "a").read_text() * size)
    list_file.write_text("[]")
    return StageReport(facts={"kept": 1}, metrics={"kept": 1})


def run(stage, place, name="base"):
    root, paths = place
    return runner.run_stage(stage, name, paths, root / "reports" / "clean-base", root / "metrics" / "clean-base.json")


def test_outputs_report_and_metrics_are_put_in_place(place):
    run(stage_of(good), place)
    root, paths = place
    assert (paths["clean"] / "b").read_text() == "oneoneone" and paths["list_file"].read_text() == "[]"
    assert json.loads((root / "reports/clean-base/report.json").read_text()) == {
        "stage": "clean",
        "name": "base",
        "kept": 1,
        "metrics": {"kept": 1},
        "checks": [],
        "pictures": [],
    }
    assert json.loads((root / "metrics/clean-base.json").read_text()) == {"kept": 1}
    assert not (root / ".genimg/partial/clean-base").exists()


def test_what_a_run_counted_stands_in_no_output(place, monkeypatch):
    monkeypatch.delenv("GENIMG_RUN", raising=False)
    root, _ = place

    def counting(**given):
        return StageReport(metrics=good(**given).metrics, work={"decoded": 3})

    run(stage_of(counting), place)
    assert json.loads((root / ".genimg/work.jsonl").read_text()) == {"stage": "clean-base", "run": "", "decoded": 3}
    told = [path.read_text() for folder in ("out", "reports", "metrics") for path in (root / folder).rglob("*.json")]
    assert len(told) == 3 and not any("decoded" in text for text in told)


def test_a_failure_leaves_the_earlier_outputs(place):
    run(stage_of(good), place)

    def bad(*, clean, **_):
        (clean / "half").write_text("…")
        raise SourceError("it broke", "mend it")

    with pytest.raises(SourceError):
        run(stage_of(bad), place)
    assert [p.name for p in place[1]["clean"].iterdir()] == ["b"]


def test_a_failed_gate_keeps_its_report_apart(place):
    def gated(**arguments):
        done = good(**arguments)
        return StageReport(
            facts=done.facts,
            checks=(
                Check("enough", False, 3, 10, "at least 10 images"),
                Check("warm", False, 1, 2, "a warning", blocking=False),
            ),
        )

    with pytest.raises(GateFailedError) as caught:
        run(stage_of(gated), place)
    assert caught.value.exit_code == 3
    assert "at least 10 images: observed 3, threshold 10" in str(caught.value) and "a warning" not in str(caught.value)
    gate = json.loads((place[0] / ".genimg/gates/clean-base/report.json").read_text())
    assert [check["name"] for check in gate["checks"]] == ["enough", "warm"]
    assert not place[1]["clean"].exists()
    run(stage_of(good), place)
    assert not (place[0] / ".genimg/gates/clean-base").exists()


def test_a_missing_input_names_the_way(place):
    (place[1]["raw"] / "a").unlink()
    place[1]["raw"].rmdir()
    with pytest.raises(SourceError, match="genimg run clean@base"):
        run(stage_of(good), place)


def test_a_name_that_leaves_the_workspace_is_refused(place):
    with pytest.raises(ParamsError):
        run(stage_of(good), place, name="../base")


def test_the_resume_folder_is_seen_by_equal_work_only(place):
    seen = []

    def interrupted(*, resume, raw, **_):
        seen.append((resume.name, sorted(p.name for p in resume.iterdir())))
        (resume / "state").write_text("half way")
        raise KeyboardInterrupt

    stage = stage_of(interrupted, resumable=True)
    for edit in (None, None, "params", "input"):
        if edit == "params":
            (place[0] / "params.yaml").write_text("image: {size: 4}\n")
        if edit == "input":
            (place[1]["raw"] / "a").write_text("two")
        with pytest.raises(KeyboardInterrupt):
            run(stage, place)
    names, contents = zip(*seen, strict=True)
    assert names[0] == names[1] and len(set(names)) == 3
    assert contents == ([], ["state"], [], [])


def test_success_deletes_the_resume_state(place):
    def done(*, resume, **arguments):
        (resume / "state").write_text("")
        return good(**arguments)

    run(stage_of(done, resumable=True), place)
    assert not (place[0] / ".genimg/resume/clean-base").exists()


class Shared(Section):
    """Params of a stage that works in several processes."""

    processes: int = 2


def test_a_companion_helps_and_puts_nothing_in_place(place, monkeypatch):
    root, _ = place
    (root / "params.yaml").write_text("image: {size: 3}\nshared: {}\n")
    for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"), "1212", strict=True):
        monkeypatch.setenv(name, value)
    drafts = []

    def helping(*, params, clean, **others):
        drafts.append(clean)
        return good(clean=clean, **others)

    stage = stage_of(helping, params={"size": ("image.size", int), "params": ("shared", Shared)}, shared=True)
    run(stage, place)
    assert [draft.relative_to(".genimg/partial").parts[0] for draft in drafts] == ["clean-base.1"]
    assert not (root / "out").exists() and not (root / "reports").exists() and not (root / "metrics").exists()
    assert not [*(root / ".genimg/partial").iterdir()] and not (root / ".genimg/timings.jsonl").exists()


def test_the_first_of_several_writes_and_clears_what_a_killed_companion_left(place, monkeypatch):
    root, paths = place
    (root / "params.yaml").write_text("image: {size: 3}\nshared: {}\n")
    (root / ".genimg/partial/clean-base.1").mkdir(parents=True)
    seen = []
    monkeypatch.setattr(runner, "_command", lambda *given: [sys.executable, "-c", "import time; time.sleep(600)"])

    def leading(*, params, **others):
        seen.append(place_here())
        return good(**others)

    run(stage_of(leading, params={"size": ("image.size", int), "params": ("shared", Shared)}, shared=True), place)
    assert seen == [(0, 2, 0, 2)] and (paths["clean"] / "b").read_text() == "oneoneone"
    assert not [*(root / ".genimg/partial").iterdir()]


def test_a_stage_that_is_not_shared_starts_nothing_whatever_its_params_say(place, monkeypatch):
    root, _ = place
    (root / "params.yaml").write_text("image: {size: 3}\nshared: {}\n")
    monkeypatch.setattr(runner, "_command", lambda *given: ["there is no such program"])

    def alone(*, params, **others):
        assert place_here().count == 1
        return good(**others)

    run(stage_of(alone, params={"size": ("image.size", int), "params": ("shared", Shared)}), place)


def test_a_companions_command_is_the_stages_own(place):
    root, paths = place
    command = runner._command(stage_of(good), "base", paths, root / "r", None)
    assert command[1:] == ["-m", "genimg_core.cli", "clean", "base", "--raw", str(paths["raw"]), "--clean",
                           str(paths["clean"]), "--list_file", str(paths["list_file"]), "--report", str(root / "r")]
