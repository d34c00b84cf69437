"""A real S3 server on loopback (moto's), and a door in front of it that can be made to fail."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

BUCKET = "pictures"

_OWN_HEADERS = ("content-length", "connection", "transfer-encoding", "date", "server")


class Door(http.server.BaseHTTPRequestHandler):
    """Passes requests on; `server.fault(method, path)` gives the status to answer with instead, or None."""

    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        status = self.server.fault(self.command, self.path)
        if status:
            code = "AccessDenied" if status == 403 else "ServiceUnavailable"
            self._answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        connection = http.client.HTTPConnection(*self.server.behind, timeout=30)
        try:
            connection.request(self.command, self.path, sent, dict(self.headers))
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN_HEADERS}
            self._answer(answer.status, headers, answer.read(), answer.getheader("Content-Length"))
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

    def log_message(self, *words) -> None:
        """Say nothing."""


class Doorway(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.behind = behind
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.fault: Callable[[str, str], int | None] = lambda method, path: None


class S3:
    """The server, its bucket, and the door."""

    def __init__(self, client, door: Doorway) -> None:
        self.client, self.door = client, door
        self.url = f"http://127.0.0.1:{door.server_port}"

    def put(self, objects: dict[str, bytes]) -> None:
        """Store objects, key -> bytes."""
        for key, data in objects.items():
            self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def reads(self) -> list[str]:
        """Keys that were asked for through the door."""
        gets = [path for method, path, _ in self.door.seen if method == "GET"]
        return [path.partition("?")[0] for path in gets if "list-type" not in path]


@contextmanager
def s3_server() -> Iterator[S3]:
    """Started, with an empty bucket; credentials must stand in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    patch = pytest.MonkeyPatch()
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret",
                        "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1",
                        "AWS_EC2_METADATA_DISABLED": "true"}.items():  # fmt: skip
        patch.setenv(name, value)
    patch.delenv("AWS_PROFILE", raising=False)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    door = Doorway(server.get_host_and_port())
    thread = threading.Thread(target=door.serve_forever)
    thread.start()
    client = boto3.client("s3", endpoint_url=f"http://{server.get_host_and_port()[0]}:{server.get_host_and_port()[1]}")
    try:
        client.create_bucket(Bucket=BUCKET)
        yield S3(client, door)
    finally:
        client.close()
        door.shutdown()
        thread.join()
        door.server_close()
        server.stop()
        patch.undo()
