"""`genimg decisions`: what people decided about single images."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genimg_core.errors import DecisionsError
from genimg_core.terminal import can_draw, printable

if TYPE_CHECKING:
    from genimg_core.decisions.images import KnownImages

EXAMPLES = """\
examples:
  genimg decisions
  genimg decisions --dataset base --json
  genimg decisions --undo 3fa4c1      its rows follow the rules again

They stand in data/datasets/D/decisions/, one line per image: commit them."""


@dataclass(frozen=True)
class Line:
    """One image that something is decided about."""

    dataset: str
    image_id: str
    path: str
    decision: str
    """forget, keep, reject, or empty."""
    label: str
    why: str
    now: str
    """What the last run made of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg decisions`."""
    parser.epilog = EXAMPLES
    parser.add_argument("--dataset", metavar="D", help="a data set of params.yaml (default: all)")
    parser.add_argument("--undo", metavar="IMAGE_ID", help="take back what was decided about this image (but forget)")
    parser.add_argument("--json", action="store_true", help="a JSON list")


def main(arguments: argparse.Namespace) -> int:
    """Tell, or undo; exit code 0."""
    from genimg_core.decisions.images import chosen_dataset

    if arguments.undo is not None:
        return _undo(arguments.undo, arguments.dataset)
    lines = [line for name in chosen_dataset(arguments.dataset) for line in lines_of(name)]
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines], indent=1, ensure_ascii=False))
    elif lines:
        _show(lines)
    else:
        print("Nothing is decided by hand. `genimg reject`, `restore`, `forget` and `review` do that.")
    return 0


def lines_of(dataset: str) -> list[Line]:
    """What is decided about a data set's images, and what became of it."""
    from genimg_core.decisions.book import read_decisions
    from genimg_core.decisions.images import KnownImages, known_images

    decisions = read_decisions(dataset)
    if not decisions.images():
        return []
    try:
        known = known_images(dataset)
    except DecisionsError:  # nothing was scanned yet in this clone: the decisions stand all the same
        known = KnownImages(dataset)
    told = []
    for image_id in decisions.images():
        verdict, label = decisions.verdicts.get(image_id), decisions.labels.get(image_id)
        forgotten = image_id in decisions.forgotten
        whys = [decisions.forgotten.get(image_id, ""), verdict.why if verdict else "", label.why if label else ""]
        told.append(Line(dataset, image_id, ", ".join(known.paths.get(image_id, ())),
                         "forget" if forgotten else verdict.decision if verdict else "", label.label if label else "",
                         "; ".join(dict.fromkeys(filter(None, whys))), _now(known, image_id)))
    return told


def _now(known: KnownImages, image_id: str) -> str:
    if image_id not in known.paths:
        return "not in the data set"
    status, reason = known.status.get(image_id, ("not run yet", ""))
    return f"{status}: {reason}" if reason else status


def _show(lines: list[Line]) -> None:
    heads = ("data set", "image", "path", "decision", "label", "why", "after the last run")
    rows = [tuple(printable(text) for text in (line.dataset, line.image_id[:12], line.path, line.decision, line.label,
                                               line.why, line.now)) for line in lines]
    if not can_draw(sys.stdout):
        widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
        for row in (heads, *rows):
            print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def _undo(image: str, dataset: str | None) -> int:
    from genimg_core.decisions.book import changing
    from genimg_core.decisions.images import chosen_dataset

    found = [line for name in chosen_dataset(dataset) for line in lines_of(name)
             if line.image_id.startswith(image.lower()) or image in line.path.split(", ")]
    if len({line.image_id for line in found}) != 1:
        what = "several images" if found else "no image"
        raise DecisionsError(f"'{image}' names {what} of those that something is decided about",
                             "`genimg decisions` lists them")
    if any(line.decision == "forget" for line in found):
        raise DecisionsError(f"{found[0].image_id[:12]}… is forgotten, and that is not undone by a command",
                             "if it was a mistake, delete its line in "
                             f"data/datasets/{found[0].dataset}/decisions/forgotten.jsonl")
    for line in found:
        with changing(line.dataset) as decisions:
            undone = decisions.undo(line.image_id)
        print(f"undone  {line.dataset}: {line.image_id[:12]}… ({', '.join(undone)}); `genimg run` brings it into force")
    return 0
