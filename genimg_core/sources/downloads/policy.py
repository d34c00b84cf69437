"""How files are fetched, and from where: the params, and which of them a refusal depends on."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import Field, StringConstraints

from genimg_core.params import Section

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\[\]-]+$")]


class DownloadParams(Section):
    """Fetching URLs."""

    parallel: Annotated[int, Field(ge=1, le=256)] = 16
    """Requests at once, to all hosts together."""
    per_host: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests at once to one host."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Of a URL in one scan, where another try may help: server errors, time-outs, broken connections."""
    backoff_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    """Before the second attempt; twice as long before each further one, and longer where a server asks for it."""
    longest_wait_s: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    """A server that asks for a longer pause (Retry-After) is left until the next scan."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """For one request, to its last byte."""
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """More are a refusal. Each one's address is checked like the first."""
    allow_hosts: tuple[Host, ...] = ()
    """Hosts, as URLs write them, that may have a private, loopback or other special address. All others may not."""
    honour_opt_out: bool = True
    """Leave alone what its server marks as not for machine learning or indexing (X-Robots-Tag)."""
    revalidate: bool = False
    """Ask again for what is here already (If-None-Match, If-Modified-Since) at each scan."""
    user_agent: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,200}$")] = "genimg"
    """What servers are told; some want an address to write to in it."""

    def rules(self, max_bytes: int) -> str:
        """A short name for all that a refusal of ours depends on: under other rules it is decided anew."""
        said = [max_bytes, self.max_redirects, sorted(host.lower() for host in self.allow_hosts), self.honour_opt_out]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
