"""What a stage's command says to the process that will do its work: where, with which words, variables and streams."""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass

VARIABLE = "GENIMG_PRELOADED"
"""The environment's word for the server's socket."""
LENGTH = struct.Struct("!q")
STATUS = struct.Struct("!i")
"""The answer, when the work is done: as waitpid has it."""
STREAMS = 3


@dataclass(frozen=True)
class Request:
    """A stage's command."""

    arguments: list[str]
    """Behind `genimg`."""
    folder: str
    """The working directory."""
    variables: dict[str, str]
    """The environment."""

    def send(self, connection: socket.socket) -> None:
        """With this process's standard streams."""
        body = json.dumps(asdict(self)).encode("utf8", "surrogatepass")
        socket.send_fds(connection, [LENGTH.pack(len(body))], range(STREAMS))
        connection.sendall(body)

    def take_place(self, streams: list[int]) -> None:
        """Make this process what the command's would be."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.variables)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)


def receive(connection: socket.socket) -> tuple[Request, list[int]]:
    """A request, and its standard streams as they are numbered here.

    Raises:
        EOFError: it ended before it was whole.
    """
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, STREAMS)
    if len(head) < LENGTH.size or len(streams) < STREAMS:
        raise EOFError("no request")
    return Request(**json.loads(exactly(connection, LENGTH.unpack(head)[0]))), streams


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: it ended before.
    """
    found = bytearray()
    while len(found) < count:
        some = connection.recv(count - len(found))
        if not some:
            raise EOFError(f"{len(found)} of {count} bytes")
        found += some
    return bytes(found)
