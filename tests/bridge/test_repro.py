"""`dvc repro` as a command: what it did, what becomes of a failure, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from genimg_core import repro
from genimg_core.repro import dvc_command, environment, reproduce
from tests.bridge.conftest import ROOT, StandIn

RUN = """
import sys
from pathlib import Path
from genimg_core.repro import reproduce
print(reproduce(Path("."), sys.argv[1:], single=True))
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, limit_s: float = 30) -> float:
    """Seconds until `condition` held."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s, "waited too long"
        time.sleep(0.05)
    return time.monotonic() - started


def stage_pid(project: StandIn, stage: str, limit_s: float = 30) -> int:
    note = project.root / f"{stage}.pid"
    wait_for(lambda: note.exists() and note.read_text(), limit_s)
    return int(note.read_text())


def make_clean_stale(project: StandIn, **orders) -> None:
    """A run of clean@base would execute, and do as ordered."""
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    project.order(clean__base=orders)
    (project.root / "clean@base.pid").unlink()


def content(project: StandIn) -> str:
    return (project.root / "data/datasets/base/clean/content").read_text()


def test_tells_what_ran_what_was_cached_and_what_was_skipped(project: StandIn):
    assert reproduce(project.root, ["clean@base"], single=True).actions == {"clean@base": "skipped"}
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    lines: list[str] = []
    result = reproduce(project.root, ["clean@base"], on_line=lines.append)
    assert result.succeeded and result.exit_code == 0 and result.failed_stage is None
    assert result.actions == {
        "collect@base": "skipped",
        "profile@base": "skipped",
        "validate@base": "skipped",
        "clean@base": "ran",
    }
    assert any("clean@base at work" in line for line in lines), "the stage's own lines must come through"
    project.set_param("datasets.base.clean", {})
    assert reproduce(project.root, ["clean@base"], single=True).actions == {"clean@base": "cached"}
    assert project.executed() == ["clean@base"]


@pytest.mark.slow
def test_a_failed_stage_keeps_its_earlier_outputs(project: StandIn):
    before, lock = content(project), (project.root / "dvc.lock").read_bytes()
    make_clean_stale(project, exit=2)
    result = reproduce(project.root, ["clean@base"], single=True)
    assert (result.exit_code, result.failed_stage, result.restored) == (2, "clean@base", True)
    assert "clean@base" not in result.actions
    assert "genimg: clean@base cannot be done" in result.tail and "exited with 2" in result.errors[0]
    assert content(project) == before and (project.root / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_half_written_outputs_are_replaced_or_removed(project: StandIn, fresh: StandIn):
    before = content(project)
    project.set_param("datasets.base.clean", {"min_images_kept": 11})
    for here in (project, fresh):
        here.order(clean__base={"half": True})
        result = reproduce(here.root, ["clean@base"])
        assert (result.exit_code, result.failed_stage, result.restored) == (1, "clean@base", True)
    assert content(project) == before
    assert not (fresh.root / "data/datasets/base/clean").exists()
    assert (fresh.root / "data/datasets/base/profile").exists(), "the stages before it stand"


def test_a_missing_input_restores_what_dvc_had_deleted(project: StandIn):
    """DVC deletes the outputs before it looks for the inputs."""
    (project.root / "data/datasets/base/source.lock").unlink()
    raw = project.root / "data/datasets/base/raw/content"
    before = raw.read_text()
    result = reproduce(project.root, ["collect@base"], single=True)
    assert not result.succeeded and result.failed_stage == "collect@base"
    assert raw.read_text() == before


def test_a_broken_params_file_fails_with_dvcs_words(project: StandIn):
    (project.root / "params.yaml").write_text("datasets: [\n")
    result = reproduce(project.root)
    assert not result.succeeded and result.failed_stage is None
    assert "params.yaml" in " ".join(result.errors)


@pytest.mark.slow
def test_waits_for_another_dvc_that_runs_the_same_stage(project: StandIn):
    make_clean_stale(project, sleep=4)
    other = subprocess.Popen(
        dvc_command("repro", "-s", "clean@base"),
        cwd=project.root,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    stage_pid(project, "clean@base")
    lines: list[str] = []
    result = reproduce(project.root, ["clean@base"], single=True, on_line=lines.append)
    assert other.wait() == 0
    assert any("another dvc is at work" in line for line in lines)
    assert result.actions == {"clean@base": "skipped"} and project.executed() == ["clean@base"]


@pytest.mark.slow
def test_an_interrupt_ends_a_deaf_stage_and_restores(project: StandIn):
    before = content(project)
    make_clean_stale(project, sleep=300, deaf=True)
    runner = subprocess.Popen(
        [sys.executable, "-c", RUN, "clean@base"],
        cwd=project.root,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    stage = stage_pid(project, "clean@base")
    os.kill(runner.pid, signal.SIGINT)
    runner.communicate(timeout=30)
    assert not alive(stage) and runner.returncode != 0
    assert content(project) == before
    assert reproduce(project.root, ["extractor"], single=True).actions == {"extractor": "skipped"}, "no lock is left"


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_killed_dvc_takes_its_stage_along(project: StandIn, shell: str):
    """Dash, unlike bash, stays between dvc and the stage."""
    make_clean_stale(project, sleep=300)
    dvc = subprocess.Popen(
        dvc_command("repro", "-s", "clean@base"),
        cwd=project.root,
        env=environment({"SHELL": shell}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    stage = stage_pid(project, "clean@base")
    dvc.kill()
    dvc.wait()
    assert wait_for(lambda: not alive(stage), limit_s=10) < 8


def test_everything_ends_when_the_asker_is_killed(project: StandIn):
    make_clean_stale(project, sleep=300)
    runner = subprocess.Popen(
        [sys.executable, "-c", RUN, "clean@base"],
        cwd=project.root,
        env=project.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    stage = stage_pid(project, "clean@base")
    runner.kill()
    runner.wait()
    wait_for(lambda: not alive(stage), limit_s=12)
    project.order()
    assert reproduce(project.root, ["clean@base"], single=True).actions == {"clean@base": "ran"}, "the next run repairs"


def test_lines_come_as_they_are_said(project: StandIn):
    make_clean_stale(project, sleep=3)
    heard: dict[str, float] = {}
    thread = threading.Thread(
        target=reproduce,
        args=(
            project.root,
            ["clean@base"],
            True,
            lambda line: heard.setdefault(line.partition(",")[0], time.monotonic()),
        ),
    )
    thread.start()
    thread.join(60)
    assert time.monotonic() - heard["clean@base at work"] > 2.5, "the line must come before the stage's end"


def test_core_starts_dvc_without_importing_it():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, genimg_core.repro, genimg_core.lifeline; "
            "print([m for m in ('dvc', 'dagster', 'torch') if m in sys.modules])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


ORPHAN = """
import ctypes, os, subprocess, sys, time
from genimg_core.repro import terminate
ctypes.CDLL(None).prctl(36, 1)  # orphans become this process's children, and it reaps none
leaves_one = "import os, time; os.fork() or (time.sleep(0.3), os._exit(0))"
process = subprocess.Popen([sys.executable, "-c", leaves_one], start_new_session=True)
process.wait()
os.waitid(os.P_PGID, process.pid, os.WEXITED | os.WNOWAIT)
started = time.monotonic()
terminate(process)
print(time.monotonic() - started)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who reaps orphans")
def test_an_orphan_that_nobody_reaps_is_not_waited_for():
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 3  # SIGINT alone is given four seconds


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a group looked through")
def test_a_leader_that_ends_during_the_look_is_reaped(monkeypatch: pytest.MonkeyPatch):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)

    def look(status: Path, group: int) -> bool:
        os.kill(process.pid, signal.SIGKILL)  # process.kill would reap it
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return False

    monkeypatch.setattr(repro, "_runs_in", look)
    repro.terminate(process)
    assert process.returncode == -signal.SIGKILL
