"""What a check found, and how checks are run so that a broken set-up breaks none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genimg_core.errors import GenimgError

Level = Literal["ok", "information", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    level: Level
    subject: str
    """What was looked at, in a word or two."""
    told: str
    cure: str = ""
    """What to do; of warnings and problems."""


Check = Callable[[Path], Iterable[Finding]]
"""Looks at a project, given its folder."""


def examine(root: Path, checks: dict[str, Check]) -> list[Finding]:
    """Run the checks in order.

    A check that fails is a finding of its own: what stops the doctor would stop the pipeline, or is a fault of the
    doctor's, and neither may hide what the other checks find.

    Args:
        root: the project's folder.
        checks: subject -> check.
    """
    findings: list[Finding] = []
    for subject, check in checks.items():
        try:
            findings += check(root)
        except GenimgError as error:
            findings.append(Finding("problem", subject, error.cause, error.remedy))
        except Exception as error:
            told = " ".join(str(error).split()) or "no message"
            findings.append(Finding("warning", subject, f"could not be examined ({type(error).__name__}: {told})",
                                    "this is a fault of genimg, or a file that cannot be read"))
    return findings
