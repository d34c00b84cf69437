"""A real web server on loopback that behaves as badly as it is told to, and counts what it was asked."""

from __future__ import annotations

import gzip
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image


def png(number: int, side: int = 24) -> bytes:
    """A picture that only this number has."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


class Asked(BaseHTTPRequestHandler):
    """One request; routes write their answers with it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        route, _, rest = self.path.lstrip("/").partition("?")[0].partition("/")
        with self.server.lock:
            self.server.asked[self.path] += 1
            self.server.headers_seen.append((self.path, dict(self.headers)))
            self.nth = self.server.asked[self.path]
            self.server.under_way += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.under_way)
        try:
            self.server.routes[route](self, rest)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def answer(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """A well-formed answer; `Content_Type="…"` for Content-Type."""
        self.begin(status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def begin(self, status: int = 200, **headers: str) -> None:
        """Status and headers only."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Routes by the first part of the path; `asked` counts requests by path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int) -> None:
        super().__init__((address, port), Asked)
        self.asked: Counter[str] = Counter()
        self.headers_seen: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.under_way = self.most_at_once = 0
        self.routes: dict[str, Callable[[Asked, str], None]] = dict(ROUTES)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}/{path}"

    def handle_error(self, *_: object) -> None:
        pass  # clients of these tests hang up on purpose


@contextmanager
def serving(address: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """A server that runs in a thread of its own; port 0: any that is free."""
    server = Server(address, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _ok(asked: Asked, rest: str) -> None:
    asked.answer(png(int(rest.partition(".")[0])), Content_Type="image/png")


def _etag(asked: Asked, rest: str) -> None:
    """The picture of this number, which changes when the server's routes say so."""
    if asked.headers.get("If-None-Match") == f'"{rest}"':
        asked.begin(304, ETag=f'"{rest}"')
    else:
        asked.answer(png(int(rest)), ETag=f'"{rest}"')


def _dated(asked: Asked, rest: str) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    if asked.headers.get("If-Modified-Since") == date:
        asked.begin(304)
    else:
        asked.answer(png(int(rest)), Last_Modified=date)


def _flaky(asked: Asked, rest: str) -> None:
    if asked.nth % 2:
        asked.answer(b"busy", 503)
    else:
        asked.answer(png(int(rest)))


def _busy(asked: Asked, rest: str) -> None:
    """Busy at the first request; back after so many seconds as the path says."""
    if asked.nth == 1:
        asked.answer(b"", 429, Retry_After=rest)
    else:
        asked.answer(png(5))


def _slow(asked: Asked, rest: str) -> None:
    time.sleep(0.2)
    asked.answer(png(int(rest)))


def _drip(asked: Asked, rest: str) -> None:
    asked.begin(Content_Length="100000")
    for _ in range(100):
        asked.wfile.write(b"x")
        time.sleep(0.05)


def _endless(asked: Asked, rest: str) -> None:
    asked.begin(Connection="close")
    while True:
        asked.wfile.write(bytes(65536))


def _endless_chunks(asked: Asked, rest: str) -> None:
    asked.begin(Transfer_Encoding="chunked")
    while True:
        asked.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")


def _endless_headers(asked: Asked, rest: str) -> None:
    asked.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        asked.wfile.write(b"X-More: and more\r\n" * 1000)


def _too_long_said(asked: Asked, rest: str) -> None:
    """The picture is all there is, though much more was announced."""
    asked.begin(Content_Length=str(10**12))
    asked.wfile.write(png(int(rest)))
    asked.close_connection = True


def _breaks_off(asked: Asked, rest: str) -> None:
    """Ends early, each time elsewhere; whole at the third request."""
    body = png(int(rest))
    asked.begin(Content_Length=str(len(body)))
    asked.wfile.write(body if asked.nth >= 3 else body[: 100 * asked.nth])
    asked.close_connection = asked.nth < 3


def _too_short_said(asked: Asked, rest: str) -> None:
    """More comes than was announced: after it, what looks like another answer."""
    asked.begin(Content_Length="100")
    asked.wfile.write(b"a" * 100)
    time.sleep(0.03)  # a client that keeps its connections has given this one to its next request by now
    asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")


def _no_length(asked: Asked, rest: str) -> None:
    asked.begin(Connection="close")
    asked.wfile.write(png(int(rest)))
    asked.close_connection = True


def _bomb(asked: Asked, rest: str) -> None:
    asked.answer(BOMB, Content_Encoding="gzip")


def _endless_gzip(asked: Asked, rest: str) -> None:
    """A small packed file, and bytes after it without end."""
    asked.begin(Content_Encoding="gzip", Connection="close")
    asked.wfile.write(gzip.compress(png(1)))
    while True:
        asked.wfile.write(bytes(65536))


def _no_http(asked: Asked, rest: str) -> None:
    asked.wfile.write(b"\x00\x01 no HTTP at all\r\n\r\n")
    asked.close_connection = True


def _hangs_up(asked: Asked, rest: str) -> None:
    asked.close_connection = True


BOMB = gzip.compress(bytes(64 * 2**20))
"""64 KiB that unpack to 64 MiB."""

ROUTES: dict[str, Callable[[Asked, str], None]] = {
    "ok": _ok,
    "etag": _etag,
    "dated": _dated,
    "flaky": _flaky,
    "busy": _busy,
    "slow": _slow,
    "drip": _drip,
    "endless": _endless,
    "endless_chunks": _endless_chunks,
    "endless_headers": _endless_headers,
    "endless_gzip": _endless_gzip,
    "too_long_said": _too_long_said,
    "too_short_said": _too_short_said,
    "breaks_off": _breaks_off,
    "no_length": _no_length,
    "bomb": _bomb,
    "no_http": _no_http,
    "hangs_up": _hangs_up,
    "big": lambda asked, rest: asked.answer(bytes(int(rest))),
    "page": lambda asked, rest: asked.answer(png(int(rest)), Content_Type="text/html; charset=utf-8"),
    "gzip": lambda asked, rest: asked.answer(gzip.compress(png(int(rest))), Content_Encoding="gzip"),
    "no_gzip": lambda asked, rest: asked.answer(png(int(rest)), Content_Encoding="gzip"),
    "cut_gzip": lambda asked, rest: asked.answer(gzip.compress(png(int(rest)))[:-20], Content_Encoding="gzip"),
    "brotli": lambda asked, rest: asked.answer(b"\x0b\x00", Content_Encoding="br"),
    "status": lambda asked, rest: asked.answer(b"" if rest == "204" else b"no", int(rest)),
    "to": lambda asked, rest: asked.begin(302, Location=f"/{rest}", Content_Length="0"),
    "loop": lambda asked, rest: asked.begin(301, Location=f"/loop/{rest}", Content_Length="0"),
    "away": lambda asked, rest: asked.begin(302, Location=rest.replace("~", "/"), Content_Length="0"),
    "robots": lambda asked, rest: asked.answer(png(3), X_Robots_Tag=rest.replace("~", ": ")),
}
