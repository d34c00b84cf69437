"""Report: one self-contained HTML page of everything (all stage reports => index.html)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genimg_core.stages.contract import Check, Stage, StageReport

CHECKS = (("page_is_self_contained", "The page fetches nothing: no address of another place in it", True),)

DATA_STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")


def report(
    *,
    reports: Path,
    page: Path,
    report: Path,
    datasets: dict[str, Any],
    pretrain: dict[str, Any],
    finetune: dict[str, Any],
    generate: dict[str, Any],
) -> StageReport:
    """Write `page/index.html`.

    Args:
        reports: the folder of all stages' reports.
        page: where index.html goes.
        report: unused; report.json goes beside the page.
        datasets: the entries of params.yaml; their names are what is shown (a removed entry's folder may stay).
        pretrain: the same.
        finetune: the same.
        generate: the same.

    Raises:
        CorruptFileError: a stage's report cannot be read.
    """
    from genimg_core.reports.html import StageReports, render

    read = StageReports(reports).read
    data = {name: {stage: read(stage, name) for stage in DATA_STAGES} for name in datasets}
    models = {}
    for stage, entries in (("pretrain", pretrain), ("finetune", finetune)):
        for name, entry in entries.items():
            models[name] = {
                "kind": stage,
                "dataset": entry["dataset"],
                "from": entry.get("from"),
                "train": read(stage, name),
            }
            if name in generate:
                models[name] |= {"generate": read("generate", name), "evaluate": read("evaluate", name)}
    extractor = read("extractor")
    html = render(datasets=data, models=models, extractor=extractor)
    (page / "index.html").write_text(html, encoding="utf8")
    checks = [check for stages in data.values() for stage in stages.values() for check in stage["checks"]]
    checks += [
        check
        for model in models.values()
        for key in ("train", "generate", "evaluate")
        if key in model
        for check in model[key]["checks"]
    ]
    foreign = [mark for mark in ('src="http', "src='http", "url(http", "<link", "<script") if mark in html]
    return StageReport(
        facts={
            "page": "index.html",
            "datasets": list(datasets),
            "models": list(models),
            "warnings": sum(not check["passed"] for check in checks),
        },
        metrics={
            "page_bytes": len(html.encode()),
            "datasets": len(datasets),
            "models": len(models),
            "checks": len(checks),
            "warnings": sum(not check["passed"] for check in checks),
        },
        checks=(Check(CHECKS[0][0], not foreign, ", ".join(foreign) or "nothing", "nothing", CHECKS[0][1]),),
    )


STAGE = Stage(
    name="report",
    summary="one self-contained HTML page of everything",
    inputs=("reports",),
    outputs=("page",),
    params={
        "datasets": ("datasets", dict),
        "pretrain": ("pretrain", dict),
        "finetune": ("finetune", dict),
        "generate": ("generate", dict),
    },
    run=report,
    named=False,
)
