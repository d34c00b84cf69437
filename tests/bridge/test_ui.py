"""A port that was free may be another's by the time Dagster listens."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from orchestration import ui


@pytest.fixture
def other(request) -> Iterator[str]:
    """The address of a server that answers every question with `request.param`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_):
            pass

    with HTTPServer((ui.HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{ui.HOST}:{server.server_port}"
        server.shutdown()


def answer(home: str) -> bytes:
    told = f"local_artifact_storage:\n  config:\n    base_dir: {home}\n"
    return json.dumps({"data": {"instance": {"info": told}}}).encode()


@pytest.mark.parametrize(
    "other", [answer("/srv/another/.dagster"), b"hello", b"{}", b"[]", b'{"data": {"instance": null}}'], indirect=True
)
def test_anothers_server_is_not_taken_for_ours(other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "webserver.log").write_text("its last words")
    monkeypatch.setattr(ui, "START_LIMIT_S", 0.5)
    with pytest.raises(ui.NotStartedError, match="its last words"):
        ui._wait_until_it_answers(other, {}, tmp_path)


@pytest.mark.parametrize("other", [answer("/srv/this/.dagster")], indirect=True)
def test_ours_is_known_by_its_home(other: str):
    ui._wait_until_it_answers(other, {}, Path("/srv/this/.dagster"))
