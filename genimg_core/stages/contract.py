"""What a stage is: names, paths, params and a function; and what it hands back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Check:
    """One condition on the data or the model, with the figure that was seen and the bound it was held to."""

    name: str
    """`[a-z0-9_]+`, unique within the stage; it is the name of the Dagster asset check."""
    passed: bool
    observed: Scalar
    threshold: Scalar
    description: str
    blocking: bool = True
    """A blocking check that fails fails the stage (exit code 3)."""


@dataclass(frozen=True)
class Picture:
    """A PNG that explains the stage's result; `file` is relative to the stage's report folder."""

    file: str
    title: str


@dataclass(frozen=True)
class StageReport:
    """What a stage says of its work. Deterministic: no time, no machine, no absolute path."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Anything JSON holds; stands at the top level of report.json."""
    metrics: dict[str, int | float] = field(default_factory=dict)
    """Flat numbers, for `dvc metrics` and Dagster's plots."""
    checks: tuple[Check, ...] = ()
    pictures: tuple[Picture, ...] = ()
    work: dict[str, int] = field(default_factory=dict, compare=False)
    """What this run did for it (images decoded, images remembered): in no output, since the next run may do less."""

    @property
    def failed(self) -> tuple[Check, ...]:
        """The blocking checks that did not hold."""
        return tuple(check for check in self.checks if check.blocking and not check.passed)

    def write(self, folder: Path, stage: str, name: str | None) -> None:
        """Write `folder/report.json`."""
        tree = {
            "stage": stage,
            "name": name,
            **self.facts,
            "metrics": self.metrics,
            "checks": [asdict(check) for check in self.checks],
            "pictures": [asdict(p) for p in self.pictures],
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "report.json", tree)


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml and the function that does it.

    `run` is called by keyword: each of `inputs` (a Path that exists, unless it is `optional`), each of `outputs` (a
    Path to create: a file if it has a suffix, else a folder that already stands there, empty), `report` (a folder, for
    pictures), each of `params`, and, where asked for, `name` and `resume` (a folder that outlives an interrupted run,
    only ever seen by the same inputs, params and code).
    """

    name: str
    summary: str
    """One line for `genimg --help`."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: dict[str, tuple[str, Any]]
    """Keyword -> (dotted key in params.yaml, with `{name}` for the instance; its type)."""
    run: Callable[..., StageReport]
    named: bool = True
    """Whether the stage has instances (`foreach`) and takes a name."""
    resumable: bool = False
    shared: bool = False
    """Whether it works in as many processes as its `params` say (`processes`), see training/companions.py."""
    optional: tuple[str, ...] = ()
    """Inputs that may be absent: what people, or trials, decided. `run` gets None for one that was not named."""


def write_json(path: Path, tree: Any) -> None:
    """JSON as every output has it: sorted keys, UTF-8, no NaN, a newline at the end."""
    path.write_text(
        json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf8"
    )
