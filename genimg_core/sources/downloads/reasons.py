"""Why a URL gave no file: the reasons that its row gets (besides `http_NNN`, the server's status)."""

from __future__ import annotations

import re

BAD_URL = "bad_url"
"""No http or https URL, or one with a password in it."""
REFUSED_ADDRESS = "refused_address"
"""The host's address is private, loopback, link-local, multicast or reserved, and `allow_hosts` does not name it."""
OPTED_OUT = "opted_out"
"""Its server asks not to use it."""
TOO_MANY_REDIRECTS = "too_many_redirects"
UNKNOWN_ENCODING = "unknown_encoding"
"""Compressed in a way that was not asked for and is not known."""
DAMAGED_ENCODING = "damaged_encoding"
"""Said to be compressed, begins so, and cannot be unpacked."""

TIMED_OUT = "timed_out"
UNRESOLVED_HOST = "unresolved_host"
"""No address is known for the host's name."""
CONNECTION_FAILED = "connection_failed"
TLS_FAILED = "tls_failed"
BAD_RESPONSE = "bad_response"
"""No HTTP."""
CUT_SHORT = "cut_short"
"""The body ended early, each time elsewhere."""
HOST_UNREACHABLE = "host_unreachable"
"""Not asked for: its host had left too many requests in a row without an answer."""

_MAY_PASS = {TIMED_OUT, UNRESOLVED_HOST, CONNECTION_FAILED, TLS_FAILED, BAD_RESPONSE, CUT_SHORT, HOST_UNREACHABLE}
UNANSWERED = frozenset({TIMED_OUT, UNRESOLVED_HOST, CONNECTION_FAILED})
"""What a host that is down looks like."""
BY_OUR_RULES = frozenset({REFUSED_ADDRESS, OPTED_OUT, TOO_MANY_REDIRECTS, "too_many_bytes"})
"""Decided by the params as much as by the server."""


def of_status(status: int) -> str:
    """404 gives `http_404`."""
    return f"http_{status}"


def may_pass(reason: str) -> bool:
    """Whether the same request may succeed another time: server errors, overload and the network's failures."""
    status = re.fullmatch(r"http_(\d{3})", reason)
    return int(status[1]) >= 500 or int(status[1]) in (408, 425, 429) if status else reason in _MAY_PASS
