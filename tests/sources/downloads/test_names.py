"""The names of URLs' files: safe and unique whatever the URL, readable where it is a good one."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genimg_core.sources.downloads.names import key_of, path_of, shown

PIECES = ["http://", "https://", "a.org", "..", ".", "/", "\\", "%2e%2e", "%2F", "%00", "\0", "?x=1", "#f", "@", ":",
          "[", "]", "CON", " ", "é", "\u202e", "\ud800", "\n", "a" * 300, ".png", ".PNG", ".php", "-", "~", "//",
          "user:pw@"]
ANY_URL = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)


@given(ANY_URL)
@example("http://a.org/../../etc/passwd")
@example("http://a.org/%2e%2e%2f%2e%2e%2fetc")
def test_a_name_is_always_safe(url):
    name = path_of(url)
    folder, slash, file = name.partition("/")
    assert slash and "/" not in file
    for part in (folder, file):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part) and len(part) <= 100
    assert PurePosixPath(name).parts == (folder, file) and not name.endswith(".")


@given(st.lists(ANY_URL, unique=True, min_size=2))
def test_two_urls_never_share_a_name_and_one_keeps_it(urls):
    names = [path_of(url) for url in urls]
    assert len(set(names)) == len(urls)
    assert names == [path_of(url) for url in urls]
    # Also where the file system does not tell capitals from small letters.
    assert len({name.lower() for name in names}) == len(urls)


@pytest.mark.parametrize(
    ("url", "start", "end"),
    [
        ("https://Example.org/photos/My%20cat.JPG?size=2#x", "example.org/My_cat-", ".jpg"),
        ("https://example.org/image.php?id=3", "example.org/image.php-", ""),
        ("https://example.org/", "example.org/", ""),
        ("https://user:pw@example.org:8080/a/.hidden.png", "example.org/hidden-", ".png"),
        ("not a url", "no_host/not_a_url-", ""),
        ("http://[::1/x.png", "no_host/", ""),
    ],
)
def test_a_name_tells_people_where_the_file_came_from(url, start, end):
    assert path_of(url) == f"{start}{key_of(url)[:20]}{end}"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://u:pw@a.org/x.png", "https://a.org/x.png"),
        ("https://a.org/x?w=3&X-Amz-Signature=abc&h=4", "https://a.org/x?w=3&X-Amz-Signature=%E2%80%A6&h=4"),
        ("https://a.org/x?access_token=abc", "https://a.org/x?access_token=%E2%80%A6"),
        ("https://a.org/x?w=a%20b", "https://a.org/x?w=a%20b"),
        ("http://u:pw@[::1/x", "[::1/x"),
    ],
)
def test_what_opens_doors_is_not_shown(url, told):
    assert shown(url) == told


@given(ANY_URL)
def test_any_url_can_be_shown(url):
    assert len(shown(url).encode("utf8")) < 20_000


@given(st.text("abcdef0123456789", min_size=12, max_size=30), st.sampled_from(["sig", "token", "api_key", "password"]))
def test_no_secret_is_shown(secret, name):
    assert secret not in shown(f"https://me:{secret}@a.org/x.png?a=1&{name}={secret}")
