"""`genimg drift`: what changed in a data set since an earlier version."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.terminal import printable
from genimg_core.verbs.new_folder import check_free, whole_or_not_at_all

if TYPE_CHECKING:
    from genimg_core.drift.comparison import Comparison
    from genimg_core.drift.shifts import ShareShift

EXAMPLES = """\
examples:
  genimg drift --dataset base
      against the version before, in git's history of dvc.lock
  genimg drift --dataset base --against HEAD~3 --out drift
      against a revision, into a folder of your choice

PSI is the population stability index (0.1 is some, 0.25 is much), KS the
greatest difference of the shares below a value, delta how much more often an
image of now has the greater figure. Commit dvc.lock after each run, so that
there are versions to compare with."""

FOLDER = Path(".genimg/drift")
NAMED = 5
LONGEST = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg drift`."""
    parser.epilog = EXAMPLES
    parser.add_argument("--dataset", required=True, metavar="D", help="an entry of datasets in params.yaml")
    parser.add_argument("--against", metavar="REV", help="a git revision (default: the version before this one)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="a new or empty folder for tables and plots (default: .genimg/drift/D, written anew)")


def main(arguments: argparse.Namespace) -> int:
    """Compare; exit code 0 (whatever was found, also that there is nothing to compare with) or 2 (an error)."""
    from genimg_core import params
    from genimg_core.drift.versions import earlier, present

    params.parse(params.Name, arguments.dataset, "")
    if arguments.out is not None:
        check_free(arguments.out, "drift")
    now = present(Path(), arguments.dataset)
    was = earlier(Path(), arguments.dataset, arguments.against)
    if was is None:
        print(_nothing(arguments.dataset, arguments.against), flush=True)
        return 0
    from genimg_core.drift.comparison import compare
    from genimg_core.drift.files import write_comparison

    found = compare(arguments.dataset, was, now)
    print("\n".join(lines(found)), flush=True)
    folder = arguments.out if arguments.out is not None else FOLDER / arguments.dataset
    try:
        with whole_or_not_at_all(folder, "drift") as draft:
            files = write_comparison(draft, found)
            if arguments.out is None:  # the last one stays until the new one is whole
                shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:
        print(f"genimg: interrupted; nothing was written to {folder}. The same command starts again.",
              file=sys.stderr, flush=True)
        return 130
    print(f"\n{folder}: {', '.join(files)}")
    return 0


def lines(found: Comparison) -> list[str]:
    """The comparison as text; nothing in it can command a terminal."""
    tree = found.tree()
    told = [f"{found.dataset}, {tree['now']['version']}: {tree['now']['collected']:,} collected, "
            f"{tree['now']['kept']:,} kept",
            f"against {tree['was']['version']}: {tree['was']['collected']:,} collected, {tree['was']['kept']:,} kept",
            ""]
    for kind, count in tree["changes"].items():
        names = [change["path"] for change in tree["listed"].get(kind, [])[:NAMED]]
        more = ", …" if count > len(names) else ""
        told.append(f"  {count:>7,} {kind.replace('_', ' '):<11} {', '.join(_short(name) for name in names)}{more}"
                    .rstrip())
    told += ["", f"  {'kept images':<13} {'was':>10} {'now':>10} {'PSI':>7} {'KS':>6} {'delta':>6}"]
    for shift in found.shifts:
        told.append(f"  {shift.figure.replace('_', ' '):<13} {_figure(shift.was_median):>10} "
                    f"{_figure(shift.now_median):>10} {_size(shift.stability, 3):>7} {_size(shift.distance, 2):>6} "
                    f"{_size(shift.delta, 2):>6}  {shift.verdict}")
    if found.not_compared:
        told.append(f"  not in both versions: {', '.join(name.replace('_', ' ') for name in found.not_compared)}")
    told += ["", *_shares("class shares", found.classes), *_shares("rejections", found.rejections), ""]
    told.append(f"Drifted: {', '.join(name.replace('_', ' ') for name in found.drifted)}." if found.drifted
                else "No figure has drifted.")
    return told


def _shares(what: str, shift: ShareShift) -> list[str]:
    """The whole, and the groups whose share changed most."""
    totals = [max(1, sum(counts.values())) for counts in (shift.was, shift.now)]
    names = sorted({*shift.was, *shift.now})
    pairs = {name: (shift.was.get(name, 0) / totals[0], shift.now.get(name, 0) / totals[1]) for name in names}
    most = sorted(names, key=lambda name: (-abs(pairs[name][1] - pairs[name][0]), name))[:NAMED]
    told = [f"  {what}: PSI {_size(shift.stability, 3)}, {100 * shift.distance:.1f} % of the images in other groups: "
            f"{shift.verdict}"]
    return told + [f"    {_short(name)}: {100 * pairs[name][0]:.1f} % -> {100 * pairs[name][1]:.1f} %" for name in most
                   if pairs[name][0] != pairs[name][1]]


def _nothing(dataset: str, against: str | None) -> str:
    if against is not None:
        return f"{dataset} is the same now as in revision {printable(against)}: nothing to compare."
    return (f"There is no earlier version of {dataset} to compare with: git's history has no dvc.lock that names "
            "another one, nor has DVC's run cache. Commit dvc.lock after each run, and there will be.")


def _short(text: str) -> str:
    return printable(text, LONGEST)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _size(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
