"""`genimg configure`: look at your images and this machine, propose settings, write params.yaml."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import ParamsError, SetupError
from genimg_core.params import PARAMS_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from genimg_core.configuring.proposal import Proposal
    from genimg_core.configuring.request import Request
    from genimg_core.configuring.speed import Compiled, Speed
    from genimg_core.configuring.subject import Subject

DEFAULT_MINUTES = 20.0
EXAMPLES = """examples:
  genimg configure --base ../photos                     sub-folders are the classes
  genimg configure --base photos.zip --minutes 60
  genimg configure --base ../emoji/images --base-labels ../emoji/labels.csv --base-label-column group \\
                   --target ../mine                     learn from the many, adapt to the few"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg configure`."""
    parser.epilog = EXAMPLES
    for dataset, what in (("base", "the images to learn from"), ("target", "a second set, to fine-tune on")):
        group = parser.add_argument_group(dataset)
        group.add_argument(f"--{dataset}", required=dataset == "base", metavar="DIR_OR_ARCHIVE",
                           help=f"{what}: a folder, a zip or tar, or IDX files as of MNIST (one, or their folder)")
        group.add_argument(f"--{dataset}-labels", metavar="CSV", help="a CSV that names files and labels (default: "
                           "sub-folders, or a CSV that lies near; `folders` looks for none)")
        group.add_argument(f"--{dataset}-label-column", metavar="COLUMN", help="its column of labels")
        group.add_argument(f"--{dataset}-file-column", metavar="COLUMN", help="its column of files (default: the one "
                           "whose values name them)")
        group.add_argument(f"--{dataset}-where", metavar="COLUMN=VALUE", action="append", default=[],
                           help="only the rows with this value; may be given several times")
        group.add_argument(f"--{dataset}-name", metavar="NAME", help="of the model (default: made of the folder's)")
    parser.add_argument("--minutes", type=float, default=DEFAULT_MINUTES, help="of training in all (default: 20)")
    parser.add_argument("--size", type=int, metavar="PX", help="side of the images (default: what suits them)")
    parser.add_argument("--yes", action="store_true", help="write without asking")


def main(arguments: argparse.Namespace) -> int:
    """Propose and write; exit code 0, also where the answer is no."""
    from genimg_core.configuring import params_file, tables

    if not arguments.yes and not sys.stdin.isatty():
        raise SetupError("there is no terminal to ask in", "add --yes: the earlier params.yaml is kept")
    if not 0 < arguments.minutes <= 100_000:
        raise ParamsError(f"--minutes {arguments.minutes:g} is no time to train", "give a number over 0, such as 20")
    root = Path.cwd()
    earlier = params_file.earlier_text(PARAMS_FILE)
    requests = [_request(arguments, dataset) for dataset in ("base", "target") if getattr(arguments, dataset)]
    _check_stray(arguments)
    shown = tables.console()
    subjects, warnings = _look(requests, root, shown)
    proposal, free_bytes = _propose(subjects, root, arguments, shown)
    shown.print(tables.settings_table(proposal))
    shown.print(tables.cost_table(proposal, free_bytes))
    warnings += proposal.warnings
    if proposal.disk_bytes > 0.8 * free_bytes:
        warnings.append("the disk may be too small: free some space before `genimg run`")
    for warning in warnings:
        shown.print(f"warning: {tables.printable(warning)}", style="yellow", markup=False)
    text = params_file.rewritten(earlier, proposal.tree, proposal.notes)
    if not arguments.yes and not _agreed():
        shown.print("Nothing was written.")
        return 0
    kept = params_file.write(PARAMS_FILE, text)
    shown.print(f"{PARAMS_FILE} is written" + (f"; the earlier one is kept as {kept}" if kept else "") + ".")
    shown.print("Which family suits your images best? `family: auto` in an entry of pretrain tries several first "
                "(docs/models.md).", markup=False)
    shown.print("Next: genimg run")
    return 0


