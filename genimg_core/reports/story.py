"""The order in which the page tells things: the best model of each data set first, then what it was held against."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from genimg_core.reports.dotplot import DotPlot, Row, dot_plot
from genimg_core.reports.findings import compared, findings, lead_scores

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "pandas", "pillow", "great-expectations", "dvc")
FLOOR, BASELINE = "other real images", "PCA-Gaussian"
PLOTTED = (("kid", "KID: nearer to 0 is better"), ("coverage", "Coverage: higher is better"))


def headline(results: list[dict[str, Any]], datasets: dict[str, Any]) -> str:
    """The page's first line."""
    if not results:
        return f"{', '.join(datasets)}: clean data, and no model yet"
    names = {result["dataset"] for result in results}
    images = sum(stages["normalize"]["metrics"]["train_images"] for name, stages in datasets.items() if name in names)
    count = "A generator" if len(results) == 1 else f"{len(results)} generators"
    return f"{count}, learnt from {images:,} images"


def model_results(models: dict[str, Any], datasets: dict[str, Any]) -> list[dict[str, Any]]:
    """The best model of each data set (see `_best`), its findings, and how it compares with the others of that set.

    Args:
        models: name -> `dataset`, `how`, `train`, and where it was drawn from `generate` and `evaluate`.
        datasets: in the order of the page.
    """
    results = []
    for dataset in datasets:
        scored = _of_dataset(models, dataset)
        if not scored:
            continue
        best = _best(scored)
        results.append({"dataset": dataset, "name": best, "how": scored[best]["how"],
                        "generate": scored[best]["generate"], "evaluate": scored[best]["evaluate"],
                        "findings": findings(scored[best]["evaluate"]),
                        "against": [_against(best, name, scored) for name in scored if name != best]})
    return results


def comparisons(models: dict[str, Any], datasets: dict[str, Any]) -> list[dict[str, Any]]:
    """All models of a data set side by side, with the floor and the baseline: plots, and a table per extractor."""
    told = []
    for dataset in datasets:
        scored = {name: model["evaluate"] for name, model in _of_dataset(models, dataset).items()}
        if not scored:
            continue
        first = next(iter(scored.values()))
        lead = first["lead"]
        extractors = [lead, *(name for name in first["scores"] if name != lead)]
        told.append({
            "dataset": dataset, "images": first["images"], "real_split": first["real_split"], "lead": lead,
            "plots": [_plot(metric, title, scored, lead) for metric, title in PLOTTED],
            "tables": [{"extractor": extractor, "kind": first["scores"][extractor]["kind"],
                        "rows": _rows(scored, extractor)} for extractor in extractors]})
    return told


def library_versions() -> dict[str, str]:
    """What the outputs rest on besides data and params; equal versions make equal outputs."""
    versions = {"python": platform.python_version()}
    for package in LIBRARIES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _of_dataset(models: dict[str, Any], dataset: str) -> dict[str, Any]:
    return {name: model for name, model in models.items() if model["dataset"] == dataset and model.get("evaluate")}


def _best(scored: dict[str, Any]) -> str:
    """The lowest KID; where a fine-tuned model cannot be told from it, that one: the others are its controls."""
    kid = {name: lead_scores(model["evaluate"])["kid"] for name, model in scored.items()}
    first = min(kid, key=lambda name: kid[name]["value"])
    tuned = [name for name, model in scored.items() if model["train"]["parent"]
             and compared(kid[first], kid[name]) == "open"]
    return min(tuned, key=lambda name: kid[name]["value"]) if tuned else first


def _against(best: str, other: str, scored: dict[str, Any]) -> str:
    """One sentence: a model against the best one, both by the extractor that leads."""
    ours, theirs = (lead_scores(scored[name]["evaluate"])["kid"] for name in (best, other))
    how = {"lower": "The intervals do not meet: the difference is real, as far as one training each can tell.",
           "higher": "", "open": "The intervals meet: which is better is open."}[compared(ours, theirs)]
    return f"Against {other} ({scored[other]['how']}): KID {ours['value']:.4f} to {theirs['value']:.4f}. {how}"


def _plot(metric: str, title: str, scored: dict[str, Any], lead: str) -> DotPlot:
    rows = [Row(name, *(evaluation["scores"][lead][metric][key] for key in ("value", "low", "high")))
            for name, evaluation in scored.items()]
    first = next(iter(scored.values()))
    rows.insert(0, Row(FLOOR, first["scores"][lead][metric]["floor"], kind="floor"))
    baseline = first["baseline"]["scores"][lead][metric]
    rows.append(Row(BASELINE, baseline["value"], baseline.get("low"), baseline.get("high"), "baseline"))
    return dot_plot(title, rows)


def _rows(scored: dict[str, Any], extractor: str) -> list[dict[str, Any]]:
    """The floor, each model, the baseline. Floor and baseline are the same for all that drew equally many images."""
    first = next(iter(scored.values()))
    metrics = [key for key, score in first["scores"][extractor].items() if isinstance(score, dict)]
    floor = {metric: {"value": first["scores"][extractor][metric]["floor"]} for metric in metrics}
    rows = [{"label": FLOOR, "kind": "floor", "scores": floor}]
    rows += [{"label": name, "kind": "model", "scores": evaluation["scores"][extractor]}
             for name, evaluation in scored.items()]
    return [*rows, {"label": BASELINE, "kind": "baseline", "scores": first["baseline"]["scores"][extractor]}]
