"""A stage's command, done by a process that was forked for it: as if it had done the work itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from genimg_core.preloading.request import VARIABLE

STAGE = """
import json, os, sys, time
import genimg_core.cli as cli

def told(command, arguments):
    try:
        print(json.dumps({"pid": os.getpid(), "parent": os.getppid(), "folder": os.getcwd(), "words": sys.argv[1:],
                          "given": [command, *arguments], "x": os.environ.get("X"), "in": sys.stdin.read(),
                          "place": os.environ.get("GENIMG_PRELOADED")}), flush=True)
        print("an error", file=sys.stderr)
        if "sleep" in arguments:
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    if "fail" in arguments:
        raise RuntimeError("boom")
    if "exit" in arguments:
        sys.exit(5)
    return 3

cli._run_stage = told
"""
"""A library whose import makes every stage a witness of where it runs."""


class Served:
    """A server with the witness loaded, and commands that ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[subprocess.Popen[str]] = []
        (folder / "witness.py").write_text(STAGE)
        self.place = folder / "socket"
        self.env = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())]), "DVC_STAGE": "clean"}
        self.server = subprocess.Popen(
            [sys.executable, "-P", "-m", "genimg_core.preloading.server", str(self.place), "nosuchlibrary", "witness"],
            env=self.env, start_new_session=True)
        within(10, self.place.exists)

    def ask(self, *words: str, **changes: str) -> subprocess.Popen[str]:
        """`genimg clean …` in a folder of its own."""
        (self.folder / "here").mkdir(exist_ok=True)
        self.asked.append(subprocess.Popen(
            [sys.executable, "-P", "-m", "genimg_core.cli", "clean", "base", *words], cwd=self.folder / "here",
            env=self.env | {VARIABLE: str(self.place)} | changes, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return self.asked[-1]

    def close(self) -> None:
        """End everything."""
        with suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()
        for asked in self.asked:
            with asked:
                asked.kill()

    def asleep(self) -> tuple[subprocess.Popen[str], dict]:
        """A command at work, and what its worker told of itself."""
        asked = self.ask("sleep")
        asked.stdin.close()
        return asked, json.loads(asked.stdout.readline())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.close()


def within(seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_worker_stands_where_the_command_stands(served: Served):
    asked = served.ask("--raw", "ü", X="1")
    out, err = asked.communicate("typed")
    told = json.loads(out)
    assert asked.returncode == 3
    assert err == "an error\n"
    assert told["pid"] != asked.pid
    assert told["folder"] == str(served.folder / "here")
    assert told["words"] == told["given"] == ["clean", "base", "--raw", "ü"]
    assert (told["x"], told["in"], told["place"]) == ("1", "typed", None)


def test_an_error_and_an_exit_are_the_commands(served: Served):
    asked = served.ask("fail")
    _, err = asked.communicate()
    assert asked.returncode == 1
    assert "RuntimeError: boom" in err
    asked = served.ask("exit")
    asked.communicate()
    assert asked.returncode == 5


def test_several_at_once(served: Served):
    several = [served.asleep() for _ in range(3)]
    assert len({told["pid"] for _, told in several}) == 3
    for asked, _ in several:
        asked.send_signal(signal.SIGINT)
    assert [asked.wait(10) for asked, _ in several] == [130] * 3


def test_ctrl_c_reaches_the_worker(served: Served):
    asked, _ = served.asleep()
    asked.send_signal(signal.SIGINT)
    assert asked.stdout.read() == "interrupted\n"
    assert asked.wait(10) == 130


def test_a_signal_that_ends_the_worker_ends_the_command(served: Served):
    asked, told = served.asleep()
    asked.send_signal(signal.SIGTERM)
    assert asked.wait(10) == -signal.SIGTERM
    assert gone(told["pid"])
    asked, told = served.asleep()
    os.kill(told["pid"], signal.SIGKILL)
    assert asked.wait(10) == -signal.SIGKILL


def test_a_command_that_is_killed_takes_its_worker_with_it(served: Served):
    asked, told = served.asleep()
    asked.kill()
    asked.wait()
    within(10, lambda: gone(told["pid"]))


def test_a_keeper_that_is_killed_takes_its_worker_with_it(served: Served):
    asked, told = served.asleep()
    os.kill(told["parent"], signal.SIGKILL)
    assert asked.wait(10) == 2
    assert "was killed from outside" in asked.stderr.read()
    within(10, lambda: gone(told["pid"]))


def test_without_a_server_the_command_does_the_work(served: Served):
    served.server.kill()
    served.server.wait()
    asked = served.ask("--raw", "x")
    _, err = asked.communicate()
    assert asked.returncode == 2
    assert "--profile" in err  # the real stage's own words: it lacks an argument


def test_who_sends_no_request_disturbs_nobody(served: Served):
    for sent in (b"", b"x", b"\0" * 8):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(served.place))
            connection.send(sent) if sent else None
    asked = served.ask("exit")
    asked.communicate()
    assert asked.returncode == 5
