"""Fetching from a server that is slow, flaky and lies: each URL gets its file or its reason."""

from __future__ import annotations

import hashlib
import socket
import time

import pytest

from genimg_core.errors import CorruptFileError, SetupError
from genimg_core.sources.downloads import addresses
from genimg_core.sources.downloads import run as run_module
from genimg_core.sources.downloads.names import path_of
from tests.sources.downloads.server import png, serving


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- what arrives -----------------------------------------------------------------------------------------------------


def test_a_file_is_stored_under_its_hash(fetch, server):
    (entry,) = fetch("ok/1.png")
    assert (entry.sha256, entry.bytes, entry.reason) == (_sha256(png(1)), len(png(1)), None)
    assert fetch.bytes_of(entry) == png(1)
    assert entry.path == path_of(server.url("ok/1.png"))
    assert [path for path, _ in server.headers_seen] == ["/ok/1.png"]
    headers = server.headers_seen[0][1]
    assert headers["User-Agent"] == "genimg" and headers["Accept-Encoding"] == "identity" and "Cookie" not in headers
    assert not list((fetch.folder / "store" / "incoming").iterdir())


@pytest.mark.parametrize("path", ["page/2", "gzip/2", "no_gzip/2", "no_length/2", "too_long_said/2", "to/ok/2.png"])
def test_the_bytes_decide_whatever_the_headers_say(fetch, path):
    (entry,) = fetch(path)
    assert entry.reason is None and fetch.bytes_of(entry) == png(2)


def test_more_than_was_announced_is_cut_and_poisons_no_other_request(fetch, server):
    entries = fetch(*(f"too_short_said/{n}" for n in range(4)), *(f"ok/{n}.png" for n in range(20)), per_host=1)
    assert [fetch.bytes_of(entry) for entry in entries[:4]] == [b"a" * 100] * 4
    assert [fetch.bytes_of(entry) for entry in entries[4:]] == [png(n) for n in range(20)]
    assert set(server.asked.values()) == {1}


def test_a_body_that_breaks_off_is_asked_for_again(fetch, server):
    (entry,) = fetch("breaks_off/4")
    assert fetch.bytes_of(entry) == png(4) and server.asked["/breaks_off/4"] == 3


@pytest.mark.parametrize(
    ("path", "reason", "requests"),
    [
        ("status/404", "http_404", 1),
        ("status/403", "http_403", 1),
        ("status/204", "http_204", 1),
        ("status/500", "http_500", 3),
        ("endless/1", "too_many_bytes", 1),
        ("endless_chunks/1", "too_many_bytes", 1),
        ("endless_gzip/1", "too_many_bytes", 1),
        ("bomb/1", "too_many_bytes", 1),
        ("endless_headers/1", "bad_response", 3),
        ("no_http/1", "bad_response", 3),
        ("hangs_up/1", "connection_failed", 6),  # aiohttp itself asks once more: a kept connection may have ended
        ("cut_gzip/1", "damaged_encoding", 1),
        ("brotli/1", "unknown_encoding", 1),
        ("loop/1", "too_many_redirects", 6),
        ("robots/noai", "opted_out", 1),
        ("robots/googlebot~noindex", None, 1),
    ],
)
def test_what_gives_no_file_has_its_reason(fetch, server, path, reason, requests):
    (entry,) = fetch(path)
    assert entry.reason == reason
    assert (entry.sha256 is None) == (reason is not None)
    assert server.asked[f"/{path}"] == requests


@pytest.mark.parametrize("path", ["drip/1", "slow/1"])
def test_time_ends_a_request(fetch, path):
    began = time.monotonic()
    (entry,) = fetch(path, timeout_s=0.1, attempts=2)
    assert (entry.reason, entry.attempts) == ("timed_out", 2)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://127.0.0.1/x.png", "bad_url"),
        ("http://", "bad_url"),
        ("http://user:secret@127.0.0.1/x.png", "bad_url"),
        ("http://127.0.0.1:99999/x.png", "bad_url"),
        ("http://[::1/x.png", "bad_url"),
        ("http://no-such-host.invalid/x.png", "unresolved_host"),
        ("http://127.0.0.1:1/x.png", "connection_failed"),
    ],
)
def test_what_is_no_url_or_no_host(fetch, url, reason):
    (entry,) = fetch(url, attempts=1)
    assert entry.reason == reason
    assert "secret" not in repr(entry)


