"""What the command lines of the cell benchmarks share: which cells, in what order, the table, the results file."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cells import Bench, Cell, code_of
from benchmarks.machine import write_results
from genimg_core.errors import GenimgError

FORMS = ("short", "full")
"""short: one seed, one row each; its cells are among the full form's."""


def run(name: str, about: str, cells: Callable[[Bench, str, argparse.Namespace], Sequence[Cell]],
        claims: Callable[[Bench, argparse.Namespace], list[dict[str, Any]]], argv: list[str] | None = None,
        options: Callable[[argparse.ArgumentParser], None] | None = None) -> int:
    """A benchmark's main: measure the cells that do not stand, print the table, write `results/<name>.json`.

    Args:
        name: of the benchmark and of its results file.
        about: for `--help`.
        cells: (bench, form, arguments) -> the cells of a form, in the order in which they are measured.
        claims: (bench, arguments) -> rows for the results file from whatever cells stand, of any form.
        argv: the command line.
        options: adds the benchmark's own options.

    Returns:
        0; 2 for what the user can put right; 130 when interrupted.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", dest="form", action="store_const", const="short", help="one seed, one row (default)")
    form.add_argument("--full", dest="form", action="store_const", const="full", help="everything")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="only cells whose name matches, `*seed0*`")
    parser.add_argument("--list", action="store_true", help="say which cells stand, and measure nothing")
    parser.add_argument("--again", action="store_true", help="measure anew what stands")
    parser.add_argument("--smoke", action="store_true",
                        help="budgets of seconds, results under .genimg: to try the script, its figures mean nothing")
    if options is not None:
        options(parser)
    given = parser.parse_args(argv)
    bench = Bench.for_smoke() if given.smoke else Bench()
    try:
        chosen = [cell for cell in cells(bench, given.form or "short", given) if fnmatch.fnmatch(cell.name, given.only)]
        if given.list:
            _list(bench, chosen)
            return 0
        _measure(bench, chosen, given.again)
        rows = claims(bench, given)
    except GenimgError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on from here", file=sys.stderr, flush=True)
        return 130
    print_table(name, rows)
    if rows:
        write_results(name, rows, bench.results)
    return 0


def _measure(bench: Bench, cells: Sequence[Cell], again: bool) -> None:
    """One after the other; those that another process is at come last."""
    later = []
    for cell in cells:
        if not again and bench.busy(cell):
            later.append(cell)
        else:
            bench.measure(cell, again)
    for cell in later:
        bench.measure(cell, again)


def print_table(title: str, rows: list[dict[str, Any]]) -> None:
    """The claims, for eyes."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("claim", "value", "target", "met", "cells", title=title, title_justify="left", show_lines=True)
    for row in rows:
        told = f"{row['claim']}\n  {row['compared_with']}" if row["compared_with"] else row["claim"]
        table.add_row(Text(told), shown(row["value"], row["unit"]), shown(row["target"], row["unit"]),
                      {None: "", True: "yes", False: "no"}[met(row)], str(row.get("cells", "")))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a log has no edge, and 80 columns break every line
    console.print(table)


def met(row: dict[str, Any]) -> bool | None:
    """Whether a claim's target is reached; None where it has none."""
    if row["target"] is None or row["value"] is None:
        return None
    return row["value"] >= row["target"] if row["better"] == "higher" else row["value"] <= row["target"]


def shown(value: float | None, unit: str) -> str:
    """A figure with its unit."""
    if value is None:
        return ""
    return f"{value:.4f}" if unit in ("KID", "FD", "ECE") else f"{value:.2f} {unit}"


def claim(text: str, value: float | None, target: float | None, better: str, unit: str, compared_with: str | None,
          cells: Sequence[tuple[Cell, dict[str, Any] | None]] = (), digits: int = 4, **more: Any) -> dict[str, Any]:
    """A row of the results file.

    Args:
        text: what is claimed.
        value: what was measured.
        target: what is aimed at, None for nothing.
        better: `higher` or `lower`.
        unit: of both.
        compared_with: in words.
        cells: the cells behind it, with their records (None: does not stand).
        digits: of the value.
        **more: further fields.
    """
    records = [record for _, record in cells if record is not None]
    origin = {"machine": "; ".join(sorted({record["machine"] for record in records})),
              "date": max(record["date"] for record in records)} if records else {}
    return {"claim": text, "value": None if value is None else round(value, digits), "target": target,
            "better": better, "unit": unit, "compared_with": compared_with, **origin,
            "cells": f"{len(records)} of {len(cells)}", **more}


def _list(bench: Bench, cells: Sequence[Cell]) -> None:
    for cell in cells:
        record = bench.record(cell)
        state = "stands" if record else "to do"
        if record and record["code"] != code_of(cell.code):
            state = f"stands, by other code ({record['revision']})"
        print(f"{cell.id:60} {state}")
