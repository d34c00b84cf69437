"""`genimg scan`: look at the sources, and write each data set's source.lock where something changed.

It also begins the files of decisions that are not there yet: DVC wants every dependency to be a file.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from genimg_core import params as params_file
from genimg_core.errors import ParamsError

if TYPE_CHECKING:
    from genimg_core.sources.source import SourceFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg scan`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets of params.yaml (default: all)")
    parser.add_argument(
        "--retry", action="store_true", help="fetch again also what failed for good, such as a URL that was not found"
    )


def main(arguments: argparse.Namespace) -> int:
    """Scan; exit code 0."""
    scan_datasets(arguments.names or None, retry=arguments.retry)
    return 0


def scan_datasets(names: list[str] | None, *, retry: bool = False) -> dict[str, bool]:
    """Scan the sources of the data sets, telling of each in one line.

    Args:
        names: entries of `datasets`; None for all.
        retry: fetch again also what failed for good.

    Returns:
        Name -> whether its source.lock changed.

    Raises:
        ParamsError: an unknown name, or a source that is not well described.
        SourceError: a source is missing, empty, unsafe, or does not fit its labels.
    """
    from genimg_core.decisions.files import ensure_files
    from genimg_core.decisions.stored import drop_forgotten_files
    from genimg_core.sources.registry import SourceParams
    from genimg_core.sources.scan import scan

    tree = params_file.read()
    datasets = params_file.lookup(tree, "datasets")
    if not isinstance(datasets, dict) or not datasets:
        raise ParamsError(
            f"'datasets' in {params_file.PARAMS_FILE} names no data set", "add one: `datasets: {base: {source: …}}`"
        )
    # All are checked before the first is scanned, which may take long.
    sources = {}
    for name in names or datasets:
        params_file.parse(params_file.Name, name, f"datasets.{name}")
        where = f"datasets.{name}.source"
        sources[name] = params_file.parse(SourceParams, params_file.lookup(tree, where), where)
    changed = {}
    for name, source in sources.items():
        result = scan(name, source, retry=retry)
        ensure_files(name)
        files = f"{result.lock.files:,} file{'s' if result.lock.files != 1 else ''}"
        outcome = "changed" if result.changed else "unchanged"
        print(f"{name}: {files}, {_size(result.lock.bytes)}, {outcome}{_without(result.listing)}", flush=True)
        changed[name] = result.changed
    if dropped := drop_forgotten_files(sources):
        print(f"{dropped:,} forgotten file{'s' if dropped > 1 else ''} fetched again, and removed from .genimg/store")
    return changed


def _without(listing: list[SourceFile]) -> str:
    """`; 3 without bytes: 2 http_404, 1 timed_out`."""
    reasons = Counter(file.reason for file in listing if file.reason)
    if not reasons:
        return ""
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(4))
    return f"; {reasons.total():,} without bytes: {told}{', …' if len(reasons) > 4 else ''}"


def _size(count: int) -> str:
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.1f} {units[0]}" if units[0] != "B" else f"{count} B"
