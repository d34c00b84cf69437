"""A faulty item costs itself alone, and nothing else changes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genimg_core.engine import BROKEN_POOLS, Failure, Limits, map_in_workers
from genimg_core.errors import CorruptFileError
from tests.engine_jobs import environment, misbehave

QUICK = Limits(seconds=0.5, memory_mib=256)


def test_results_come_in_the_order_of_the_items_whatever_the_workers_and_chunks():
    items = [("good", value) for value in range(97)]
    for workers, chunk in ((1, 97), (3, 5)):
        assert list(map_in_workers(misbehave, items, QUICK, chunk, workers)) == [2 * value for value in range(97)]


def test_no_items_start_no_process():
    assert list(map_in_workers(misbehave, [], QUICK)) == []


@pytest.mark.parametrize(
    ("fault", "reason", "detail"),
    [
        ("segfault", "decoder_crashed", "SIGSEGV"),
        ("kill", "decoder_crashed", "SIGKILL"),
        ("exit", "decoder_crashed", "exit code 7"),
        ("spin", "decoder_timeout", "0.5 s of processor time"),
        ("spin_in_c", "decoder_timeout", "0.5 s of processor time"),
        ("sleep", "decoder_timeout", "no result within 2 s"),
        ("memory", "out_of_memory", "memory"),
    ],
)
def test_a_faulty_item_costs_itself_alone(fault, reason, detail):
    items = [("good", value) for value in range(20)]
    items[7] = (fault, 7)
    results = list(map_in_workers(misbehave, items, QUICK, chunk=6, workers=2))
    failure = results.pop(7)
    assert isinstance(failure, Failure)
    assert failure.reason == reason
    assert detail in failure.detail
    assert results == [2 * value for value in range(20) if value != 7]


def test_many_faults_among_many_items():
    faults = ["segfault", "good", "exit", "good", "good", "memory", "spin", "good", "kill"]
    items = [(faults[i % len(faults)], i) for i in range(27)]
    results = list(map_in_workers(misbehave, items, Limits(0.2, 256), chunk=4, workers=2))
    assert [isinstance(result, Failure) for result in results] == [fault != "good" for fault, _ in items]
    good = [2 * value for fault, value in items if fault == "good"]
    assert [result for result in results if not isinstance(result, Failure)] == good


def test_an_error_of_ours_comes_back_whole():
    with pytest.raises(CorruptFileError) as caught:
        list(map_in_workers(misbehave, [("good", 1), ("error", 2)], QUICK))
    assert (caught.value.cause, caught.value.remedy) == ("the shard is torn", "collect again")


def test_workers_are_light_and_single_threaded(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert list(map_in_workers(environment, [0], QUICK, workers=1)) == [("1", False)]
    assert os.environ["OMP_NUM_THREADS"] == "64"


UNSTARTABLE = """
import os
from genimg_core.engine import Limits, map_in_workers
from tests.engine_jobs import misbehave
if __name__ == "__main__":
    os.unlink(__file__)
    print(list(map_in_workers(misbehave, [("good", value) for value in range(9)], Limits(60, 256), 1, 2)))
"""


def test_workers_that_cannot_start_end_the_map_and_blame_no_item(tmp_path):
    """Each imports the program's file anew, and it is gone."""
    script = tmp_path / "gone.py"
    script.write_text(UNSTARTABLE)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)})
    assert done.returncode == 1 and not done.stdout
    assert "SetupError: the processes that decode images end as they start" in done.stderr and "remedy:" in done.stderr
    assert done.stderr.count("No such file or directory") <= 2 * 2 * (BROKEN_POOLS + 1)


def test_workers_that_die_of_their_items_are_not_taken_for_such():
    items = [("kill", value) for value in range(2 * BROKEN_POOLS)]
    results = list(map_in_workers(misbehave, items, QUICK, chunk=1, workers=1))
    assert [result.reason for result in results] == ["decoder_crashed"] * len(items)


SCRIPT = """
import sys
from genimg_core.engine import Limits, map_in_workers
from tests.engine_jobs import misbehave
if __name__ == "__main__":
    try:
        for _ in map_in_workers(misbehave, [("good", 1), ("sleep", 1), ("sleep", 1)], Limits(1, 256), 1, 2):
            print("started", flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(("stop", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_worker_outlives_an_interrupt(tmp_path, stop, exit_code):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).resolve().parent.parent
    started = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    with started:
        assert started.stdout.readline() == b"started\n"
        os.kill(started.pid, stop)
        assert started.wait(timeout=20) == exit_code
    deadline = time.monotonic() + 20
    while _members(started.pid):
        assert time.monotonic() < deadline, f"still there: {_members(started.pid)}"
        time.sleep(0.1)


def _members(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


HASTE = """
from genimg_core.engine import Limits, map_in_workers
from tests.engine_jobs import misbehave
if __name__ == "__main__":
    for _ in range(5):
        list(map_in_workers(misbehave, [("good", value) for value in range(6)], Limits(1, 256), 1, 6))
"""


def test_a_map_that_ends_before_all_its_workers_began_is_quiet(tmp_path):
    """Whoever came too late found the pool's locks gone, and printed so."""
    (tmp_path / "haste.py").write_text(HASTE, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run([sys.executable, tmp_path / "haste.py"], env=environment, capture_output=True, text=True,
                          check=True)
    assert done.stderr == ""
