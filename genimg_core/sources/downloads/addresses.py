"""Which network addresses may be connected to, decided after the name was resolved and for the very address used."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp.abc import AbstractResolver

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")


class RefusedAddressError(OSError):
    """A host has no address that may be connected to."""


def why_refused(address: str) -> str | None:
    """`127.0.0.1 is loopback`; None for an address of the public internet.

    Args:
        address: IPv4 or IPv6, as numbers. IPv4 inside IPv6 (mapped, 6to4, NAT64) is judged as IPv4.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is no address"
    if ip.version == 6 and (inner := _inner(ip)) is not None:
        return why_refused(str(inner))
    for kind in ("unspecified", "loopback", "link_local", "multicast", "private", "reserved"):
        if getattr(ip, f"is_{kind}"):
            return f"{ip} is {kind.replace('_', '-')}"
    special = not ip.is_global or (ip.version == 6 and (ip.is_site_local or ip.teredo or ip in _NAT64_LOCAL))
    return f"{ip} is not of the public internet" if special else None


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def is_address(host: str) -> bool:
    """Whether a URL's host is an address itself: then no resolver is asked."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def checked_resolver(allowed: Collection[str]) -> AbstractResolver:
    """A resolver that hands out only addresses that may be connected to.

    The connection is made to what it hands out, so a name that resolves otherwise a moment later gains nothing.

    Args:
        allowed: hosts, in lower case, whose addresses are not judged.
    """
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.resolver import ThreadedResolver

    class Checked(AbstractResolver):
        def __init__(self) -> None:
            self._inner = ThreadedResolver()

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            found = await self._inner.resolve(host, port, family)
            if host.lower() in allowed:
                return found
            verdicts = [why_refused(result["host"]) for result in found]
            good = [result for result, why in zip(found, verdicts, strict=True) if why is None]
            if not good:
                raise RefusedAddressError(next(filter(None, verdicts), f"{host} has no address"))
            return good

        async def close(self) -> None:
            await self._inner.close()

    return Checked()
