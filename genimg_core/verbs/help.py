"""`genimg --help`: the commands as a table of contents, in bold where the terminal can."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from genimg_core.terminal import can_draw

TITLE = "genimg: from a folder of images to a generator you can trust"
GROUPS: dict[str, str] = {
    "Start": "Start",
    "Use": "Use a model",
    "Data": "Data",
}
"""Group in the table of verbs => heading, in this order."""
STAGES_HEADING = "The stages, in order (`genimg run` calls them; so can you)"
EXAMPLES: tuple[tuple[str, str], ...] = (
    ("genimg configure --base photos.zip", "set up a model of your own images"),
    ("genimg run", "collect, clean, train, draw, score, report"),
    ("genimg run clean@base", "only as far as this stage"),
    ("genimg sample --model latin --class A -n 100 --out letters", "100 images of a class"),
    ("genimg trace letters/A-000000.png", "where an image comes from"),
)
FOOT = "`genimg COMMAND --help` tells more of a command. Settings stand in params.yaml."

BOLD, DIM, OFF = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def show_help(verbs: Mapping[str, tuple[str, str, str]], stages: Mapping[str, str]) -> None:
    """Print it.

    Args:
        verbs: name => group, module, summary.
        stages: name => summary.
    """
    styled = can_draw(sys.stdout) and not os.environ.get("NO_COLOR")
    print(help_text(verbs, stages, styled))


def help_text(verbs: Mapping[str, tuple[str, str, str]], stages: Mapping[str, str], styled: bool) -> str:
    """The page.

    Args:
        verbs: name => group, module, summary.
        stages: name => summary.
        styled: with the terminal's bold and dim.
    """
    bold, dim, off = (BOLD, DIM, OFF) if styled else ("", "", "")
    width = max(len(name) for name in (*verbs, *stages))
    groups = dict.fromkeys([*GROUPS, *(group for group, _, _ in verbs.values())])
    lines = [f"{bold}{TITLE}{off}"]
    for group in groups:
        lines += ["", f"{bold}{GROUPS.get(group, group)}{off}"]
        lines += [f"  {name:<{width}}  {summary}" for name, (of, _, summary) in verbs.items() if of == group]
    lines += ["", f"{bold}{STAGES_HEADING}{off}", *(f"  {name:<{width}}  {text}" for name, text in stages.items())]
    lines += ["", f"{bold}Examples{off}"]
    for command, meaning in EXAMPLES:
        lines += [f"  {command}", f"      {dim}{meaning}{off}"]
    return "\n".join([*lines, "", FOOT])