def _check_stray(arguments: argparse.Namespace) -> None:
    given = [key for key, value in vars(arguments).items() if key.startswith("target_") and value]
    if given and not arguments.target:
        raise ParamsError(f"--{given[0].replace('_', '-')} is given without --target", "name its folder with --target")
    if arguments.size is not None and (arguments.size % 4 or not 8 <= arguments.size <= 1024):
        raise ParamsError(f"--size {arguments.size} is no usable side", "a multiple of 4 from 8 to 1024, such as 32")


def _request(arguments: argparse.Namespace, dataset: str) -> Request:
    from genimg_core.configuring.request import Request
    from genimg_core.params import Name, parse

    where = {}
    for pair in getattr(arguments, f"{dataset}_where"):
        column, sign, value = pair.partition("=")
        if not sign or not column:
            raise ParamsError(f"--{dataset}-where {pair}: no COLUMN=VALUE", "write it as group=animals")
        where[column] = value
    name = getattr(arguments, f"{dataset}_name")
    if name is not None:
        parse(dict[Name, int], {name: 0}, f"--{dataset}-name")
    return Request(dataset, getattr(arguments, dataset), getattr(arguments, f"{dataset}_labels"),
                   getattr(arguments, f"{dataset}_label_column"), getattr(arguments, f"{dataset}_file_column"),
                   where, name)


def _look(requests: list[Request], root: Path, shown: Console) -> tuple[list[Subject], list[str]]:
    """Survey each data set and show what was found."""
    from genimg_core.configuring import tables
    from genimg_core.configuring.finding_labels import find_source
    from genimg_core.configuring.request import model_name
    from genimg_core.configuring.subject import Subject
    from genimg_core.configuring.survey import survey
    from genimg_core.params import parse
    from genimg_core.sources.registry import SourceParams

    subjects: list[Subject] = []
    warnings: list[str] = []
    # All are understood before the first is scanned, which may take long.
    sources = [find_source(request, root) for request in requests]
    taken = {"base", "target", *(request.name for request in requests if request.name)}
    for request, source in zip(requests, sources, strict=True):
        shown.print(f"Looking at {tables.printable(request.place, 200)} …", markup=False)
        found = survey(request.dataset, parse(SourceParams, source.tree, f"datasets.{request.dataset}.source"))
        name = request.name or model_name(request.path, frozenset(taken | {f"{other}_scratch" for other in taken}))
        taken.add(name)
        subjects.append(Subject(found, source.tree, name))
        shown.print(tables.survey_table(subjects[-1], source.told))
        warnings += [f"{request.dataset}: {warning}" for warning in source.warnings]
    return subjects, warnings


def _propose(subjects: list[Subject], root: Path, arguments: argparse.Namespace,
             shown: Console) -> tuple[Proposal, int]:
    """Measure and propose; the proposal, and the bytes free on the disk."""
    from genimg_core.configuring import machine, speed
    from genimg_core.configuring.proposal import propose

    here = machine.look(root)
    shown.print("Measuring this machine: starting the libraries …")
    starts = speed.time_starts()

    def speed_at(size: int, channels: int, classes: int) -> Speed:
        shown.print(f"Measuring this machine: training and drawing at {size} px, {channels} channel(s) …")
        return speed.measure(size, channels, classes, here.threads)

    def compiled_at(measured: Speed, classes: int) -> Compiled | None:
        shown.print("Measuring this machine: compiling the training, a minute or so …")
        return speed.measure_compiled(measured, classes, here.threads)

    proposal = propose(subjects[0], subjects[1] if len(subjects) > 1 else None, here, starts, speed_at,
                       arguments.minutes, arguments.size, speed.time_scoring(), compiled_at)
    return proposal, here.disk_bytes


def _agreed() -> bool:
    try:
        return input(f"Write this to {PARAMS_FILE}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
