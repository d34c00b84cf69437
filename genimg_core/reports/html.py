"""The report page: one self-contained HTML file, filled from the stages' report.json files and pictures."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from genimg_core.errors import CorruptFileError
from genimg_core.reports.bias import balance, rates

PACKAGE_DATA = ("templates/page.html.j2", "templates/macros.html.j2", "templates/bias.html.j2",
                "templates/trials.html.j2", "templates/page.css")
"""Files beside this module that its result depends on (stages/closure.py reads this)."""


class StageReports:
    """Reads `data/reports/<stage>-<name>/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, stage: str, name: str | None = None) -> dict[str, Any]:
        """A stage's report.json, with each picture as a data URI under `uri`.

        Raises:
            CorruptFileError: the report or a picture of it is missing or unreadable.
        """
        folder = self.folder / (stage if name is None else f"{stage}-{name}")
        try:
            tree = json.loads((folder / "report.json").read_text(encoding="utf8"))
            for picture in tree["pictures"]:
                picture["uri"] = data_uri(folder / picture["file"])
        except (OSError, ValueError, KeyError) as error:
            raise CorruptFileError(
                f"{folder} holds no readable report ({error})", f"run `genimg run {stage}{'@' + name if name else ''}`"
            ) from None
        return tree


def data_uri(path: Path) -> str:
    """A PNG as a `data:` address, so that the page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def render(**content: Any) -> str:
    """The page. Every text is escaped: names and labels come from strangers' files."""
    environment = Environment(
        loader=PackageLoader("genimg_core.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "words": words, "operations": operations,
                            "balance": balance, "rates": rates}
    styles = Markup((Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf8"))  # ours, not a user's
    return environment.get_template("page.html.j2").render(**content, styles=styles)


def number(value: float | int | str | None) -> str:
    """`12,345`, `0.0123`, or `–` for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == 0 or (value == int(value) and abs(value) >= 1):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}"


def percent(value: float) -> str:
    """A share in [0, 1] as `12.3 %`."""
    return f"{100 * value:.1f} %"


def operations(count: int) -> str:
    """`2.8e15` as `2,800 trillion`."""
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if count >= size:
            return f"{count / size:,.0f} {name}"
    return f"{count:,}"


def words(name: str) -> str:
    """`near_duplicate` -> `near duplicate`."""
    return name.replace("_", " ")
