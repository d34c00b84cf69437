"""`genimg run` in a log and in a terminal: what it tells, and what Ctrl-C leaves. Real dvc, stand-in stages."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bridge.conftest import StandIn, make_standin
from tests.project import Project
from tests.verbs.terminal import OnTerminal

RUN = [sys.executable, "-m", "genimg_core.cli", "run"]


@pytest.fixture(scope="module")
def up_to_clean(tmp_path_factory) -> StandIn:
    """A stand-in in which everything up to clean@base has run, by `genimg run`."""
    project = make_standin(tmp_path_factory.mktemp("run") / "project")
    project.first = run(project, "clean@base")
    return project


@pytest.fixture
def project(up_to_clean, tmp_path) -> StandIn:
    """The same, to change; clean@base is stale."""
    import shutil

    shutil.copytree(up_to_clean.root, tmp_path / "project", symlinks=True)
    project = StandIn(tmp_path / "project")
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    (project.root / "clean@base.pid").unlink()
    return project


def run(project: StandIn, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, "--no-scan", *words], cwd=project.root, env=project.env | env, text=True, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)


def interrupted(command: list[str], cwd: Path, env: dict[str, str], ready) -> tuple[int, str]:
    """Start it, send SIGINT once `ready()`, and wait: exit code and output."""
    process = subprocess.Popen(command, cwd=cwd, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < deadline and process.poll() is None, process.communicate(timeout=5)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, told


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_log_gets_two_plain_lines_for_each_stage(up_to_clean):
    done = up_to_clean.first
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "[1/4] collect@base …" and lines[1].startswith("collect@base at work")
    assert re.fullmatch(r"\[1/4\] collect@base  \d+\.\d s  one figure", lines[2])
    assert re.fullmatch(r"\[4/4\] clean@base  \d+\.\d s  one figure", lines[11])
    assert "4 stages ran, 0 were up to date" in done.stdout and "\x1b" not in done.stdout + done.stderr
    assert not [line for line in lines if "dvc" in line or line.startswith("> ")]


def test_only_what_is_stale_has_lines(project):
    project.order(clean__base={"say": ["[bold]not bold[/bold]", "\x1b[31mred", "\x1e{}"]})
    done = run(project, "clean@base", GENIMG_PROGRESS="lines-json")
    assert done.returncode == 0 and "1 stage ran, 3 were up to date" in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "[4/4] clean@base …" and lines[2:5] == ["[bold]not bold[/bold]", "?[31mred", "?{}"]


@pytest.mark.parametrize("width", [80, 120])
def test_bars_in_a_terminal(project, width):
    project.order(clean__base={"say": ["[bold]not bold[/bold]"], "count": 40})
    terminal = OnTerminal([*RUN, "--no-scan", "clean@base"], project.root, project.env, width)
    terminal.wait_for("of 40 sheep")
    terminal.wait_for("/s")
    assert terminal.end() == 0
    assert "[4/4] clean@base" in terminal.raw and "━" in terminal.raw and "counting" in terminal.raw
    screen = terminal.screen()
    assert "[bold]not bold[/bold]" in screen, "a stage's own line stays above the bars, as it is"
    line = next(i for i, text in enumerate(screen) if re.fullmatch(r"\[4/4\] clean@base  \d\.\d s  one figure", text))
    assert screen[line + 1].startswith("What was done"), "the bars are gone, and the summary follows whole"
    assert [text.split()[1] for text in screen[line + 5:line + 6]] == ["clean@base"]
    assert not any("sheep" in text or "in all" in text for text in screen)
    assert all(len(text) <= width for text in screen)


def test_a_terminal_that_cannot_draw_gets_plain_lines(project):
    terminal = OnTerminal(["env", "TERM=dumb", *RUN, "--no-scan", "clean@base"], project.root, project.env)
    assert terminal.end() == 0
    assert "\x1b" not in terminal.raw and "[4/4] clean@base …" in terminal.raw


def test_a_failure_in_a_terminal(project):
    project.order(clean__base={"exit": 2})
    terminal = OnTerminal([*RUN, "--no-scan", "clean@base"], project.root, project.env)
    assert terminal.end() == 2
    told = "\n".join(terminal.screen())
    assert "genimg: clean@base cannot be done" in told and "[4/4] clean@base  failed after" in told
    assert "earlier outputs were restored" in told


def test_an_interrupted_run_says_where_it_stands(project):
    before = (project.root / "data/datasets/base/clean/content").read_text()
    project.order(clean__base={"sleep": 300})
    snapshot = project.root / ".genimg/resume/clean-base/abc/000000040960"
    snapshot.mkdir(parents=True)
    pid = project.root / "clean@base.pid"
    code, told = interrupted([*RUN, "--no-scan", "clean@base"], project.root, project.env, pid.exists)
    assert code == 130 and "Traceback" not in told
    assert re.search(r"cut short: clean@base, after \d+\.\d s; its earlier outputs are back in place", told)
    assert "finished: no stage in this run" in told and told.rstrip().endswith("go on with: genimg run clean@base")
    assert "goes on from its last snapshot, at 40,960 images seen" in told
    assert gone(int(pid.read_text()))
    assert (project.root / "data/datasets/base/clean/content").read_text() == before


def test_ctrl_c_in_a_terminal_twice(project):
    """The second one does not cut short the putting back."""
    before = (project.root / "data/datasets/base/clean/content").read_text()
    project.order(clean__base={"sleep": 300, "deaf": True, "count": 60})
    terminal = OnTerminal([*RUN, "--no-scan", "clean@base"], project.root, project.env)
    terminal.wait_for("of 60 sheep")
    terminal.type("\x03")
    terminal.wait_for("stopping: ")
    time.sleep(0.5)
    terminal.type("\x03")
    assert terminal.end() == 130
    told = "\n".join(terminal.screen())
    assert "stopping already" in told and "counting: " in told and "of 60;" in told
    assert "go on with: genimg run clean@base" in told and "Traceback" not in told
    assert gone(int((project.root / "clean@base.pid").read_text()))
    assert (project.root / "data/datasets/base/clean/content").read_text() == before


@pytest.mark.slow
def test_an_interrupted_training_goes_on_from_its_snapshot(own_project: Project):
    params = own_project.params()
    params["pretrain"]["latin"] |= {"seen_images": 12_000, "log_images": 320, "snapshot_images": 640}
    own_project.write_params(params)
    resume = own_project.root / ".genimg/resume/pretrain-latin"
    before = (own_project.root / "data/models/latin/settings.json").read_bytes()

    def kept() -> bool:
        return any(path.name.isdigit() for path in resume.glob("*/*"))

    code, told = interrupted([*RUN, "pretrain@latin"], own_project.root, own_project.env, kept)
    assert code == 130, told
    seen = re.search(r"next time: pretrain@latin goes on from its last snapshot, at ([\d,]+) images seen", told)[1]
    assert (own_project.root / "data/models/latin/settings.json").read_bytes() == before
    again = own_project.genimg("run", "pretrain@latin").stdout
    assert f"training latin: going on at {seen} images seen" in again and not resume.exists()
    # A stage run alone: the same.
    words = own_project.lock()["pretrain@latin"]["cmd"].split()
    params["pretrain"]["latin"]["seen_images"] = 13_000
    own_project.write_params(params)
    code, told = interrupted([sys.executable, "-m", "genimg_core.cli", *words[1:]], own_project.root, own_project.env,
                             kept)
    assert code == 130 and "Traceback" not in told
    assert re.search(r"pretrain@latin was interrupted and wrote no output\. The same command goes on from", told)
    assert not list((own_project.root / ".genimg/partial").glob("*"))
    assert json.loads((own_project.root / "data/models/latin/settings.json").read_text())["seen_images"] == 12_000
