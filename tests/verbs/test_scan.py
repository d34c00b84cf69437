"""`genimg scan`, as a user types it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genimg_core.cli import main
from genimg_core.verbs.scan import scan_datasets

PARAMS = """
datasets:
  base: {source: {kind: folder, path: one}}
  target: {source: {kind: folder, path: two}}
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    for folder, size in (("one", 10), ("two", 1500)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(bytes(size))
    return tmp_path


def test_a_line_for_each_data_set(workspace, capsys):
    assert main(["scan"]) == 0
    assert capsys.readouterr().out == "base: 1 file, 10 B, changed\ntarget: 1 file, 1.5 kB, changed\n"
    (workspace / "two/b.png").write_bytes(b"")
    assert main(["scan"]) == 0
    assert capsys.readouterr().out == "base: 1 file, 10 B, unchanged\ntarget: 2 files, 1.5 kB, changed\n"


def test_what_cannot_be_had_is_counted_by_reason(workspace, capsys):
    Path("params.yaml").write_text("datasets: {base: {source: {kind: table, file: t.csv, path_column: file}}}")
    Path("t.csv").write_text("file\none/a.png\ntwo/a.png\none/gone.png\n../x\n")
    assert main(["scan", "--retry"]) == 0
    assert capsys.readouterr().out == (
        "base: 4 files, 1.5 kB, changed; 2 without bytes: 1 missing_file, 1 unsafe_member\n"
    )


def test_only_those_named(workspace, capsys):
    assert main(["scan", "target"]) == 0
    assert "base" not in capsys.readouterr().out
    assert not os.path.exists("data/datasets/base")
    assert scan_datasets(["base"]) == {"base": True}
    assert scan_datasets(None) == {"base": False, "target": False}


def test_the_files_of_decisions_are_begun_and_left_alone(workspace):
    assert main(["scan", "base"]) == 0
    folder = Path("data/datasets/base/decisions")
    begun = {path.name: path.read_text() for path in folder.iterdir()}
    assert begun == {f"{which}.jsonl": f'{{"genimg": "{which}", "version": 1}}\n'
                     for which in ("forgotten", "verdicts", "labels")}
    (folder / "labels.jsonl").write_text("mine\n")
    assert main(["scan", "base"]) == 0
    assert (folder / "labels.jsonl").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("arguments", "params", "told"),
    [
        (["scan", "bass"], PARAMS, "did you mean 'base'"),
        (["scan"], "datasets: {}", "names no data set"),
        (["scan"], "pretrain: {}", "'datasets' is missing"),
        (["scan"], "datasets: {Bad-Name: {source: {kind: folder, path: one}}}", "Bad-Name"),
        (["scan"], "datasets: {base: {}}", "'datasets.base.source' is missing"),
        (["scan"], "datasets: {base: {source: {kind: folder, path: nowhere}}}", "there is no folder nowhere"),
        (["scan"], "datasets: {base: {source: {kind: folder, path: one, pth: two}}}", "did you mean 'path'"),
    ],
)
def test_bad_input_gets_one_clear_line(workspace, capsys, arguments, params, told):
    Path("params.yaml").write_text(params)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error and "remedy" in error and "Traceback" not in error
    assert not Path("data").exists()
