"""One trial: a short training by the usual loop, samples, and their scores by the usual scorer.

What stands under `.genimg/trials/<stage>-<name>/<key>/` is not done again; the key is a hash of the code, the data, the
extractor and all settings. Like the memo it is only ever a short cut. A trial that was cut short goes on from its last
snapshot.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from genimg_core.errors import EmptyDatasetError, TrainingError
from genimg_core.metrics.features import Extractor
from genimg_core.metrics.scores import Scorer
from genimg_core.models.model_file import load_model
from genimg_core.models.samples import class_weights, sample_labels
from genimg_core.seeds import generator
from genimg_core.stages.contract import write_json
from genimg_core.store.memo import memo_key
from genimg_core.training.devices import computing
from genimg_core.training.params import TrainParams
from genimg_core.training.session import ModelPlan, train_model
from genimg_core.trials.held_out import TrialData

TRIALS = Path(".genimg") / "trials"
NEIGHBOURS, RESAMPLES, INTERVAL = 5, 200, 0.95
"""As `evaluate` has them by default."""
SHOWN = 12
"""Samples of each trial that are kept to be looked at."""


@dataclass(frozen=True)
class Trial:
    """What is tried."""

    label: str
    plan: ModelPlan
    params: TrainParams
    seed: int


class Judge:
    """Scores samples against the images held out from the trials.

    Args:
        data: of the trials.
        extractor: the features that scores are measured with.
        seed: of the run; the same for all trials, so that all are held against the same halves.
        threads: CPU threads.
    """

    def __init__(self, data: TrialData, extractor: Extractor, seed: int, threads: int) -> None:
        self.data, self.extractor, self.seed, self.threads = data, extractor, seed, threads

    @cached_property
    def _features(self) -> tuple[np.ndarray, np.ndarray]:
        return self.extractor.features(self.data.real), self.extractor.features(self.data.floor)

    def score(self, drawn: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, float]]:
        """Name of the score => value, floor, low, high.

        Raises:
            EmptyDatasetError: the held-out images cannot be scored against.
        """
        with computing("cpu", self.threads):
            real, floor = self._features
            try:
                scorer = Scorer(real, floor, real_labels=self.data.real_labels, k=NEIGHBOURS, resamples=RESAMPLES,
                                probability=INTERVAL, draws=generator(self.seed, "trials/halves"))
            except ValueError as error:
                raise EmptyDatasetError(f"the trials cannot be judged by images {self.data.judged_by}: {error}",
                                        "add images that differ, or pin the choice in params.yaml") from None
            return {name: asdict(score) for name, score in
                    scorer.score(self.extractor.features(drawn), labels).items()}


def run_trials(trials: Sequence[Trial], judge: Judge, folder: Path) -> list[dict[str, Any]]:
    """Run those that do not stand yet; forget those of earlier settings.

    Args:
        trials: what is tried.
        judge: who scores it.
        folder: of this stage and name, under TRIALS.

    Returns:
        For each `scores`, `operations` (an image in training), `loss`, `restarts`, `samples` (uint8 (n, H, W, C)); or
        `failed`, the reason.
    """
    keys = [_key(trial, judge) for trial in trials]
    found = []
    for number, (trial, key) in enumerate(zip(trials, keys, strict=True), start=1):
        place = folder / key
        if _read(place) is None:
            _run(trial, judge, place, f"trial {number} of {len(trials)} ({trial.label})")
        found.append(_read(place))
    for old in folder.iterdir():
        if old.name not in keys:
            shutil.rmtree(old, ignore_errors=True)
    return found


def _key(trial: Trial, judge: Judge) -> str:
    from importlib.metadata import version

    plan = trial.plan
    settings = {"family": plan.family, "family_params": plan.family_params.model_dump(mode="json"),
                "parent": plan.parent_sha256, "transfer": plan.transfer, "params": trial.params.model_dump(mode="json"),
                "seed": trial.seed, "judge_seed": judge.seed, "threads": judge.threads,
                "judged_on": len(judge.data.real), "data": judge.data.settings.sha256,
                "extractor": judge.extractor.settings.sha256}
    return memo_key("genimg_core.trials.run", settings, {name: version(name) for name in ("torch", "numpy", "scipy")})


def _run(trial: Trial, judge: Judge, place: Path, what: str) -> None:
    work, resume = place / "work", place / "resume"
    shutil.rmtree(work, ignore_errors=True)
    for folder in (work / "model", work / "report", resume):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        report = train_model(trial.plan, judge.data, trial.params, name=what, seed=trial.seed, threads=judge.threads,
                             model=work / "model", report=work / "report", resume=resume)
    except TrainingError as error:
        result, drawn = {"failed": error.cause}, judge.data.real[:0]
    else:
        with computing(trial.params.device, judge.threads) as device:
            model = load_model(work / "model", device)
            labels = sample_labels(class_weights(model.settings, ()), len(judge.data.real))
            drawn = model.sample(labels, trial.seed, what=f"drawing for {what}")
        result = {"scores": judge.score(drawn, labels), "operations": report.facts["cost"]["operations_per_image"],
                  "loss": report.metrics["loss"], "restarts": report.metrics["restarts"]}
    np.save(place / "samples.npy", drawn[:SHOWN], allow_pickle=False)
    write_json(place / "draft.json", result)
    os.replace(place / "draft.json", place / "result.json")
    for folder in (work, resume):
        shutil.rmtree(folder, ignore_errors=True)


def _read(place: Path) -> dict[str, Any] | None:
    """What a finished trial left; None where there is none, or what is there is not whole."""
    try:
        result = json.loads((place / "result.json").read_text(encoding="utf8"))
        samples = np.load(place / "samples.npy", allow_pickle=False)
        if "failed" in result or result["scores"]["kid"]["value"] is not None:
            return result | {"samples": samples}
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        pass
    return None
