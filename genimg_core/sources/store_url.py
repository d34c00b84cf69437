"""What a store's URL may be: no secret in it, nothing that reads the store through something else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from genimg_core.errors import SourceError

CREDENTIALS = (
    "give credentials in the environment or the store's own configuration files (AWS_ACCESS_KEY_ID, AWS_PROFILE, …)"
)
"""What to do, as remedies say it."""

S3 = ("s3", "s3a")
NO_STORES = {
    "http": "a web page has no list of its files: use `kind: table`, or fetch an archive",
    "https": "a web page has no list of its files: use `kind: table`, or fetch an archive",
    "zip": "use `kind: archive`",
    "tar": "use `kind: archive`",
    "libarchive": "use `kind: archive`",
    "reference": "name the store itself",
    "data": "name the store itself",
}
_SECRET = re.compile(r"[?&](sig|password|[\w-]*(secret|key|credential|signature|token))=", re.I)


def checked_protocol(url: str, endpoint_url: str | None, anonymous: bool) -> str:
    """The protocol of a URL that may be opened.

    Raises:
        SourceError: no URL, a chain of them, one with a secret in it, a protocol that lists nothing, or an option that
            it does not have.
    """
    protocol, sign, _ = url.partition("://")
    if not sign or "::" in url:
        # Not quoted: who forgets the sign may have put anything there.
        raise SourceError("`url` names no store", "write it as s3://bucket/folder (a chain with :: is not followed)")
    for text in (url, endpoint_url or ""):
        if _has_secret(text):
            raise SourceError(
                f"the URL of a store at {protocol}:// holds a secret",
                f"take it out, and {CREDENTIALS}",
            )
    if protocol in NO_STORES:
        raise SourceError(f"{protocol}:// is no store that can be listed", NO_STORES[protocol])
    if protocol not in S3 and (endpoint_url or anonymous):
        raise SourceError(
            f"`{'endpoint_url' if endpoint_url else 'anonymous'}` is for s3://, not for {protocol}://", "leave it out"
        )
    return protocol


def _has_secret(url: str) -> bool:
    try:
        return urlsplit(url).password is not None or bool(_SECRET.search(url))
    except ValueError:
        return "@" in url
