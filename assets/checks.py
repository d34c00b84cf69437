"""A stage's conditions as asset checks: declared by the stage's module, observed in its report."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import dagster as dg

from assets.names import asset_key
from genimg_core.stages.runner import STAGES


class DeclaredCheck(NamedTuple):
    """A check as a stage's module announces it."""

    name: str
    description: str
    blocking: bool


def declared_checks(stage: str) -> list[DeclaredCheck]:
    """The checks that a stage announces as `CHECKS`: (name, description, blocking) each, or a function that gives them.

    Args:
        stage: `clean` or `clean@base`.
    """
    declared = getattr(importlib.import_module(STAGES[stage.partition("@")[0]]), "CHECKS", ())
    return [DeclaredCheck(*check) for check in (declared() if callable(declared) else declared)]


def check_specs(stage: str) -> list[dg.AssetCheckSpec]:
    """What Dagster must know before a run."""
    return [dg.AssetCheckSpec(name, asset=asset_key(stage), description=description, blocking=blocking)
            for name, description, blocking in declared_checks(stage)]


def check_results(stage: str, report: dict[str, Any]) -> tuple[list[dg.AssetCheckResult], list[dict[str, Any]]]:
    """The observed checks of a report.

    Returns:
        A result per declared check (failed, if the report does not hold it), and the report's undeclared ones.
    """
    reported = {check["name"]: check for check in report.get("checks", [])}
    declared = declared_checks(stage)
    results = [_result(stage, check, reported[check.name]) if check.name in reported else _missing(stage, check)
               for check in declared]
    names = {check.name for check in declared}
    return results, [check for name, check in reported.items() if name not in names]


def _result(stage: str, declared: DeclaredCheck, seen: dict[str, Any]) -> dg.AssetCheckResult:
    figures = {key: "none" if seen[key] is None else seen[key] for key in ("observed", "threshold")}
    return dg.AssetCheckResult(asset_key=asset_key(stage), check_name=declared.name, passed=bool(seen["passed"]),
                               severity=_severity(declared), description=seen["description"], metadata=figures)


def _missing(stage: str, declared: DeclaredCheck) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=asset_key(stage), check_name=declared.name, passed=False,
                               severity=_severity(declared), description="not reported",
                               metadata={"observed": "not reported", "threshold": "none"})


def _severity(declared: DeclaredCheck) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if declared.blocking else dg.AssetCheckSeverity.WARN
