"""The name that a URL's file gets: stable, safe, its own. And how a URL is shown."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

HASH_DIGITS = 20
"""80 bits: among a million URLs two share a name with a chance of less than one in 10^12."""
LONGEST_HOST = 60
LONGEST_TAIL = 60
LONGEST_SHOWN = 2000

_SUFFIXES = frozenset(
    "apng avif bmp gif heic heif ico jfif jp2 jpe jpeg jpg jxl pbm pgm png pnm ppm svg tga tif tiff webp".split()
)
"""Of images. Another ending (.php, .aspx) says nothing about what is sent, and becomes part of the name."""
_SECRET = re.compile(r"(?i)signature|credential|token|secret|passw|api[_-]?key|^sig$|^key$|^auth")
"""Parameters of a URL that open a door."""


def key_of(url: str) -> str:
    """sha256 (hex) of the URL: what the ledger knows it by."""
    return hashlib.sha256(url.encode("utf8", "surrogatepass")).hexdigest()


def path_of(url: str) -> str:
    """`host/tail-hash.ext`, for any text whatsoever.

    The tail is the last part of the URL's path, for people; the hash of the whole URL makes the name its own.
    """
    try:
        parts = urlsplit(url)
        host, tail = parts.hostname or "", unquote(parts.path.rstrip("/").rpartition("/")[2])
    except ValueError:
        host, tail = "", ""
    return f"{_plain(host.lower(), LONGEST_HOST) or 'no_host'}/{own_name(tail, url)}"


def own_name(tail: str, whole: str) -> str:
    """`tail-hash.ext`: a safe file name that only `whole` has.

    Args:
        tail: what people should recognise it by.
        whole: what it is the name of.
    """
    stem, _, suffix = tail.rpartition(".")
    if stem and suffix.lower() in _SUFFIXES:
        ending = f".{suffix.lower()}"
    else:
        stem, ending = tail, ""
    plain = _plain(stem, LONGEST_TAIL)
    return f"{plain}-{key_of(whole)[:HASH_DIGITS]}{ending}" if plain else f"{key_of(whole)[:HASH_DIGITS]}{ending}"


def _plain(text: str, most: int) -> str:
    """Letters, digits, `.`, `_` and `-` of ASCII; what it begins with is no dot and no dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:most].rstrip("._-")


def shown(url: str) -> str:
    """The URL without user, password and the values of parameters that look like keys; for files that travel."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        query = parts.query
        if any(_SECRET.search(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
            query = "&".join(_shown_pair(pair) for pair in query.split("&"))
        text = urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))
    except ValueError:
        text = url.rpartition("@")[2]
    return text[:LONGEST_SHOWN].encode("utf8", "backslashreplace").decode()


def _shown_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={quote('…')}" if equals and value and _SECRET.search(unquote(name)) else pair
