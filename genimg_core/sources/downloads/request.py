"""One request: ask a server for one URL, without following it elsewhere, and take what it sends within the limits."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from genimg_core.sources.downloads import opt_out, reasons
from genimg_core.sources.downloads.addresses import RefusedAddressError, is_address, why_refused
from genimg_core.sources.downloads.blobs import BlobStore
from genimg_core.sources.downloads.body import BodyError, TooLongError, Unpacker
from genimg_core.sources.source import TOO_MANY_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import aiohttp
    from yarl import URL

    from genimg_core.sources.downloads.policy import DownloadParams

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WITH_FILE = frozenset({200, 203})
_LONGEST_DETAIL = 200
_LONGEST_VALIDATOR = 1000


@dataclass(frozen=True)
class Answer:
    """What came of one request; of `sha256`, `location`, `unchanged` and `reason` one says it."""

    status: int = 0
    """Of HTTP; 0 where there was no answer."""
    sha256: str | None = None
    """The file is in the store."""
    bytes: int = 0
    cut_short: bool = False
    """The connection ended before the announced length: the file may be whole, where the announcement was wrong."""
    location: str | None = None
    """Where the server sends us."""
    unchanged: bool = False
    """What we have is what there is (304)."""
    reason: str | None = None
    detail: str | None = None
    wait_s: float | None = None
    """For how long the server asks to be left alone."""
    etag: str | None = None
    last_modified: str | None = None
    robots: str | None = None


def usable(text: str) -> URL | Answer:
    """The URL to ask for, or why it cannot be asked for."""
    from yarl import URL

    try:
        # What is written in full is sent as it stands: quoting anew would break a signed URL.
        encoded = all("!" <= char <= "~" for char in text)
        url = URL(text, encoded=encoded)
        host, _ = url.host, url.port
    except (ValueError, UnicodeError) as error:
        return Answer(reason=reasons.BAD_URL, detail=f"no URL ({_one_line(error)})")
    if url.scheme not in ("http", "https") or not host:
        return Answer(reason=reasons.BAD_URL, detail="no URL that begins with http:// or https://")
    if url.user is not None or url.password is not None:
        return Answer(reason=reasons.BAD_URL, detail="a URL with a user or password in it")
    return url.with_fragment(None)


class Client:
    """Asks with one session; to be used on one event loop.

    Args:
        session: made by `open_session`.
        store: gets the files.
        params: limits and manners.
        max_bytes: a longer file is not kept.
    """

    def __init__(self, session: aiohttp.ClientSession, store: BlobStore, params: DownloadParams, max_bytes: int):
        self._session = session
        self._store = store
        self._params = params
        self._max_bytes = max_bytes
        self._allowed = allowed_hosts(params.allow_hosts)

    async def ask(self, url: URL, conditions: Mapping[str, str]) -> Answer:
        """Make one request.

        Args:
            url: from `usable`.
            conditions: If-None-Match and the like.

        Raises:
            SetupError: the store cannot be written.
        """
        host = url.host or ""
        if is_address(host) and host.lower() not in self._allowed and (why := why_refused(host)):
            return Answer(reason=reasons.REFUSED_ADDRESS, detail=why)
        try:
            async with asyncio.timeout(self._params.timeout_s):
                return await self._exchange(url, conditions)
        except TimeoutError:
            return Answer(reason=reasons.TIMED_OUT, detail=f"no whole answer within {self._params.timeout_s:g} s")
        except Exception as error:
            if (answer := _of_failure(error)) is None:
                raise
            return answer

    async def _exchange(self, url: URL, conditions: Mapping[str, str]) -> Answer:
        async with self._session.get(url, headers=conditions, allow_redirects=False) as response:
            headers = response.headers
            answer = Answer(
                response.status,
                etag=_validator(headers.get("ETag")),
                last_modified=_validator(headers.get("Last-Modified")),
                robots=opt_out.joined(headers.getall("X-Robots-Tag", ())),
            )
            if response.status in _REDIRECTS and "Location" in headers:
                return replace(answer, location=headers["Location"])
            unchanged = response.status == HTTPStatus.NOT_MODIFIED and bool(conditions)
            if response.status not in _WITH_FILE and not unchanged:
                return replace(
                    answer, reason=reasons.of_status(response.status), wait_s=wait_asked(headers.get("Retry-After"))
                )
            # Only now: pages of errors and redirects say noindex of themselves, not of the file.
            word = opt_out.opted_out(answer.robots, self._params.user_agent) if self._params.honour_opt_out else None
            if word:
                return replace(answer, reason=reasons.OPTED_OUT, detail=f"X-Robots-Tag: {word}")
            return replace(answer, unchanged=True) if unchanged else await self._stored(response, answer)

    async def _stored(self, response: aiohttp.ClientResponse, answer: Answer) -> Answer:
        """Take the body. What headers say of its length and type is not believed: its bytes decide."""
        from aiohttp import ClientPayloadError

        encoding = response.headers.get("Content-Encoding", "")
        if not Unpacker.knows(encoding):
            return replace(answer, reason=reasons.UNKNOWN_ENCODING, detail=f"Content-Encoding: {encoding[:50]!r}")
        unpacker = Unpacker(encoding, self._max_bytes)
        cut_short = False
        with self._store.receive() as file:
            try:
                try:
                    async for data in response.content.iter_any():
                        for piece in unpacker.feed(data):
                            file.write(piece)
                except ClientPayloadError:
                    cut_short = True
                for piece in unpacker.finish():
                    file.write(piece)
            except TooLongError:
                response.close()
                return replace(answer, reason=TOO_MANY_BYTES, detail=f"more than {self._max_bytes:,} bytes")
            except BodyError as error:
                reason = reasons.CUT_SHORT if cut_short else reasons.DAMAGED_ENCODING
                return replace(answer, reason=reason, detail=str(error))
            sha256, size = file.keep()
        return replace(answer, sha256=sha256, bytes=size, cut_short=cut_short)


def open_session(params: DownloadParams) -> aiohttp.ClientSession:
    """A session that keeps no cookies, asks no proxy, unpacks nothing and connects to checked addresses only."""
    import aiohttp

    from genimg_core.sources.downloads.addresses import checked_resolver

    connector = aiohttp.TCPConnector(
        resolver=checked_resolver(allowed_hosts(params.allow_hosts)),
        limit=params.parallel,
        limit_per_host=0,  # turns.py counts them; waiting here would use up the request's time
        ttl_dns_cache=300,
        # On a connection that is kept, what a server sends beyond the announced length is taken for its next answer:
        # one file's bytes under another's name. A handshake for each file is the price.
        force_close=True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": params.user_agent, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
    )


def allowed_hosts(hosts: Collection[str]) -> frozenset[str]:
    """`allow_hosts` as they are compared: an IPv6 address may stand in brackets or not."""
    return frozenset(host.lower().strip("[]") for host in hosts)


def wait_asked(retry_after: str | None, now: float | None = None) -> float | None:
    """Seconds that a Retry-After header (a number, or a date) asks for; None if it asks for nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0.0, when - (time.time() if now is None else now))


