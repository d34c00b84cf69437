"""`genimg sample`, as a user types it."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from genimg_core.cli import main
from genimg_core.safe_names import safe_name
from tests.test_sampling import place

__all__ = ["place"]
FEW = ["--steps", "2", "--device", "cpu"]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)


def sample(*words: str) -> int:
    return main(["sample", "--model", "m", *FEW, *words])


def test_a_folder_of_samples(here, tmp_path, capsys):
    out = tmp_path / "deep" / "out"
    assert sample("--class", "light", "--class", "../γ x", "-n", "5", "--seed", "7", "--out", str(out)) == 0
    assert "5 images by m" in capsys.readouterr().out
    rows = list(csv.DictReader((out / "samples.csv").read_text(encoding="utf8").splitlines()))
    assert sorted(p.name for p in out.iterdir()) == sorted(["grid.png", "samples.csv", *(r["file"] for r in rows)])
    assert {row["file"] for row in rows} == {
        "light-000000.png", "___γ_x-000001.png", "light-000002.png", "___γ_x-000003.png", "light-000004.png"}
    for row in rows:
        with Image.open(out / row["file"]) as picture:
            assert (picture.info["genimg:class"], picture.info["genimg:index"]) == (row["label"], row["index"])
            assert picture.info["genimg:seed"] == "7" and picture.info["genimg:steps"] == "2"


def test_one_more_changes_no_byte(here, tmp_path):
    sample("-n", "3", "--out", str(tmp_path / "a"))
    sample("-n", "70", "--no-grid", "--out", str(tmp_path / "b"))
    sample("-n", "2", "--first-index", "68", "--out", str(tmp_path / "c"))
    for few in ("a", "c"):
        for file in (tmp_path / few).glob("*-*.png"):
            assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert len(list((tmp_path / "b").glob("*.png"))) == 70 and not (tmp_path / "b/grid.png").exists()


def test_an_empty_folder_will_do_a_full_one_will_not(here, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert sample("-n", "1", "--out", str(tmp_path / "empty")) == 0
    before = {p: p.read_bytes() for p in (tmp_path / "empty").iterdir()}
    assert sample("-n", "1", "--seed", "2", "--out", str(tmp_path / "empty")) == 2
    assert "overwrites nothing" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in (tmp_path / "empty").iterdir()} == before


@pytest.mark.parametrize(("words", "said"), [
    (["--class", "drak"], "did you mean 'dark'"), (["-n", "0"], "n is 0"), (["--steps", "0"], "steps is 0")])
def test_a_mistake_leaves_nothing(here, tmp_path, capsys, words, said):
    assert sample(*words, "--out", str(tmp_path / "out")) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_safe_names():
    assert [safe_name(label) for label in ("A", "../etc", "-rf", ".hidden", "a/b\0c\n", "αβ", "👩‍🚀", "", "--")] == [
        "A", "___etc", "rf", "_hidden", "a_b_c_", "αβ", "___", "class", "class"]
    assert len(safe_name("x" * 500)) == 40


def test_ctrl_c_leaves_nothing(place, tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "genimg_core.cli", "sample", "--model", "m", "--device", "cpu",
                                "--steps", "1000", "-n", "10000", "--out", str(tmp_path / "out")], cwd=place, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=os.environ | {"PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "nothing was written" in told and "Traceback" not in told
    assert not list(tmp_path.iterdir())
