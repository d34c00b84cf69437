"""What is read out of headers and URLs before and after a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from genimg_core.sources.downloads.policy import DownloadParams
from genimg_core.sources.downloads.reasons import may_pass, of_status
from genimg_core.sources.downloads.request import Answer, allowed_hosts, usable, wait_asked

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_retry_after(header, seconds):
    assert wait_asked(header, NOW) == seconds


@given(st.text())
def test_nothing_in_retry_after_is_an_error(header):
    waited = wait_asked(header)
    assert waited is None or waited >= 0


@given(st.text() | st.text().map(lambda rest: f"http://a.org/{rest}") | st.text().map(lambda host: f"http://{host}/x"))
def test_any_text_is_a_url_to_ask_or_an_answer(text):
    found = usable(text)
    if isinstance(found, Answer):
        assert found.reason == "bad_url" and found.detail
    else:
        assert found.scheme in ("http", "https") and found.host and not found.fragment
        assert not found.user and not found.password
        assert all("!" <= char <= "~" for char in found.raw_path_qs)


@pytest.mark.parametrize("tail", ["x.png?sig=a%2Bb%7E&k=a+b", "%7Euser/%41.png", "a%2fb"])
def test_what_is_written_in_full_is_sent_as_it_stands(tail):
    assert usable(f"https://a.org/{tail}") == URL(f"https://a.org/{tail}", encoded=True)


def test_what_is_not_is_quoted():
    assert usable("https://a.org/ä b.png?x=ä#top").raw_path_qs == "/%C3%A4%20b.png?x=%C3%A4"


def test_hosts_are_compared_without_case_and_brackets():
    assert allowed_hosts(DownloadParams(allow_hosts=["LocalHost", "[::1]", "::1"]).allow_hosts) == {"localhost", "::1"}


@pytest.mark.parametrize(("status", "again"), [(404, False), (403, False), (408, True), (429, True), (500, True)])
def test_which_failures_may_pass(status, again):
    assert may_pass(of_status(status)) == again


def test_the_rules_change_with_what_a_refusal_depends_on_and_with_nothing_else():
    base = DownloadParams().rules(100)
    assert DownloadParams(parallel=3, timeout_s=5, attempts=9, revalidate=True).rules(100) == base
    changed = [DownloadParams().rules(101), DownloadParams(max_redirects=1).rules(100),
               DownloadParams(allow_hosts=["a"]).rules(100), DownloadParams(honour_opt_out=False).rules(100)]
    assert len({base, *changed}) == 5
