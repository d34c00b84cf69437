"""Report: one self-contained HTML page of everything, and a card per model (all stage reports => a folder)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from genimg_core.stages.contract import Check, Stage, StageReport, write_json

CHECKS = (("page_is_self_contained", "The page fetches nothing: no address of another place in it", True),)

DATA_STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")
FOREIGN = ('src="http', "src='http", "url(http", "<link", "<script")


def report(*, reports: Path, page: Path, report: Path, image: dict[str, Any], datasets: dict[str, Any],
           pretrain: dict[str, Any], finetune: dict[str, Any], generate: dict[str, Any],
           evaluate: dict[str, Any]) -> StageReport:
    """Write `page/index.html`, and `page/cards/<model>.md` and `.json` (and the rights in its training images).

    Args:
        reports: the folder of all stages' reports.
        page: where index.html goes.
        report: unused; report.json goes beside the page.
        image: of params.yaml, to be shown.
        datasets: the entries of params.yaml; their names are what is shown (a removed entry's folder may stay).
        pretrain: the same.
        finetune: the same.
        generate: the same.
        evaluate: of params.yaml, to be shown.

    Raises:
        CorruptFileError: a stage's report cannot be read.
    """
    from genimg_core.quality.rights import FILE as RIGHTS
    from genimg_core.reports.html import StageReports, render
    from genimg_core.reports.model_card import card_markdown, card_tree, rights_file
    from genimg_core.reports.story import comparisons, headline, library_versions, model_results
    from genimg_core.reports.trials import trials_told

    read = StageReports(reports).read
    data = {name: {stage: read(stage, name) for stage in DATA_STAGES} for name in datasets}
    models: dict[str, dict[str, Any]] = {}
    for stage, entries in (("pretrain", pretrain), ("finetune", finetune)):
        for name, entry in entries.items():
            parent = entry.get("from")
            models[name] = {"dataset": entry["dataset"], "from": parent, "train": read(stage, name),
                            "how": f"fine-tuned from {parent}" if parent else "trained from scratch",
                            "trials": trials_told(read(*tried)) if (tried := _tried(name, entry)) else None}
            for part in ("generate", "evaluate"):
                models[name][part] = read(part, name) if name in generate else None
    foreign = [read("import", name) for name in sorted({model["from"] for model in models.values() if model["from"]})
               if name not in models]
    libraries = library_versions()
    results = model_results(models, data)
    checks = _all_checks(data, models)
    warned = [check for check in checks if not check["passed"]]
    settings = {"image": image, "datasets": datasets, "pretrain": pretrain, "finetune": finetune,
                "generate": generate, "evaluate": evaluate}
    scored = [model["evaluate"] for model in models.values() if model["evaluate"]]
    extractors = {name: scores["sha256"] for evaluation in scored for name, scores in evaluation["scores"].items()}
    html = render(headline=headline(results, data), results=results, comparisons=comparisons(models, data),
                  datasets=data, models=models, imported=foreign, interval=scored[0]["interval"] if scored else 0,
                  warned=warned, warnings=len(warned), passed=len(checks) - len(warned), libraries=libraries,
                  extractors=extractors, settings=_yaml(settings))
    (page / "index.html").write_text(html, encoding="utf8")
    (page / "cards").mkdir()
    for name, model in models.items():
        tree = card_tree(name, model, data, libraries, _rights(name, models, data))
        write_json(page / "cards" / f"{name}.json", tree)
        (page / "cards" / f"{name}.md").write_text(card_markdown(tree), encoding="utf8")
    for name in sorted({dataset for model in models for dataset in _rights(model, models, data)}):
        shutil.copyfile(reports / f"normalize-{name}" / RIGHTS, page / "cards" / rights_file(name))
    fetched = [mark for mark in FOREIGN if mark in html]
    return StageReport(
        facts={"page": "index.html", "datasets": list(datasets), "models": list(models), "warnings": len(warned)},
        metrics={"page_bytes": len(html.encode()), "datasets": len(datasets), "models": len(models),
                 "checks": len(checks), "warnings": len(warned)},
        checks=(Check(CHECKS[0][0], not fetched, ", ".join(fetched) or "nothing", "nothing", CHECKS[0][1]),),
    )


def _rights(name: str, models: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Data set => what is known of the rights in its training images, for all that the model and its parents saw."""
    told: dict[str, Any] = {}
    here = name
    while here in models:  # a parent that was imported came without its data
        dataset = models[here]["dataset"]
        if rights := data[dataset]["normalize"].get("rights"):
            told[dataset] = rights
        here = models[here]["from"]
    return told


def _tried(name: str, entry: dict[str, Any]) -> tuple[str, str] | None:
    """The stage and name whose trials chose this model's family or recipe."""
    stages = [stage for stage, key in (("select", "family"), ("recipe", "recipe")) if entry.get(key) == "auto"]
    return (stages[0], name) if stages else None


def _all_checks(data: dict[str, Any], models: dict[str, Any]) -> list[dict[str, Any]]:
    """Every check of every stage, its stage's name put before its description."""
    reports = [(f"{stage}@{name}", report) for name, stages in data.items() for stage, report in stages.items()]
    reports += [(f"{model[part]['stage']}@{name}", model[part]) for name, model in models.items()
                for part in ("train", "generate", "evaluate") if model[part]]
    return [{**check, "description": f"{where}: {check['description']}"}
            for where, report in reports for check in report["checks"]]


def _yaml(settings: dict[str, Any]) -> str:
    import io

    from ruamel.yaml import YAML

    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(settings, stream)
    return stream.getvalue()


STAGE = Stage(
    name="report",
    summary="one self-contained HTML page of everything, and a card per model",
    inputs=("reports",),
    outputs=("page",),
    params={
        "image": ("image", dict),
        "datasets": ("datasets", dict),
        "pretrain": ("pretrain", dict),
        "finetune": ("finetune", dict),
        "generate": ("generate", dict),
        "evaluate": ("evaluate", dict),
    },
    run=report,
    named=False,
)
