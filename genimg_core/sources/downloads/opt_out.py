"""X-Robots-Tag: what a server says about the use of a file."""

from __future__ import annotations

from collections.abc import Iterable

OPT_OUTS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
"""Words that say no: the two made for machine learning, and those for search engines, of which `none` means all."""

_WITH_VALUES = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
LONGEST_KEPT = 8000


def joined(headers: Iterable[str]) -> str | None:
    """All X-Robots-Tag headers of a response as one text, a line each; None where there are none."""
    return "\n".join(headers)[:LONGEST_KEPT] or None


def opted_out(robots: str | None, user_agent: str) -> str | None:
    """The first word of `robots` that says no to us; None if nothing does.

    Args:
        robots: X-Robots-Tag headers, a line each. One may begin with the name of the robot that it is meant for.
        user_agent: our name: what is meant for other robots does not count.
    """
    for line in (robots or "").splitlines():
        for_us = True
        for part in line.split(","):
            name, colon, rest = part.strip().lower().partition(":")
            if colon and name.strip() not in _WITH_VALUES:
                for_us = user_agent.lower().startswith(name.strip())
                word = rest.strip()
            else:
                word = name.strip()
            if for_us and word in OPT_OUTS:
                return word
    return None