# --- where it may come from -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
)
def test_addresses_of_this_machine_and_network_are_refused(fetch, server, host):
    (entry,) = fetch(server.url("ok/1.png", host), allow_hosts=[])
    assert entry.reason == "refused_address" and not server.asked


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1"])
def test_addresses_in_disguise_are_refused_too(fetch, server, host):
    (entry,) = fetch(server.url("ok/1.png", host), allow_hosts=[], attempts=1)
    assert entry.reason in ("refused_address", "bad_url", "unresolved_host") and not server.asked


def test_a_name_that_leads_to_this_machine_is_allowed_by_name_only(fetch, server):
    assert fetch(server.url("ok/1.png", "localhost"), allow_hosts=["127.0.0.1"])[0].reason == "refused_address"
    assert fetch(server.url("ok/1.png", "localhost"), allow_hosts=["LOCALHOST"])[0].reason is None
    assert server.asked.total() == 1


def test_the_address_that_was_checked_is_the_one_connected_to(fetch, server, monkeypatch):
    """DNS rebinding: the name gives an address that passes, and a forbidden one a moment later."""
    resolved = []
    real = socket.getaddrinfo

    def rebinding(host, *args, **settings):
        if host == "rebinding.test":
            resolved.append(host)
            host = "127.0.0.1" if len(resolved) == 1 else "127.0.0.2"
        return real(host, *args, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(addresses, "why_refused", lambda ip: None if ip == "127.0.0.1" else f"{ip} is forbidden")
    url = server.url("ok/1.png", "rebinding.test")
    with serving("127.0.0.2", server.server_address[1]) as forbidden:
        assert fetch(url)[0].reason is None and resolved == ["rebinding.test"]
        (entry,) = fetch(f"{url}?again")
        assert (entry.reason, entry.detail) == ("refused_address", "127.0.0.2 is forbidden")
        assert not forbidden.asked and server.asked.total() == 1


@pytest.mark.parametrize("place", ["http:~~127.0.0.2", "http:~~localhost", "http:~~10.0.0.1~x.png", "~~[::1]~x"])
def test_a_redirect_is_checked_like_the_first_request(fetch, server, place):
    (entry,) = fetch(f"away/{place}")
    assert entry.reason == "refused_address" and server.asked.total() == 1


@pytest.mark.parametrize(
    "place", ["file:~~~etc~passwd", "ftp:~~example.org~x", "http:~~u:p@127.0.0.1~x", "javascript:1"]
)
def test_a_redirect_leads_to_http_or_nowhere(fetch, place):
    assert fetch(f"away/{place}")[0].reason == "bad_url"


def test_redirects_are_counted(fetch, server):
    assert fetch("to/" * 5 + "ok/1.png")[0].reason is None
    assert fetch("to/" * 6 + "ok/1.png")[0].reason == "too_many_redirects"
    assert fetch("to/ok/2.png", max_redirects=0)[0].reason == "too_many_redirects"


# --- opting out -------------------------------------------------------------------------------------------------------


def test_opting_out_is_honoured_unless_params_say_otherwise_and_honoured_again_when_they_do(fetch, server):
    path = "robots/noindex"
    assert fetch(path, honour_opt_out=False)[0].sha256 == _sha256(png(3))
    (entry,) = fetch(path)
    assert (entry.reason, entry.sha256, entry.detail) == ("opted_out", None, "X-Robots-Tag: noindex")
    assert fetch(path, honour_opt_out=False)[0].reason is None
    assert server.asked.total() == 1


def test_what_errors_and_redirects_say_of_themselves_is_not_said_of_the_file(fetch, server):
    server.routes["gone"] = lambda asked, rest: asked.answer(b"", int(rest), X_Robots_Tag="noindex")
    server.routes["short"] = lambda asked, rest: asked.answer(b"", 302, X_Robots_Tag="noindex", Location="/ok/1.png")
    entries = fetch("gone/404", "gone/503", "short/x", attempts=1)
    assert [entry.reason for entry in entries] == ["http_404", "http_503", None]


def test_opting_out_is_seen_when_a_file_is_asked_for_anew(fetch, server):
    assert fetch("etag/1")[0].reason is None
    server.routes["etag"] = lambda asked, rest: asked.begin(304, X_Robots_Tag="noai")
    assert fetch("etag/1", revalidate=True)[0].reason == "opted_out"


# --- again ------------------------------------------------------------------------------------------------------------


def test_what_is_here_is_not_asked_for_again(fetch, server):
    first = fetch(*(f"ok/{n}.png" for n in range(10)))
    second = fetch(*(f"ok/{n}.png" for n in range(12)))
    assert second[:10] == first
    assert server.asked == {f"/ok/{n}.png": 1 for n in range(12)}


def test_only_failures_that_may_pass_are_tried_again(fetch, server):
    paths = ("status/404", "status/503", "robots/noai", "status/429")
    fetch(*paths, attempts=1)
    fetch(*paths, attempts=1)
    assert server.asked == {"/status/404": 1, "/status/503": 2, "/robots/noai": 1, "/status/429": 2}
    entries = fetch(*paths, attempts=1, retry_failures=True)
    assert server.asked == {"/status/404": 2, "/status/503": 3, "/robots/noai": 2, "/status/429": 3}
    assert [entry.attempts for entry in entries] == [2, 3, 2, 3]


def test_a_refusal_of_ours_is_decided_anew_under_other_params(fetch, server):
    assert fetch("ok/1.png", max_bytes=10)[0].reason == "too_many_bytes"
    assert fetch("ok/1.png", max_bytes=10)[0].reason == "too_many_bytes"
    assert server.asked["/ok/1.png"] == 1
    assert fetch("ok/1.png")[0].reason is None
    assert fetch("ok/1.png", max_bytes=10)[0].reason == "too_many_bytes"
    assert server.asked["/ok/1.png"] == 2


def test_flaky_servers_are_asked_again_within_a_scan(fetch, server):
    entries = fetch(*(f"flaky/{n}" for n in range(8)))
    assert [entry.sha256 for entry in entries] == [_sha256(png(n)) for n in range(8)]
    assert set(server.asked.values()) == {2}


def test_a_pause_that_a_server_asks_for_is_kept(fetch, server):
    began = time.monotonic()
    (entry,) = fetch("busy/1")
    assert entry.reason is None and 1 <= time.monotonic() - began < 4
    (entry,) = fetch("busy/3000")
    assert entry.reason == "http_429" and server.asked["/busy/3000"] == 1


def test_what_goes_on_failing_keeps_its_first_reason(fetch, server):
    assert fetch("status/503", attempts=1)[0].reason == "http_503"
    server.routes["status"] = server.routes["hangs_up"]
    assert fetch("status/503", attempts=1)[0].reason == "http_503"


def test_a_host_that_is_down_is_left_alone(fetch, monkeypatch):
    monkeypatch.setattr(run_module, "UNANSWERED_IN_A_ROW", 5)
    entries = fetch(*(f"http://127.0.0.1:1/{n}.png" for n in range(40)), per_host=1, attempts=1)
    reasons = [entry.reason for entry in entries]
    assert reasons.count("connection_failed") == 5 and reasons.count("host_unreachable") == 35


# --- revalidation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["etag", "dated"])
def test_what_is_here_is_asked_for_anew_only_when_that_is_wanted(fetch, server, route):
    (first,) = fetch(f"{route}/1")
    assert fetch(f"{route}/1") == [first] and server.asked.total() == 1
    (same,) = fetch(f"{route}/1", revalidate=True)
    assert same.sha256 == first.sha256 and server.asked.total() == 2
    sent = server.headers_seen[-1][1]
    assert sent.get("If-None-Match") == ('"1"' if route == "etag" else None)
    assert ("If-Modified-Since" in sent) == (route == "dated")


def test_a_file_that_has_changed_is_fetched_anew(fetch, server):
    fetch("etag/1")
    server.routes["etag"] = lambda asked, rest: asked.answer(png(99), ETag='"new"')
    (entry,) = fetch("etag/1", revalidate=True)
    assert (entry.sha256, entry.etag) == (_sha256(png(99)), '"new"')


@pytest.mark.parametrize(("route", "kept"), [("hangs_up", True), ("status", False)])
def test_a_file_stays_while_its_server_is_silent_and_goes_when_it_is_gone(fetch, server, route, kept):
    (first,) = fetch("etag/1")
    answers = {"hangs_up": server.routes["hangs_up"], "status": lambda asked, rest: asked.answer(b"", 404)}
    server.routes["etag"] = answers[route]
    (entry,) = fetch("etag/1", revalidate=True)
    assert entry.sha256 == (first.sha256 if kept else None)
    assert entry.reason == (None if kept else "http_404")


def test_no_conditions_are_sent_for_a_file_that_is_lost(fetch, server):
    (entry,) = fetch("etag/1")
    (fetch.folder / "store" / entry.sha256[:2] / entry.sha256).unlink()
    assert fetch.bytes_of(fetch("etag/1", revalidate=True)[0]) == png(1)
    assert "If-None-Match" not in server.headers_seen[-1][1]


# --- limits and faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parallel", "per_host", "most"), [(16, 3, 3), (2, 8, 2)])
def test_no_more_requests_at_once_than_allowed(fetch, server, parallel, per_host, most):
    fetch(*(f"slow/{n}" for n in range(9)), parallel=parallel, per_host=per_host)
    assert server.most_at_once == most


def test_a_host_that_is_slow_holds_no_other_up(fetch, server):
    """All of one host stand first in the table; the other's arrive while they wait."""
    paths = [server.url(f"slow/{n}", "localhost") for n in range(6)] + [f"ok/{n}.png" for n in range(6)]
    fetch(*paths, allow_hosts=["127.0.0.1", "localhost"], parallel=2, per_host=1)
    order = [path for path, _ in server.headers_seen]
    assert order.index("/ok/5.png") < order.index("/slow/5")


def test_a_store_that_cannot_be_written_is_a_clear_error(fetch, server, tmp_path):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(SetupError, match="downloads cannot be written"):
        fetch("ok/1.png")
    assert not server.asked


def test_a_ledger_that_cannot_be_read_is_a_clear_error(fetch, tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(CorruptFileError, match=r"ledger of downloads.*cannot be used"):
        fetch("ok/1.png")


def test_a_blob_that_a_power_cut_left_empty_is_fetched_again(fetch, server):
    (entry,) = fetch("ok/1.png")
    place = fetch.folder / "store" / entry.sha256[:2] / entry.sha256
    place.write_bytes(b"")
    assert fetch.bytes_of(fetch("ok/1.png")[0]) == png(1)
    assert server.asked["/ok/1.png"] == 2


def test_a_server_that_speaks_no_tls_is_told_apart(fetch, server):
    (entry,) = fetch(server.url("ok/1.png").replace("http:", "https:"), attempts=1)
    assert entry.reason == "tls_failed" and not server.asked


def test_names_that_nobody_knows_hold_no_other_up(fetch, server, monkeypatch):
    """Lookups that hang, more of them than the machine has threads for by default."""
    real = socket.getaddrinfo

    def hanging(host, *args, **settings):
        if host.endswith(".hangs.test"):
            time.sleep(1)
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(host, *args, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    paths = [f"http://{n}.hangs.test/x.png" for n in range(20)] + [server.url("ok/1.png", "localhost")]
    entries = fetch(*paths, allow_hosts=["localhost"], parallel=32, attempts=1, timeout_s=1.6)
    assert [entry.reason for entry in entries] == ["unresolved_host"] * 20 + [None]
