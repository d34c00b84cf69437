"""The other processes of a training: told who they are, ended with the first, and explained when they are lost."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genimg_core.training.companions import LostProcessError, companions, place_here

ROOT = Path(__file__).resolve().parent.parent.parent


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_is_told_its_place_and_all_end_with_the_block(tmp_path):
    code = ("import os, pathlib, time; names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', "
            f"'GENIMG_MEETING'); path = pathlib.Path({str(tmp_path)!r}, os.environ['RANK']); "
            "path.with_suffix('.draft').write_text(' '.join([str(os.getpid()), *(os.environ[n] for n in names)])); "
            "path.with_suffix('.draft').rename(path); time.sleep(600)")
    before = dict(os.environ)
    with companions([sys.executable, "-c", code], 3):
        assert place_here() == (0, 3, 0, 3)
        meeting = os.environ["GENIMG_MEETING"]
        until(lambda: (tmp_path / "1").exists() and (tmp_path / "2").exists())
        told = {rank: (tmp_path / rank).read_text().split() for rank in ("1", "2")}
    assert dict(os.environ) == before and place_here() == (0, 1, 0, 1)
    for rank, (pid, *words) in told.items():
        assert words == [rank, "3", rank, "3", meeting]
        assert not Path(f"/proc/{pid}").exists()


def test_one_process_starts_no_other():
    with companions(["there is no such program"], 1):
        assert place_here().count == 1


def test_under_torchrun_none_is_started(monkeypatch):
    for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"), "0202", strict=True):
        monkeypatch.setenv(name, value)
    with companions(["there is no such program"], 2):
        assert place_here() == (0, 2, 0, 2)


@pytest.mark.parametrize(("code", "said"), [
    ("import sys; sys.exit('genimg: no memory is left')", "ended with exit code 1.*no memory is left"),
    ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
    ("import sys; print('… m goes on', file=sys.stderr); sys.exit(3)",
     r"ended with exit code 3; the others were ended, too\n")])
def test_a_lost_companion_is_explained(code, said):
    with pytest.raises(LostProcessError, match=f"(?s)process 1 of the 2 that train together {said}") as caught, \
            companions([sys.executable, "-c", code], 2):
        raise LostProcessError("connection closed", "start again")
    assert "goes on from the last snapshot" in caught.value.remedy


def test_another_error_stays_what_it_is():
    with pytest.raises(KeyError), companions([sys.executable, "-c", "import time; time.sleep(600)"], 2):
        raise KeyError("x")


def test_a_first_process_that_does_not_notice_is_ended(tmp_path):
    """As where NCCL waits: the first process is deep in a call that does not return."""
    code = ("import time\nfrom genimg_core.training import companions as c\nc.LOST_S = 0.4\n"
            "with c.companions(['false'], 2):\n    time.sleep(600)\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "process 1 of the 2 that train together ended with exit code 1" in done.stderr
