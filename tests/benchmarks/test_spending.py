"""What a program costs is what the kernel says, also of processes that it leaves behind."""

import json
import subprocess
import sys

import pytest

from benchmarks.cells import ROOT

CHILD = """
import os, time
def work(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds: pass
held = b"x" * (120 * 2**20)
work(0.2)
if os.fork() == 0:
    os.setsid()
    time.sleep(0.2)
    work(0.3)
"""


def spend(tmp_path, code: str):
    """In a process of its own: `spend` waits for every child of its process."""
    (tmp_path / "child.py").write_text(code)
    words = ("import json, os, sys; from pathlib import Path; from benchmarks.spending import spend; "
             "place = Path(sys.argv[1]); words = [sys.executable, str(place / 'child.py')]; "
             "print(json.dumps(vars(spend(words, place, dict(os.environ), place / 'log'))))")
    return subprocess.run([sys.executable, "-c", words, str(tmp_path)], cwd=ROOT, capture_output=True, text=True,
                          check=False)


def test_processes_that_are_left_behind_count(tmp_path):
    spent = json.loads(spend(tmp_path, CHILD).stdout)
    assert 0.5 < spent["processor_s"] < 2 and spent["wall_s"] < 10
    assert spent["peak_mib"] == pytest.approx(130, abs=15) and spent["own_mib"] == pytest.approx(126, abs=15)


def test_a_program_that_fails_is_no_measurement(tmp_path):
    done = spend(tmp_path, "import sys; sys.exit('no such image')")
    assert done.returncode != 0 and "no such image" in done.stderr
