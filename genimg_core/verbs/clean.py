"""`genimg clean`: remove what nothing in the project refers to any more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.verbs.headlines import size

if TYPE_CHECKING:
    from genimg_core.housekeeping.leftovers import Leftover

EXAMPLES = """\
examples:
  genimg clean --dry-run
      what could go, and how many bytes
  genimg clean --yes --removed-entries
      also the outputs of data sets and models that params.yaml has no more

Never touched: sources, decisions, source.lock, params.yaml and its copies,
what the ledger of downloads stands for, what DVC tracks, and its cache
(`dvc gc --workspace` cleans that). Nothing is removed while another genimg
command is at work here. `genimg clean NAME --profile …` is the stage."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg clean`."""
    parser.epilog = EXAMPLES
    parser.add_argument("--dry-run", action="store_true", help="only say what could go")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--removed-entries", action="store_true",
                        help="also outputs of entries that params.yaml no longer has (dvc.lock may still name them)")


def main(arguments: argparse.Namespace) -> int:
    """Tell, ask and remove; exit code 0, or 1 where the answer was no."""
    from genimg_core.errors import SetupError
    from genimg_core.housekeeping.at_work import alone
    from genimg_core.housekeeping.leftovers import find_leftovers
    from genimg_core.params import PARAMS_FILE, read

    read(PARAMS_FILE)  # before anything is made: is this a project?
    with alone():
        found = list(find_leftovers(Path(), arguments.removed_entries))
        if not found:
            print("Nothing is left over.")
            return 0
        print("\n".join(table(found)))
        if arguments.dry_run:
            return 0
        if not arguments.yes:
            if not sys.stdin.isatty():
                raise SetupError("nobody is there to be asked whether this may go", "add --yes, or --dry-run")
            if input("Remove all of this? [y/N] ").strip().lower() not in ("y", "yes"):
                print("Nothing was removed.")
                return 1
        for leftover in found:
            leftover.remove()
    print(f"Removed: {size(sum(leftover.bytes for leftover in found))}.", flush=True)
    return 0


def table(found: Iterable[Leftover]) -> list[str]:
    """A line for each kind, and their sum."""
    kinds: dict[str, tuple[int, int]] = {}
    for leftover in found:
        items, count = kinds.get(leftover.kind, (0, 0))
        kinds[leftover.kind] = items + leftover.items, count + leftover.bytes
    kinds["together"] = sum(items for items, _ in kinds.values()), sum(count for _, count in kinds.values())
    width = max(map(len, kinds))
    head = f"{'what':<{width}}  {'items':>9}  {'bytes':>9}"
    return [head, *(f"{kind:<{width}}  {items:>9,}  {size(count):>9}" for kind, (items, count) in kinds.items())]
