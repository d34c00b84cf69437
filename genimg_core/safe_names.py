"""Names that are safe to write, made of texts that strangers chose."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

LONGEST_NAME = 40
"""Characters: at four bytes each, and an index, still under the 255 bytes that file systems allow."""
_DEVICES = {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(10))}
"""What Windows takes for a device, whatever the suffix."""
HASH_DIGITS = 16
_ENDS_LIKE_A_HASH = re.compile(rf"-[0-9a-f]{{{HASH_DIGITS}}}$")


def safe_name(label: str) -> str:
    """A class's name as the beginning of a file's: letters, digits, marks, `_` and `-` stay, the rest becomes `_`.

    Two classes may get the same; an index that follows keeps files apart, `distinct_names` folders.
    """
    text = unicodedata.normalize("NFC", label)[:LONGEST_NAME]
    kept = "".join(c if c in "_-" or unicodedata.category(c)[0] in "LNM" else "_" for c in text)
    return kept.strip("-") or "class"


def distinct_names(labels: Iterable[str]) -> dict[str, str]:
    """A folder's name for each label, no two the same on any file system (some fold case, some compose accents).

    A label that needs no change keeps its text. Where names meet, where Windows takes one for a device, or where one
    already ends like that, a part of the label's sha256 follows, for all of those that meet: so a name depends on the
    labels that share it, and on no order.

    Args:
        labels: distinct.
    """
    names = {label: safe_name(label) for label in labels}
    owners: dict[str, list[str]] = {}
    for label, name in names.items():
        owners.setdefault(_folded(name), []).append(label)

    def alone(label: str, name: str) -> bool:
        folded = _folded(name)
        return owners[folded] == [label] and folded not in _DEVICES and not _ENDS_LIKE_A_HASH.search(folded)

    return {label: name if alone(label, name) else f"{name}-{_hash(label)}" for label, name in names.items()}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _hash(label: str) -> str:
    return hashlib.sha256(label.encode("utf8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
