"""`genimg configure`, as a user types it. One test measures this machine, the others take a machine as given."""

from __future__ import annotations

import functools
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from genimg_core.cli import main
from genimg_core.configuring import speed
from genimg_core.schema import load_params
from tests.configuring.surveys import STARTS, speed_at
from tests.pictures import photo
from tests.project import ROOT, TINY, make_project
from tests.sources.idx_files import write_idx

REAL_MEASURE, REAL_TIME_SCORING = speed.measure, speed.time_scoring


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project's params.yaml, with a folder of 24 photographs of two kinds inside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENIMG_WORKERS", "1")
    monkeypatch.setattr(speed, "time_starts", lambda: STARTS)
    monkeypatch.setattr(speed, "time_scoring", lambda: lambda images: 1.0)
    monkeypatch.setattr(speed, "measure", lambda size, channels, classes, threads: speed_at(500)(size, channels, 2))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for i in range(24):
        path = tmp_path / f"flowers/images/{'rose' if i % 2 else 'lily'}/{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(i, 60, 48).save(path, quality=95)
    return tmp_path


@pytest.fixture
def measured(place, monkeypatch):
    """The same place, and this machine's own speed."""
    monkeypatch.setattr(speed, "measure", functools.partial(REAL_MEASURE, seconds=0.1))
    monkeypatch.setattr(speed, "time_scoring", REAL_TIME_SCORING)


@pytest.mark.slow
def test_the_machine_is_measured(measured, place, capsys):
    assert main(["configure", "--base", "flowers/images", "--yes", "--minutes", "1", "--size", "16"]) == 0
    assert load_params().image.size == 16
    out = capsys.readouterr().out
    assert "training and drawing at 16 px, 3 channel(s)" in out and "images/s" in out


def test_idx_files_are_configured_like_a_folder(place, capsys):
    values = np.stack([np.asarray(photo(n, 28, 28).convert("L")) for n in range(24)])
    write_idx(place / "digits/train-images-idx3-ubyte.gz", values)
    write_idx(place / "digits/train-labels-idx1-ubyte.gz", np.arange(24, dtype=np.uint8) % 2)
    assert main(["configure", "--base", "digits", "--yes", "--minutes", "1"]) == 0
    params = load_params()
    assert params.datasets["base"].source.parts["all"].images == "digits/train-images-idx3-ubyte.gz"
    assert params.image.channels == 1 and list(params.pretrain) == ["digits"]
    assert "digits/train-images-idx3-ubyte.gz" in "".join(capsys.readouterr().out.split())


def test_yes_writes_a_valid_file_and_says_what_comes_next(place, capsys):
    before = (place / "params.yaml").read_text()
    assert main(["configure", "--base", "flowers/images", "--yes", "--minutes", "1"]) == 0
    params = load_params()
    assert params.datasets["base"].source.path == "flowers/images"
    assert list(params.pretrain) == ["flowers"] and params.finetune == {} and params.pretrain["flowers"].flip
    assert params.image.channels == 3 and params.image.fit == "crop"
    out = capsys.readouterr().out
    assert out.rstrip().endswith("Next: genimg run") and "from 12" not in out and "2 classes of 12 images each" in out
    (kept,) = (place / ".genimg/params").iterdir()
    assert kept.read_text() == before and str(kept.relative_to(place)) in out


def test_a_target_and_names(place):
    assert main(["configure", "--base", "flowers/images", "--target", "flowers/images", "--yes", "--base-name", "one",
                 "--minutes", "30"]) == 0
    params = load_params()
    assert params.finetune["flowers"].parent == "one" and params.datasets["target"].source.path == "flowers/images"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_it_asks(place, capsys, monkeypatch, answer, written):
    before = (place / "params.yaml").read_text()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["configure", "--base", "flowers/images", "--minutes", "1"]) == 0
    assert ((place / "params.yaml").read_text() != before) == written
    assert ("Nothing was written" in capsys.readouterr().out) != written


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--base", "flowers/images"], "add --yes"),
        (["--base", "nowhere", "--yes"], "there is no folder or archive nowhere"),
        (["--base", "flowers/images/rose/1.jpg", "--yes"], "is one image"),
        (["--base", "flowers/images", "--minutes", "0", "--yes"], "--minutes 0"),
        (["--base", "flowers/images", "--size", "33", "--yes"], "multiple of 4"),
        (["--base", "flowers/images", "--base-where", "x", "--yes"], "COLUMN=VALUE"),
        (["--base", "flowers/images", "--base-name", "Bad Name", "--yes"], "[a-z][a-z0-9_]*"),
        (["--base", "flowers/images", "--target-name", "x", "--yes"], "without --target"),
        (["--base", "flowers/images", "--base-label-column", "x", "--yes"], "--base-labels PATH"),
        (["--base", "flowers/images", "--base-labels", "none.csv", "--yes"], "there is no labels file none.csv"),
    ],
)
def test_bad_input_gets_one_clear_line_and_changes_nothing(place, capsys, words, told):
    before = (place / "params.yaml").read_text()
    assert main(["configure", *words]) == 2
    error = capsys.readouterr().err
    assert told in error and "remedy" in error and "Traceback" not in error
    assert (place / "params.yaml").read_text() == before


def test_too_few_images(place, capsys):
    shutil.rmtree("flowers/images/rose")
    for path in list(Path("flowers/images/lily").iterdir())[4:]:
        path.unlink()
    assert main(["configure", "--base", "flowers/images", "--yes"]) == 2
    assert "4 usable images of 4 files" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [True, False])
def test_configure_then_run(tmp_path, labelled):
    """From a folder to a report without a hand on a file (but for the budgets, which a test has no time for)."""
    project = make_project(tmp_path / "project", TINY)
    for i in range(60):
        path = tmp_path / "in" / (f"{'ab'[i % 2]}/{i}.png" if labelled else f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(i, 40, 40).save(path)
    project.genimg("configure", "--base", str(tmp_path / "in"), "--yes", "--minutes", "0.05", "--size", "16")
    params = project.params()
    params["pretrain"]["in"]["seen_images"] = 320
    params["extractor"]["seen_images"] = 320
    params["evaluate"] |= {"min_coverage_share": 0, "max_copied_share": 1, "require_better_than_baseline": False}
    project.write_params(params)
    assert "The report:" in project.genimg("run").stdout
    assert (project.root / "data/report/index.html").is_file()
    data = ("collect", "profile", "validate", "clean", "label", "normalize")
    model = ("select", "pretrain", "generate", "evaluate")
    stages = {f"{stage}@base" for stage in data} | {f"{stage}@in" for stage in model} | {"extractor", "report"}
    assert set(project.lock()) == stages
    assert "up to date" in project.dvc("status").stdout
    project.genimg("doctor")
