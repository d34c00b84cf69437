"""A cell is measured once, again when its settings change, and an interruption loses nothing that stands."""

import json

import numpy as np
import pytest

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe, code_of, plain
from benchmarks.machine import write_results
from benchmarks.workshop import as_name, model
from genimg_core.stages.pretrain import PretrainParams
from genimg_core.store.arrays import write_normalized
from genimg_core.training.loop import Trainer


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench.for_smoke(tmp_path)


def counting(settings=None, name="a", needs=(), log=None, fail=False):
    def measure(bench):
        log.append(name)
        if fail:
            raise KeyboardInterrupt
        return {"value": len(log)}

    return Cell("trial", name, settings or {"x": 1}, measure, needs=needs)


def recipe(make, settings=None, label="thing"):
    return Recipe("test", label, settings or {"x": 1}, ("genimg_core.seeds",), make)


def test_a_cell_is_measured_once_and_again_when_asked(bench):
    log = []
    cell = counting(log=log)
    assert bench.result(cell) is None
    assert bench.measure(cell) == bench.measure(cell) == {"value": 1}
    assert bench.measure(cell, again=True) == {"value": 2}
    told = json.loads(bench.path_of(cell).read_text())
    assert told["settings"] == {"x": 1} and told["result"] == {"value": 2}
    assert {"seconds", "machine", "date", "revision", "code"} <= set(told)
    assert bench.path_of(cell) == bench.results / "cells" / "trial" / "a.json"


def test_other_settings_are_another_measurement(bench):
    log = []
    bench.measure(counting(log=log))
    assert bench.result(counting({"x": 2}, log=log)) is None
    bench.measure(counting({"x": 2}, log=log))
    assert log == ["a", "a"]
    assert bench.result(counting({"x": 1}, log=log)) is None  # one file a cell: the newest settings


def test_settings_of_what_is_needed_count_and_it_is_measured_first(bench):
    log = []

    def pair(x):
        first = counting({"x": x}, "first", log=log)
        return counting(name="second", needs=(first,), log=log)

    bench.measure(pair(1))
    assert log == ["first", "second"]
    assert bench.result(pair(1)) and bench.result(pair(2)) is None


def test_a_broken_or_foreign_file_does_not_stand(bench):
    cell = counting(log=[])
    bench.measure(cell)
    for text in ("{", "[]", json.dumps({"key": "0", "result": {}}), json.dumps({"key": cell.key})):
        bench.path_of(cell).write_text(text)
        assert bench.result(cell) is None


def test_what_fails_leaves_no_result(bench):
    with pytest.raises(KeyboardInterrupt):
        bench.measure(counting(log=[], fail=True))
    assert not list(bench.results.rglob("*"))


def test_a_recipe_is_made_once_for_its_settings_and_goes_on_where_it_was(bench):
    calls = []

    def make(bench, folder):
        calls.append(sorted(path.name for path in folder.iterdir()))
        (folder / "half").touch()
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.made(recipe(make))
    folder = bench.made(recipe(make))
    assert bench.made(recipe(make)) == folder
    assert calls == [[], ["half", "spent.json"]]
    assert json.loads((folder / "made.json").read_text())["seconds"] >= 0
    assert bench.made(recipe(make, {"x": 2})) != folder and len(calls) == 3


def test_code_names_the_folder_of_what_is_made_but_not_the_cell(bench, monkeypatch):
    one = recipe(lambda bench, folder: None)
    cell = Cell("trial", "a", {"made": one}, lambda bench: {})
    key, before = cell.key, bench.made(one)
    monkeypatch.setattr("benchmarks.cells._code", lambda module: f"{module} was edited")
    assert bench.made(one) != before and cell.key == key


def test_recipes_within_recipes_count():
    inner = [recipe(None, {"x": x}) for x in (1, 2)]
    outer = [recipe(None, {"data": one}, "outer") for one in inner]
    assert outer[0].id != outer[1].id and plain(outer[0].settings) == {"data": inner[0].id}
    assert code_of(("judge.py",)) != code_of(("planting.py",))


def test_names_for_params():
    assert as_name("greek_small-060-rate0.5-seed0") == "greek_small_060_rate0_5_seed0"


