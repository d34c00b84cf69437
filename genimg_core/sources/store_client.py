"""Reads the objects below a URL through fsspec: S3, and every other store that it knows.

Credentials come from the environment and the store's own configuration files, never from here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from genimg_core.errors import SourceError
from genimg_core.params import nearest
from genimg_core.sources.source import text_of
from genimg_core.sources.store_url import CREDENTIALS, NO_STORES, S3, checked_protocol

AT_ONCE = 8
"""Objects read at the same time, where the store's client can; so many may be in memory."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
FAILURES_IN_A_ROW = 20
"""So many objects that cannot be read one after another: it is the store, not the objects."""

_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")

T = TypeVar("T")


@dataclass(frozen=True)
class StoredObject:
    """An object as the store lists it."""

    key: str
    """As fsspec names it."""
    size: int
    """Bytes; -1 where it is not told."""
    etag: str | None
    mtime_ns: int
    """-1 where it is not told, or there is an ETag, which tells more."""
    unsafe: str | None
    """Why it is not to be read, if so."""


@dataclass(frozen=True)
class Unread:
    """An object that could not be read."""

    why: str
    is_fault: bool = False
    """Whether the store failed: another try, later, may read it."""


class Store:
    """What lies below a URL.

    Args:
        url: `s3://bucket/prefix`, `memory://…`, `file:///…`.
        endpoint_url: of an S3 server that is not Amazon's.
        anonymous: whether S3 is asked without credentials.
        retries: tries of one object after the first, beside those that the store's own client makes.
        timeout_s: for S3, how long an answer may take to begin, or to go on.

    Raises:
        SourceError: no such store, a URL with a secret in it, or the package for it is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        endpoint_url: str | None = None,
        anonymous: bool = False,
        retries: int = 3,
        timeout_s: float = 30.0,
    ) -> None:
        self.url = url
        self._retries = retries
        protocol = checked_protocol(url, endpoint_url, anonymous)
        options: dict[str, Any] = {"endpoint_url": endpoint_url} if endpoint_url else {}
        if anonymous:
            options["anon"] = True
        if protocol in S3:
            options["config_kwargs"] = {"connect_timeout": timeout_s, "read_timeout": timeout_s}
        self._files, self._root = _open(url, protocol, options)
        if protocol in S3:
            # It would try five times what botocore tries five times and we some times: hours on a dead server.
            self._files.retries = 1

    def list(self) -> dict[str, StoredObject]:
        """Path below the URL -> object, sorted. An object whose name is no safe path is listed under its quoted name.

        Raises:
            SourceError: the store cannot be reached or may not be listed, or there is nothing.
        """
        try:
            infos = self._again(lambda: self._files.find(self._root, detail=True))
        except FileNotFoundError:
            infos = {}
        except Exception as error:
            raise _unreachable(self.url, error) from None
        prefix = f"{self._root.rstrip('/')}/"
        found: dict[str, StoredObject] = {}
        for key, info in infos.items():
            size = info.get("size")
            if key.endswith("/") and not size:
                continue  # what consoles put there for a folder
            name = key.removeprefix(prefix)
            path, unsafe = _safe(name) if name != key else (None, None)
            if path is None:
                continue  # the URL's own object, not one below it
            if path in found:
                raise SourceError(f"{self.url} holds two objects that are both written {path!r}", "rename one of them")
            if info.get("islink") or info.get("type") == "link":
                unsafe = "a link"
            etag, mtime_ns = _version(info)
            found[path] = StoredObject(key, -1 if size is None else int(size), etag, mtime_ns, unsafe)
        if not found:
            raise SourceError(f"{self.url} holds no objects", "correct `url` in params.yaml, or put images there")
        return dict(sorted(found.items()))

    def key_of(self, path: str) -> str:
        """The key of a path that `list` gave for an object that is safe."""
        return f"{self._root.rstrip('/')}/{path}"

    def read(self, wanted: Iterable[tuple[str, str, int]], most: int) -> Iterator[tuple[str, bytes | Unread]]:
        """(path, bytes) of each object, or why it could not be read; in the order of `wanted`.

        Args:
            wanted: (path, key, size in bytes as listed, -1 if not known).
            most: bytes; not one more is asked for.

        Raises:
            SourceError: the store has stopped answering.
        """
        failed = 0
        for path, data in self._in_parallel(wanted, most):
            failed = failed + 1 if isinstance(data, Unread) and data.is_fault else 0
            if failed >= FAILURES_IN_A_ROW:
                raise SourceError(
                    f"{self.url} has stopped answering: {failed} objects in a row, the last {path!r}: {data.why}",
                    "run the command again when it can be reached",
                )
            yield path, data

    def _in_parallel(self, wanted: Iterable[tuple[str, str, int]], most: int) -> Iterator[tuple[str, bytes | Unread]]:
        # A client that is not made for it (FTP's) would mix up two answers.
        at_once = AT_ONCE if getattr(self._files, "async_impl", False) else 1
        waiting: deque[tuple[str, Future[bytes | Unread]]] = deque()
        with ThreadPoolExecutor(at_once, thread_name_prefix="store") as pool:
            for path, key, size in wanted:
                if len(waiting) == at_once:
                    first, future = waiting.popleft()
                    yield first, future.result()
                waiting.append((path, pool.submit(self._read_one, key, size, most)))
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()

    def _read_one(self, key: str, size: int, most: int) -> bytes | Unread:
        try:
            data = self._again(lambda: self._bytes(key, size, most))
        except FileNotFoundError:
            return Unread("gone since it was listed")
        except PermissionError:
            return Unread("may not be read")
        except Exception as error:
            # Only the kind of error: its text may hold what differs from try to try.
            return Unread(f"could not be read in {self._retries + 1} tries ({type(error).__name__})", is_fault=True)
        if len(data) > most:
            return Unread(f"more than {most:,} bytes")
        if size >= 0 and len(data) != size:
            return Unread("changed since it was listed")
        return data

    def _bytes(self, key: str, size: int, most: int) -> bytes:
        """No more than one byte beyond what is known or allowed: that one tells."""
        if size == 0:
            return b""
        try:
            return self._files.cat_file(key, start=0, end=(min(size, most) if size > 0 else most) + 1)
        except FileNotFoundError:
            raise
        except Exception:
            # A part of nothing cannot be asked for.
            if size < 0 and self._files.info(key).get("size") == 0:
                return b""
            raise

    def _again(self, call: Callable[[], T]) -> T:
        """`call`, tried again where another time may do better."""
        for number in range(self._retries):
            try:
                return call()
            except (FileNotFoundError, PermissionError):
                raise
            except Exception as error:
                if type(error).__name__ in _NO_CREDENTIALS:
                    raise
                time.sleep(min(FIRST_WAIT_S * 2**number, LONGEST_WAIT_S))
        return call()


_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError")


def _open(url: str, protocol: str, options: dict[str, Any]) -> tuple[Any, str]:
    """(file system, path in it). Nothing is remembered between two looks: a listing must be what is there now."""
    import fsspec

    try:
        return fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as error:
        told = " ".join(str(error).split())
        raise SourceError(f"{protocol}:// needs a package that is not here ({told})", "install it into .venv") from None
    except ValueError as error:
        if "rotocol" in str(error):
            known = sorted(set(fsspec.available_protocols()) - set(NO_STORES))
            raise SourceError(f"there is no kind of store {protocol}://", nearest(protocol, known)) from None
        raise _unreachable(url, error) from None
    except Exception as error:
        raise _unreachable(url, error) from None


def _unreachable(url: str, error: Exception) -> SourceError:
    if isinstance(error, PermissionError) or type(error).__name__ in _NO_CREDENTIALS:
        return SourceError(
            f"{url} may not be listed ({' '.join(str(error).split())[:200]})",
            f"{CREDENTIALS}, or set `anonymous: true` for a public bucket",
        )
    return SourceError(
        f"{url} cannot be reached ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
        "correct `url` or `endpoint_url` in params.yaml, and look at the network",
    )


def _safe(name: str) -> tuple[str, str | None]:
    """(path, None), or (the name with nothing in it that leads anywhere, what is wrong with it)."""
    leads_nowhere = "\0" not in name and all(part not in ("", ".", "..") for part in name.split("/"))
    if leads_nowhere and text_of(name) == name:
        return name, None
    quoted = quote(name, safe="", errors="surrogateescape").replace(".", "%2E")
    return quoted, "a name that is not UTF-8" if leads_nowhere else f"the name {name!r} is no safe path"


def _version(info: dict[str, Any]) -> tuple[str | None, int]:
    """(ETag, time in ns)."""
    etag = info.get("ETag") or info.get("etag")
    if etag:
        return str(etag), -1
    told = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if isinstance(told, datetime):
        told = told.timestamp()
    return None, int(told * 1e9) if isinstance(told, int | float) else -1
