"""Pictures small enough for Dagster's event log, where an asset's metadata lives; and tables as Markdown."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE_PX = 1200
MOST_BYTES = 100_000
"""Of the data URI."""
SMALLEST_SIDE_PX = 32
MOST_EVENTS = 100
"""In a table."""


def picture_markdown(file: Path, title: str) -> str:
    """A picture as Markdown that holds it; a line of text if it cannot be read.

    Args:
        file: a PNG.
        title: the text beside it; brackets would end it too soon and are replaced.
    """
    from PIL import Image, UnidentifiedImageError

    told = title.replace("[", "(").replace("]", ")")
    try:
        with Image.open(file) as picture:
            picture.load()
            return f"![{told}]({data_uri(picture)})"
    except (OSError, UnidentifiedImageError):
        return f"{told}: {file.name} cannot be read"


def events_markdown(events: Sequence[Mapping[str, Any]]) -> str:
    """What a training found and decided on the way, as a table: the latest MOST_EVENTS, in order.

    Args:
        events: as in a training's report.json: `seen_images`, `cause`, `detail`, `action`, `before`, `after`.
    """
    rows = []
    for event in events[-MOST_EVENTS:]:
        changed = [name for name, value in event["after"].items() if value != event["before"].get(name)]
        cells = (f"{event['seen_images']:,}", f"{event['cause']}: {event['detail']}", event["action"],
                 *(", ".join(f"{name} {event[side][name]:.4g}" for name in changed) for side in ("before", "after")))
        rows.append([cell.replace("_", " ") for cell in cells])
    left_out = len(events) - MOST_EVENTS
    title = f"{left_out} earlier ones stand in events.jsonl." if left_out > 0 else ""
    return table_markdown({"title": title, "columns": ["images seen", "cause", "action", "before", "after"],
                           "rows": rows}).lstrip()


def table_markdown(table: dict[str, Any]) -> str:
    """A report's `table`, its texts as they are: a bar in one would begin a cell, a line break a row, `<` a tag.

    Args:
        table: `title`, `columns`, and `rows`, a list of texts each.
    """

    def line(cells: list[str]) -> str:
        plain = [" ".join(str(cell).split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells]
        return f"| {' | '.join(plain)} |"

    rule = "|" + "---|" * len(table["columns"])
    return "\n".join([table["title"], "", line(table["columns"]), rule, *map(line, table["rows"])])


def data_uri(picture: Image.Image) -> str:
    """A picture of any mode as a data URI of at most MOST_BYTES: shrunk, and as WebP if PNG is too large."""
    side = min(LONGEST_SIDE_PX, max(picture.size))
    while True:
        small = picture.convert("RGBA" if "A" in picture.getbands() or picture.mode == "P" else "RGB")
        small.thumbnail((side, side))
        for kind, options in (("png", {"optimize": True}), ("webp", {"quality": 80})):
            stream = io.BytesIO()
            small.save(stream, kind, **options)
            uri = f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
            if len(uri) <= MOST_BYTES or side <= SMALLEST_SIDE_PX:
                return uri
        side = side * 3 // 4
