"""A scan that is interrupted or killed: what had arrived is never asked for again, and the end is the same."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.sources.downloads.ledger import open_ledger
from genimg_core.sources.downloads.names import key_of
from tests.sources.downloads.server import Server

IMAGES, PARALLEL = 40, 4


@pytest.fixture
def workspace(tmp_path, server) -> Path:
    urls = [server.url(f"slow/{n}") for n in range(IMAGES)]
    (tmp_path / "t.csv").write_text("url\n" + "\n".join(urls) + "\n")
    source = {"kind": "table", "file": "t.csv", "url_column": "url",
              "download": {"allow_hosts": ["127.0.0.1"], "parallel": PARALLEL, "per_host": PARALLEL}}
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump({"datasets": {"base": {"source": source}}}, stream)
    return tmp_path


def _scan(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "genimg_core.cli", "scan"], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _wait_for_requests(server: Server, count: int) -> None:
    deadline = time.monotonic() + 60
    while server.asked.total() < count:
        assert time.monotonic() < deadline, "the scan makes no requests"
        time.sleep(0.005)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_only_what_is_missing_is_asked_for_after_an_interruption(workspace, server, how):
    began = _scan(workspace)
    _wait_for_requests(server, 14)
    os.kill(began.pid, how)
    _, told = began.communicate(timeout=60)
    assert began.returncode == (130 if how == signal.SIGINT else -how)
    assert "Traceback" not in told
    with open_ledger(workspace / ".genimg/downloads/ledger.sqlite") as ledger:
        there = ledger.by_key(key_of(server.url(f"slow/{n}")) for n in range(IMAGES))
    before = dict(server.asked)
    assert 14 - PARALLEL <= len(there) <= len(before) < IMAGES
    again = _scan(workspace)
    out, told = again.communicate(timeout=60)
    assert (again.returncode, "base: 40 files" in out) == (0, True), told
    for entry in there.values():
        assert server.asked["/" + entry.url.split("/", 3)[3]] == 1
    assert server.asked.total() <= IMAGES + PARALLEL
    assert not list((workspace / ".genimg/store/incoming").glob("*")) or how == signal.SIGKILL


@pytest.mark.slow
def test_killed_at_any_point_the_lock_is_that_of_an_undisturbed_scan(workspace, server):
    undisturbed = _scan(workspace)
    undisturbed.communicate(timeout=60)
    assert undisturbed.returncode == 0
    lock = (workspace / "data/datasets/base/source.lock").read_bytes()
    shutil.rmtree(workspace / ".genimg")
    shutil.rmtree(workspace / "data")
    points = random.Random(0)
    for _ in range(4):
        seen = server.asked.total()
        killed = _scan(workspace)
        _wait_for_requests(server, seen + points.randrange(1, 8))
        time.sleep(points.random() * 0.1)
        killed.kill()
        killed.communicate(timeout=60)
    last = _scan(workspace)
    last.communicate(timeout=60)
    assert last.returncode == 0
    assert (workspace / "data/datasets/base/source.lock").read_bytes() == lock
    assert server.asked.total() <= 2 * IMAGES + 4 * PARALLEL


def test_a_disk_that_is_full_ends_the_scan_clearly_and_leaves_nothing_half_written(workspace, server):
    """The system's limit on the size of files stands for the disk's end."""
    (workspace / "t.csv").write_text(f"url\n{server.url('big/190000')}\n")
    done = subprocess.run(
        [sys.executable, "-m", "genimg_core.cli", "scan"], cwd=workspace, text=True, capture_output=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000)),
    )
    assert done.returncode == 2 and "downloads cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert not (workspace / "data").exists()
    assert not [path for path in (workspace / ".genimg/store").rglob("*") if path.is_file()]
    assert _scan(workspace).communicate(timeout=60)[0].startswith("base: 1 file, 190.0 kB, changed")
