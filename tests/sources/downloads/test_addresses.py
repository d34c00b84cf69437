"""Addresses that may be connected to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genimg_core.sources.downloads.addresses import is_address, why_refused


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_the_public_internet(address):
    assert why_refused(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # shared by a provider's customers
        "169.254.169.254",  # where clouds tell a machine its credentials
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b:1::808:808",
        "nonsense",
    ],
)
def test_everything_else(address):
    assert why_refused(address)


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_judged_as_ipv4(inner):
    verdict = why_refused(str(inner)) is None
    for outer in (int(inner) | 0xFFFF << 32, int(ipaddress.ip_address("64:ff9b::")) | int(inner)):
        assert (why_refused(str(ipaddress.IPv6Address(outer))) is None) == verdict


@given(st.ip_addresses())
def test_what_passes_is_global(address):
    if why_refused(str(address)) is None:
        assert not (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast)


@pytest.mark.parametrize(
    ("host", "is_one"), [("127.0.0.1", True), ("::1", True), ("fe80::1%1", True), ("localhost", False), ("1.2", False)]
)
def test_hosts_that_are_addresses(host, is_one):
    assert is_address(host) == is_one
