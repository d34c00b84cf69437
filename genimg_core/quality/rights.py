"""Under which licences the training images stand, and whom to name: as their source tells it.

The source's table says it in columns that it keeps (`keep_columns`), and the profile table carries them on as JSON, in
its column `extra`.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genimg_core.safe_cells import safe_cell

LICENCE_COLUMNS = ("licence", "license", "rights", "usage_terms", "licence_url", "license_url")
ATTRIBUTION_COLUMNS = ("attribution", "credit", "author", "creator", "artist", "photographer", "copyright", "owner")
"""The first of them that a row fills counts; case, blanks and hyphens make no difference."""
FILE = "rights.csv"
LISTED = 100
"""Attributions in report.json and on the model card; the file has all."""
LONGEST = 300
"""Characters: a licence is its name here, not its text."""


@dataclass(frozen=True)
class Rights:
    """What is known of N images."""

    images: int
    pairs: Counter[tuple[str, str]]
    """(licence, attribution) => images; either may be empty, where nothing is said."""

    def facts(self) -> dict[str, Any]:
        """For report.json: licences by their images, the attributions of most images, and what lacks either."""
        licences: Counter[str] = Counter()
        for (licence, _), count in self.pairs.items():
            licences[licence] += count
        attributed = [pair for pair in self.sorted() if pair[1]]
        return {"images": self.images, "without_licence": licences.pop("", 0),
                "licences": dict(sorted(licences.items(), key=_most_first)),
                "without_attribution": sum(count for (_, name), count in self.pairs.items() if not name),
                "attributions": len(attributed), "attributed": [list(pair) for pair in attributed[:LISTED]]}

    def sorted(self) -> list[tuple[str, str, int]]:
        """(licence, attribution, images), most images first."""
        return [(*pair, count) for pair, count in sorted(self.pairs.items(), key=_most_first)]

    def write(self, folder: Path) -> None:
        """All of it as FILE."""
        with (folder / FILE).open("w", encoding="utf8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("licence", "attribution", "images"))
            table.writerows([safe_cell(cell) for cell in row] for row in self.sorted())


def rights_of(extra: Iterable[object]) -> Rights | None:
    """What the column `extra` of some images says; None where no image has a licence or an attribution.

    Args:
        extra: JSON texts; what is none counts as nothing said.
    """
    pairs = Counter(_pair(text) for text in extra)
    return Rights(sum(pairs.values()), pairs) if any(licence or name for licence, name in pairs) else None


def _pair(text: object) -> tuple[str, str]:
    try:
        tree = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        tree = {}
    told = {re.sub(r"[\s-]+", "_", key.strip().lower()): _one_line(value)
            for key, value in (tree.items() if isinstance(tree, dict) else ())}
    licence, name = (next((told[column] for column in columns if told.get(column)), "")
                     for columns in (LICENCE_COLUMNS, ATTRIBUTION_COLUMNS))
    return licence, name


def _one_line(value: object) -> str:
    text = " ".join(str(value).split()) if value is not None else ""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 1]}…"


def _most_first(entry: tuple[Any, int]) -> tuple[int, Any]:
    return -entry[1], entry[0]
