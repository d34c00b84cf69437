"""URLs of stores: what may be opened; a secret is refused and not repeated."""

from __future__ import annotations

import pytest

from genimg_core.errors import SourceError
from genimg_core.sources.store_client import Store
from genimg_core.sources.store_url import checked_protocol


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("s3://bucket/folder", "s3"),
        ("abfs://container@account.dfs.core.windows.net/folder", "abfs"),
        ("sftp://me@host/folder", "sftp"),
        ("memory://x", "memory"),
    ],
)
def test_stores(url, protocol):
    assert checked_protocol(url, None, False) == protocol


@pytest.mark.parametrize(
    ("url", "endpoint", "told"),
    [
        ("images", None, "names no store"),
        ("simplecache::s3://b", None, "a chain with :: is not followed"),
        ("https://host/images", None, "`kind: table`"),
        ("zip://x", None, "`kind: archive`"),
        ("memory://x", "http://h", "`endpoint_url` is for s3://"),
    ],
)
def test_what_is_no_store(url, endpoint, told):
    with pytest.raises(SourceError, match=told):
        checked_protocol(url, endpoint, False)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("ftp://me:hunter2@host/x", None),
        ("s3://b/x?X-Amz-Signature=hunter2", None),
        ("abfs://c@a.dfs.core.windows.net/x?sv=1&sig=hunter2", None),
        ("gs://b?access_token=hunter2", None),
        ("s3://b", "https://me:hunter2@minio:9000"),
        ("ftp://me:hunter2@[host", None),
    ],
)
def test_a_secret_is_refused_and_not_repeated(url, endpoint):
    with pytest.raises(SourceError, match="holds a secret") as caught:
        checked_protocol(url, endpoint, False)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [("memry://b", "no kind of store memry://.*\n.*did you mean 'memory'"), ("gs://b", "needs a package")],
)
def test_what_this_machine_cannot_open(url, told):
    with pytest.raises(SourceError, match=told):
        Store(url)
