"""`genimg trace`: from a PNG back to the model that drew it, its data sets and their sources."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import GenimgError
from genimg_core.params import CHANNEL_NAMES
from genimg_core.terminal import can_draw, printable
from genimg_core.verbs.headlines import size

if TYPE_CHECKING:
    from genimg_core.tracing.lineage import DatasetStep, Lineage, ModelStep

EXAMPLES = """\
examples:
  genimg trace data/samples/latin/images/000000.png
  genimg trace letters/*.png --json

Run it in the project: it looks through the models there, then git's history of
dvc.lock, then DVC's run cache. Exit code 2: the way back could not be gone to
its end, and what is missing is said."""

Block = tuple[str, list[tuple[str, str]]]
"""A heading, and (name, text) lines under it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg trace`."""
    parser.epilog = EXAMPLES
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.png", help="samples that genimg drew")
    parser.add_argument("--json", action="store_true", help="a JSON list, one entry for each file")


def main(arguments: argparse.Namespace) -> int:
    """Trace; exit code 0, or 2 if a file could not be traced down to its sources."""
    from genimg_core.tracing.lineage import trace
    from genimg_core.tracing.texts import read_origin

    traces: list[Lineage] = []
    failed = False
    for file in arguments.files:
        try:
            traces.append(trace(Path.cwd(), str(file), read_origin(file)))
        except GenimgError as error:
            failed = True
            print("\n".join(printable(line) for line in f"genimg: {error}".split("\n")), file=sys.stderr, flush=True)
            continue
        if not arguments.json:
            show(traces[-1])
    if arguments.json:
        print(json.dumps([found.tree() for found in traces], indent=1, sort_keys=True))
    return 2 if failed or not all(found.complete for found in traces) else 0


def show(lineage: Lineage) -> None:
    """A tree in a terminal, indented lines elsewhere."""
    if can_draw(sys.stdout):
        _draw(lineage)
    else:
        print(printable(lineage.file))
        for heading, lines in blocks(lineage):
            print(f"  {heading}")
            width = max((len(name) for name, _ in lines), default=0)
            for name, text in lines:
                print(f"    {name:<{width}}  {text}".rstrip())
        print(flush=True)


def blocks(lineage: Lineage) -> list[Block]:
    """What is told, in the order of the way back; nothing in it can command a terminal."""
    told = [_sample(lineage), *(_model(step) for step in lineage.models), *(_dataset(d) for d in lineage.datasets)]
    if lineage.missing:
        told.append(("what is missing", [("-", text) for text in lineage.missing]))
    ways = [(name, text) for name, text in (("bring this version back", lineage.restore),
                                            ("draw it again" if not lineage.restore else "then draw it again",
                                             lineage.redraw)) if text]
    if ways:
        told.append(("commands", ways))
    return [(printable(heading), [(name, printable(text)) for name, text in lines]) for heading, lines in told]


def _draw(lineage: Lineage) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(printable(lineage.file), style="bold"), guide_style="dim")
    here = root
    for heading, lines in blocks(lineage):
        branch = here.add(Text(heading, style="bold yellow" if heading == "what is missing" else "bold"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in lines:
            table.add_row(Text(name), Text(text))
        branch.add(table)
    Console(highlight=False).print(root)


def _sample(lineage: Lineage) -> Block:
    origin = lineage.origin
    drawn = [f"seed {origin.seed}", f"index {origin.index:,}"]
    drawn += [f"{origin.steps} steps"] if origin.steps is not None else []
    drawn += [f"guidance {origin.guidance:g}"] if origin.guidance is not None else []
    drawn += [f"solver {origin.solver}"] if origin.solver is not None else []
    return f"sample of class {origin.label}", [
        ("drawn by", f"{origin.model}, version {origin.model_sha256[:12]}"), ("with", ", ".join(drawn))]


def _model(step: ModelStep) -> Block:
    came = f"fine-tuned from {step.parent}, version {step.parent_sha256[:12]}" if step.parent_sha256 else "from scratch"
    return f"model {step.model}, version {step.sha256[:12]}", [
        ("found", step.found),
        ("makes", f"{step.classes:,} class{'es' if step.classes != 1 else ''}, {step.size} x {step.size} px, "
                  f"{CHANNEL_NAMES.get(step.channels, 'other channels')}"),
        ("trained", f"{step.family}, {step.seen_images:,} images seen, seed {step.seed}, {came}"),
        ("learned from", f"{step.train_images:,} images of {step.dataset}, version {step.dataset_sha256[:12]}")]


def _dataset(step: DatasetStep) -> Block:
    source = step.source
    came = " ".join(str(source[key]) for key in ("kind", "path") if key in source)
    counts = [f"{source['files']:,} files"] if "files" in source else ["files not known"]
    counts += [size(source["bytes"])] if "bytes" in source else []
    lines = [("found", step.found), ("source", f"{came or 'not known'}: {', '.join(counts)}")]
    if "digest" in source:
        lines.append(("digest", str(source["digest"])))
    if step.collected is not None:
        rejected = sum(step.rejected.values())
        lines.append(("images", f"{step.collected:,} collected, {step.kept or 0:,} kept, {rejected:,} rejected"))
    for reason, count in sorted(step.rejected.items(), key=lambda item: (-item[1], item[0])):
        if count:
            lines.append(("", f"{count:,} {reason.replace('_', ' ')}"))
    if step.labels:
        lines.append(("labels", ", ".join(f"{count:,} {kind}" for kind, count in step.labels.items())))
    if step.splits:
        lines.append(("splits", ", ".join(f"{step.splits[key]:,} {key}" for key in ("train", "validation", "test")
                                          if key in step.splits)))
    return f"data set {step.dataset}, version {step.sha256[:12]}", lines
