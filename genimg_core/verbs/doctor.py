"""`genimg doctor`: what is wrong with a set-up, and how to cure it."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from genimg_core.doctoring import environment, hardware, project, versioning
from genimg_core.doctoring.finding import Check, Finding, examine
from genimg_core.terminal import can_draw, printable

MACHINE: dict[str, Check] = {
    "Python": environment.python,
    "packages": environment.packages,
    "parsers": environment.parsers,
    "commands": environment.commands,
    "memory": hardware.memory,
    "torch": hardware.device,
    "type faces": hardware.type_faces,
    "UI": hardware.interface,
}
"""What can be asked anywhere."""
PROJECT: dict[str, Check] = {
    "git": versioning.git,
    "DVC": versioning.dvc_setup,
    "locks": versioning.locks,
    "dvc.yaml": project.wiring,
    "params.yaml": project.params,
    "sources": project.sources,
    "disk": hardware.disk,
    "leftovers": project.leftovers,
}
"""What needs a project."""
DEEP: dict[str, Check] = {"outputs": versioning.outputs}
"""What takes long."""

COLOURS = {"ok": "32", "information": "36", "warning": "33", "problem": "31"}
"""Of ANSI."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg doctor`."""
    parser.add_argument("--deep", action="store_true", help="also compare every output with dvc.lock (slow)")


def main(arguments: argparse.Namespace) -> int:
    """Examine and tell; exit code 0, or 2 where there is a problem."""
    findings = diagnose(Path.cwd(), arguments.deep)
    width = max(len(finding.subject) for finding in findings)
    colour = can_draw(sys.stdout) and not os.environ.get("NO_COLOR")
    for finding in findings:
        level = f"{finding.level:<11}"
        level = f"\x1b[{COLOURS[finding.level]}m{level}\x1b[0m" if colour else level
        cure = f"; cure: {finding.cure}" if finding.cure else ""
        print(f"{level} {printable(finding.subject):<{width}}  {printable(f'{finding.told}{cure}', 1000)}")
    counts = Counter(finding.level for finding in findings)
    print(", ".join(f"{counts[level]} {level}{'s' if counts[level] != 1 else ''}" for level in ("problem", "warning")))
    return 2 if counts["problem"] else 0


def diagnose(root: Path, deep: bool = False) -> list[Finding]:
    """Everything that can be said of a set-up; nothing is changed."""
    findings = examine(root, MACHINE)
    if not project.is_project(root):
        return [*findings, Finding("problem", "project", f"{root} holds neither params.yaml nor dvc.yaml",
                                   "go to the root of the project, or clone it")]
    return findings + examine(root, PROJECT) + (examine(root, DEEP) if deep else [])
