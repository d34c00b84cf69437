"""`python -m orchestration.ui`: Dagster's webserver and daemon on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from genimg_core.lifeline import tethered
from genimg_core.repro import environment, terminate
from orchestration.home import FOLDER, create_storage, prepare_home

HOST = "127.0.0.1"
START_LIMIT_S = 120.0
LOCATION = "python_module: {module_name: orchestration.definitions, location_name: genimg}"
"""How Dagster finds the definitions, as an entry of its workspace file."""
TICK_LIMIT_S = 600
"""For the sensor that scans the sources."""


class NotStartedError(Exception):
    """The webserver or the daemon ended, or did not answer in time; the message holds its last words."""


@contextmanager
def dagster_ui(root: Path, port: int, location: str = LOCATION) -> Iterator[str]:
    """The webserver and the daemon of a project, in sessions of their own; both are gone when the block is left.

    Args:
        root: the project.
        port: to listen on, on the loopback interface.
        location: an entry of Dagster's workspace file.

    Yields:
        The address, once it answers.

    Raises:
        NotStartedError: it never answered.
    """
    home = prepare_home(root)
    env = environment({"DAGSTER_HOME": str(home), "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": str(TICK_LIMIT_S)})
    create_storage(home)
    workspace = home / "workspace.yaml"
    workspace.write_text(f"load_from:\n  - {location}\n", encoding="utf8")
    address = f"http://{HOST}:{port}"
    modules = {"webserver": ["dagster_webserver", "--host", HOST, "--port", str(port), "-w", str(workspace)],
               "daemon": ["dagster._daemon", "run", "-w", str(workspace)]}
    with ExitStack() as stack:
        running = {}
        for name, words in modules.items():
            log = stack.enter_context((home / f"{name}.log").open("w", encoding="utf8"))
            running[name] = subprocess.Popen(tethered([sys.executable, "-m", *words]), cwd=root, env=env, stdout=log,
                                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
            stack.callback(terminate, running[name])
        _wait_until_it_answers(address, running, home)
        yield address


def _wait_until_it_answers(address: str, running: dict[str, subprocess.Popen], home: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        for name, process in running.items():
            if process.poll() is not None:
                raise NotStartedError(f"Dagster's {name} ended: {_last_words(home / f'{name}.log')}")
        try:
            if _home_of(address) == home.resolve():
                return
        except (OSError, http.client.HTTPException):  # no server yet
            pass
        time.sleep(0.3)
    raise NotStartedError(f"Dagster does not answer at {address}: {_last_words(home / 'webserver.log')}")


def _home_of(address: str) -> Path | None:
    """Whose server answers: another project's may have taken the port since it was free."""
    asked = urllib.request.Request(f"{address}/graphql", json.dumps({"query": "{ instance { info } }"}).encode(),
                                   {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        told = answer.read()
    try:
        found = re.search(r"base_dir: *(\S.*)", json.loads(told)["data"]["instance"]["info"])
    except (ValueError, LookupError, TypeError):  # no Dagster
        return None
    return Path(found[1].strip().strip("'\"")).resolve() if found else None


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf8", errors="replace").splitlines()[-15:])


def free_port(wanted: int) -> int:
    """`wanted`, if nothing listens there; else a free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise NotStartedError(f"no free port on {HOST}")


def main() -> int:
    """Open, tell where, stay until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.ui", description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="if it is taken, another is (default: 3000)")
    port = free_port(parser.parse_args().port)
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in its background deaf to SIGINT
        signal.signal(ending, signal.default_int_handler)
    print("Opening Dagster …", flush=True)
    try:
        with dagster_ui(Path.cwd(), port) as address:
            logs = os.environ.get("DAGSTER_HOME", FOLDER)
            print(f"Dagster: {address}  (Ctrl-C ends it; logs in {logs})", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("Dagster has ended.", flush=True)
    except NotStartedError as error:
        print(f"genimg: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
