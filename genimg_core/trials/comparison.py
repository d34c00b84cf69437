"""From candidates to a decision: run the trials, apply the rule, and say it all in the stage's report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genimg_core.errors import TrainingError
from genimg_core.metrics.features import load_extractors
from genimg_core.reports.pictures import contact_sheet, save_png
from genimg_core.stages.contract import Check, Picture, StageReport
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.training.params import TrainParams
from genimg_core.training.session import ModelPlan
from genimg_core.trials.checks import CHECKS
from genimg_core.trials.held_out import trial_data
from genimg_core.trials.params import TrialParams
from genimg_core.trials.rule import RULE, Measured, Standing, decide, over_seeds, share_of
from genimg_core.trials.run import INTERVAL, NEIGHBOURS, SHOWN, TRIALS, Judge, Trial, run_trials

SCORES = ("kid", "fd", "precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Contender:
    """A candidate, ready to train."""

    label: str
    plan: ModelPlan
    params: TrainParams
    """Those of the run to come, with the candidate's own learning rate."""


def compare(stage: str, name: str, contenders: Callable[[Any], Sequence[Contender]], *, dataset: Path, extractor: Path,
            report: Path, seed: int, threads: int, settings: TrialParams) -> tuple[int, StageReport]:
    """Try every contender `settings.seeds` times and decide.

    Args:
        stage: `select` or `recipe`.
        name: the instance.
        contenders: made from the settings of the data set as the trials see it.
        dataset: normalized.
        extractor: the feature extractors.
        report: for pictures.
        seed: of params.yaml; the trials' seeds are it and the following ones.
        threads: CPU threads.
        settings: the budget.

    Returns:
        The index of the one that won, and the stage's report.

    Raises:
        TrainingError: not one of them could be trained.
        EmptyDatasetError: too few images to judge by, or none to learn from.
    """
    data = trial_data(NormalizedDataset(dataset), settings.samples, NEIGHBOURS + 2, seed)
    judge = Judge(data, load_extractors(extractor)[0], seed, threads)
    tried = contenders(data.settings)
    short = {"seen_images": settings.images, "strips": 0, "processes": 1}
    trials = [Trial(one.label, one.plan, one.params.model_copy(update=short), seed + number)
              for one in tried for number in range(settings.seeds)]
    folder = TRIALS / f"{stage}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    results = run_trials(trials, judge, folder)
    rows = [_row(one.label, results[place * settings.seeds:(place + 1) * settings.seeds], len(data.real))
            for place, one in enumerate(tried)]
    decision = decide([_standing(row) for row in rows])
    if decision is None:
        raise TrainingError(f"{stage}@{name}: no candidate could be trained; {tried[0].label}: {rows[0]['failed'][0]}",
                            "give `select` other candidates, or pin the choice in params.yaml")
    for place, row in enumerate(rows):
        row["won"] = place == decision.index
    scored = next(result for result in results if "scores" in result)
    facts = {
        "how": "trials", "chosen": tried[decision.index].label, "reason": decision.reason, "rule": RULE,
        "candidates": rows, "budget": {"images": settings.images, "seeds": settings.seeds},
        "floor": {score: scored["scores"][score]["floor"] for score in SCORES}, "interval": INTERVAL,
        "judged_by": data.judged_by, "images": len(data.real), "extractor": judge.extractor.settings.id,
        "dataset": data.settings.dataset, "dataset_sha256": data.settings.sha256, "table": table(rows, settings)}
    return decision.index, StageReport(
        facts=facts, checks=_checks(rows, decision.index), pictures=_pictures(report, rows, results, settings.seeds),
        metrics={"trials": len(trials), "failed": sum(len(row["failed"]) for row in rows),
                 "kid": rows[decision.index]["kid"]["value"], "coverage": rows[decision.index]["coverage"]["value"]})


def table(rows: Sequence[dict[str, Any]], settings: TrialParams) -> dict[str, Any]:
    """The rows as texts, for who shows tables without knowing what is in them."""
    seeds = "1 seed" if settings.seeds == 1 else f"{settings.seeds} seeds"
    return {"title": f"Trials of {settings.images:,} images seen each, {seeds}; lower KID is better",
            "columns": ["candidate", "KID", "coverage", "operations an image", "result"],
            "rows": [[row["label"], _told(row["kid"]), _told(row["coverage"]), f"{row['operations']:,}",
                      "chosen" if row["won"] else f"failed: {row['failed'][0]}" if row["failed"] else ""]
                     for row in rows]}


def _row(label: str, results: list[dict[str, Any]], images: int) -> dict[str, Any]:
    """A candidate's trials as one line of the table."""
    failed = [result["failed"] for result in results if "failed" in result]
    sound = [result for result in results if "scores" in result]
    row: dict[str, Any] = {"label": label, "trials": len(results), "failed": failed,
                           "operations": sound[0]["operations"] if sound else 0,
                           "restarts": sum(result["restarts"] for result in sound)}
    for score in SCORES:
        found = [Measured(*(result["scores"][score][key] for key in ("value", "low", "high"))) for result in sound]
        found = [share_of(one, images, INTERVAL) for one in found] if score == "coverage" else found
        row[score] = asdict(over_seeds(found, INTERVAL)) if found else None
    return row


def _standing(row: dict[str, Any]) -> Standing:
    whole = not row["failed"]
    return Standing(row["label"], Measured(**row["kid"]) if whole else None,
                    Measured(**row["coverage"]) if whole else None, row["operations"])


def _told(score: dict[str, float] | None) -> str:
    return "–" if score is None else f"{score['value']:.4g} ({score['low']:.3g} to {score['high']:.3g})"


def _checks(rows: list[dict[str, Any]], chosen: int) -> tuple[Check, ...]:
    (name, description, blocking), = CHECKS
    failed = [row["label"] for row in rows if row["failed"]]
    return (Check(name, not failed, "; ".join(failed) or "none", "none", description, blocking),)


def _pictures(report: Path, rows: list[dict[str, Any]], results: list[dict[str, Any]], seeds: int,
              ) -> tuple[Picture, ...]:
    """A strip of samples of each candidate's first training."""
    pictures = []
    for place, row in enumerate(rows):
        samples = results[place * seeds]["samples"]
        if len(samples):
            file = f"candidate_{place + 1}.png"
            save_png(contact_sheet(list(samples), columns=SHOWN, tile_px=max(48, samples.shape[1]), gap_px=2),
                     report / file)
            row["picture"] = file
            pictures.append(Picture(file, f"Drawn after its trial: {row['label']}"))
    return tuple(pictures)
