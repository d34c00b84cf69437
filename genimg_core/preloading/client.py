"""A stage's command hands its work over to a process that has the libraries loaded, and waits for it."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from types import FrameType

from genimg_core.errors import StageFailedError
from genimg_core.preloading.request import STATUS, VARIABLE, Request, exactly

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def hand_over(arguments: list[str]) -> int | None:
    """The work's exit code; None where nobody takes it. A signal that ended the work ends this process, too.

    Args:
        arguments: behind `genimg`.

    Raises:
        StageFailedError: whoever did the work was killed.
    """
    place = os.environ.get(VARIABLE)
    if not place:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(place)
        except OSError:  # not ready yet, or gone
            return None
        variables = {name: value for name, value in os.environ.items() if name != VARIABLE}
        _pass_signals_on(connection)
        try:
            Request(arguments, os.getcwd(), variables).send(connection)
            code = os.waitstatus_to_exitcode(STATUS.unpack(exactly(connection, STATUS.size))[0])
        except (EOFError, OSError):
            raise StageFailedError("the process that did this stage's work was killed from outside",
                                   "see whether memory ran out, then run the same command again") from None
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _pass_signals_on(connection: socket.socket) -> None:
    """To the one who does the work; what is ignored here stays so."""
    def pass_on(number: int, _: FrameType | None) -> None:
        with suppress(OSError):
            connection.send(bytes([number]))

    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