def a_model(label, tmp_path, snapshot_images):
    def make(bench, folder):
        (folder / "normalized").mkdir()
        images = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 1), np.uint8)
        parts = {"train": slice(0, 32), "validation": slice(32, 40), "test": slice(40, 48)}
        write_normalized(folder / "normalized", dataset="noise", classes=("a", "b"), background="#ffffff",
                         images={name: images[part] for name, part in parts.items()},
                         labels={name: np.arange(48)[part] % 2 for name, part in parts.items()})

    params = PretrainParams(dataset="noise", seen_images=256, batch=16, log_images=16, snapshot_images=snapshot_images,
                            flow={"width": 8})
    return model(label, "pretrain", params, Recipe("data", "noise", {}, (), make), 0, 1)


def test_an_interrupted_training_goes_on_and_ends_with_the_same_weights(tmp_path, monkeypatch, capsys):
    whole = Bench.for_smoke(tmp_path / "whole")
    weights = (whole.made(a_model("m", tmp_path, 10_000)) / "model" / "weights.safetensors").read_bytes()
    parts, step, seen = Bench.for_smoke(tmp_path / "parts"), Trainer.step, []

    def stopped(trainer):
        seen.append(trainer.seen_images)
        if trainer.seen_images >= 128:
            raise KeyboardInterrupt
        step(trainer)

    monkeypatch.setattr(Trainer, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        parts.made(a_model("m", tmp_path, 32))
    monkeypatch.setattr(Trainer, "step", step)
    capsys.readouterr()
    folder = parts.made(a_model("m", tmp_path, 32))
    assert "going on at 128 images seen" in capsys.readouterr().err
    assert (folder / "model" / "weights.safetensors").read_bytes() == weights


def test_how_often_snapshots_are_taken_is_no_other_model(tmp_path):
    assert a_model("m", tmp_path, 32).id == a_model("m", tmp_path, 64).id


def run(bench, monkeypatch, words, log, fail=()):
    monkeypatch.setattr(command.Bench, "for_smoke", classmethod(lambda cls: bench))
    cells = [counting(name=name, log=log, fail=name in fail) for name in ("a-seed0", "a-seed1", "b-seed0")]

    def claims(bench, given):
        pairs = [(cell, bench.record(cell)) for cell in cells]
        return [command.claim("that all is well", 99.12345, 98.0, "higher", "%", "nothing", pairs, 2)]

    return command.run("trial", "A trial.", lambda bench, form, given: cells if form == "full" else cells[:1], claims,
                       ["--smoke", *words])


def test_the_command_measures_what_is_asked_and_writes_the_claims(bench, monkeypatch, capsys):
    log = []
    assert run(bench, monkeypatch, ["--full", "--only", "*seed0"], log) == 0
    assert log == ["a-seed0", "b-seed0"]
    (row,) = json.loads((bench.results / "trial.json").read_text())
    assert {"claim", "value", "target", "better", "unit", "compared_with", "machine", "date"} <= set(row)
    assert row["value"] == 99.12 and row["cells"] == "2 of 3"
    assert "that all is well" in capsys.readouterr().out
    assert run(bench, monkeypatch, ["--full"], log) == 0
    assert log == ["a-seed0", "b-seed0", "a-seed1"]


def test_the_list_measures_nothing(bench, monkeypatch, capsys):
    log = []
    run(bench, monkeypatch, [], log)
    capsys.readouterr()
    assert run(bench, monkeypatch, ["--full", "--list"], log) == 0
    lines = capsys.readouterr().out.splitlines()
    assert log == ["a-seed0"] and [line.split()[-1] for line in lines] == ["stands", "do", "do"]


def test_an_interrupted_command_says_how_to_go_on_and_keeps_what_stands(bench, monkeypatch, capsys):
    log = []
    assert run(bench, monkeypatch, ["--full"], log, fail=("a-seed1",)) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert run(bench, monkeypatch, ["--full"], log) == 0
    assert log == ["a-seed0", "a-seed1", "a-seed1", "b-seed0"]


@pytest.mark.parametrize(("better", "value", "expected"), [
    ("higher", 2.0, True), ("higher", 0.5, False), ("lower", 2.0, False), ("lower", 0.5, True), ("lower", None, None)])
def test_whether_a_target_is_met(better, value, expected):
    row = {"value": value, "target": 1.0, "better": better}
    assert command.met(row) is expected and command.met(row | {"target": None}) is None


def test_rows_get_machine_and_date_where_they_have_none(tmp_path):
    write_results("x", [{"claim": "a"}, {"claim": "b", "machine": "another", "date": "2030-01-01"}], tmp_path)
    first, second = json.loads((tmp_path / "x.json").read_text())
    assert first["machine"] and first["date"] > "2025" and list(first) == ["claim", "machine", "date"]
    assert (second["machine"], second["date"]) == ("another", "2030-01-01")