def _of_failure(error: Exception) -> Answer | None:
    """The answer that an exception of a request amounts to; None if it is no fault of the request."""
    import aiohttp

    cause = error.__cause__ or error
    if isinstance(cause, RefusedAddressError):
        return Answer(reason=reasons.REFUSED_ADDRESS, detail=str(cause))
    known = (
        (aiohttp.ClientConnectorDNSError, reasons.UNRESOLVED_HOST),
        (aiohttp.InvalidURL, reasons.BAD_URL),
        ((aiohttp.ClientSSLError, ssl.SSLError), reasons.TLS_FAILED),
        (aiohttp.ServerTimeoutError, reasons.TIMED_OUT),
        ((aiohttp.ClientConnectionError, ConnectionError), reasons.CONNECTION_FAILED),
        (aiohttp.ClientPayloadError, reasons.CUT_SHORT),
        ((aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError), reasons.BAD_RESPONSE),
        ((ValueError, UnicodeError), reasons.BAD_URL),  # a host that cannot be written in ASCII, a port out of range
        (OSError, reasons.CONNECTION_FAILED),
    )
    for kinds, reason in known:
        if isinstance(error, kinds):
            return Answer(reason=reason)
    return None


def _validator(header: str | None) -> str | None:
    """An ETag or a date, as it is sent back; one of absurd length is forgotten."""
    return header if header and len(header) <= _LONGEST_VALIDATOR and header.isprintable() else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST_DETAIL]
