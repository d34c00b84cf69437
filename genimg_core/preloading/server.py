"""Imports large libraries, then forks for each stage that asks.

    python -m genimg_core.preloading.server SOCKET LIBRARY...

For each request there are two processes: the worker, which becomes the stage's command, and its keeper, which passes
signals on to it, tells how it ended, and ends it when the one who asked is gone. The server itself imports nothing of
genimg that a stage uses, and calls nothing in the libraries: what is forked has no threads and no state of theirs.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import warnings
from contextlib import suppress

from genimg_core.preloading.request import STATUS, Request, receive


def main() -> None:
    """Serve until a signal ends it; in a worker: do the work."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read when the library is imported
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sys.argv[2:]:
            with suppress(Exception):  # the stage that needs it says what is wrong with it
                importlib.import_module(name)
    gc.freeze()  # or collecting would touch, and so copy, the pages that all share
    gc.enable()
    request = _serve(sys.argv[1])
    if request is not None:
        _work(request)


def _serve(place: str) -> Request | None:
    """Fork for each who asks. => in a worker its request, in a keeper that has done its duty None."""
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return _keep(connection)


def _reap(*_: object) -> None:
    """Keepers that have ended: what they and theirs cost counts as the run's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _keep(connection: socket.socket) -> Request | None:
    """Start the worker and see it through."""
    try:
        request, streams = receive(connection)
    except EOFError:
        return None
    worker = os.fork()
    if worker == 0:
        connection.close()
        request.take_place(streams)
        return request
    for number in (signal.SIGINT, signal.SIGTERM):  # it ends after its worker
        signal.signal(number, signal.SIG_IGN)
    for stream in streams:  # who reads them waits for their end
        os.close(stream)
    threading.Thread(target=_pass_on, args=(connection, worker), daemon=True).start()
    _, status = os.waitpid(worker, 0)
    with suppress(OSError):
        connection.sendall(STATUS.pack(status))
    os._exit(0)


def _work(request: Request) -> None:
    """Be the stage's command, and end with its exit code."""
    sys.argv = ["genimg", *request.arguments]
    code: object = 1
    try:
        from genimg_core.cli import main as command

        code = command(request.arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    # Not by the interpreter's end, which frees the libraries object by object and so copies every page of them.
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _pass_on(connection: socket.socket, worker: int) -> None:
    """Signals; and the end of the one who asked is the worker's."""
    with suppress(OSError):
        while number := connection.recv(1):
            os.kill(worker, number[0])
        os.kill(worker, signal.SIGKILL)


if __name__ == "__main__":
    main()
