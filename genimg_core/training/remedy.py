"""What is done for a run that is ill: back to its last good snapshot, with other settings, a few times at most.

Settings under which a game lost its balance may have spoiled it before that showed: where all else has failed, the last
attempt is one from the start.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genimg_core.errors import TrainingError
from genimg_core.training.checkpoint import read_good_snapshot, read_start
from genimg_core.training.generators import torch_generator
from genimg_core.training.health import Finding

if TYPE_CHECKING:
    from genimg_core.training.loop import Trainer

GO_BACK = "go_back"
"""The action of these events."""
SLOWER = 0.5
"""What the learning rates are multiplied by."""
OUT_OF_BALANCE = frozenset({"collapse", "discriminator_won", "discriminator_lost"})
"""Causes for which a game's penalties are raised, too."""
REMEDIES = {
    "not_finite": "lower learning_rate, or use `precision: fp32`",
    "exploding_gradient": "lower learning_rate",
    "discriminator_won": "raise the penalties (r1, r2), or lower learning_rate; more images help, too",
    "discriminator_lost": "lower learning_rate, or take another loss",
    "collapse": "raise the penalties (r1, r2), lower learning_rate, or take the flow family, which does not collapse",
}


def go_back(trainer: Trainer, resume: Path, finding: Finding, what: str) -> int:
    """Put the run back to its last good snapshot or its start, change its settings and write the event down.

    The draws to come are others, so that the same fate is not met again. The new state is written to disk before the
    run goes on: a resumed run goes the same way.

    Args:
        trainer: the run.
        resume: where its snapshots lie.
        finding: what is wrong.
        what: the run, for messages.

    Returns:
        Images seen where it goes on.

    Raises:
        TrainingError: it went back as often as it may.
    """
    seen, events, params = trainer.seen_images, trainer.events, trainer.params
    before_this = trainer.restarts
    last_chance = 1 < params.watch.restarts == len(before_this) + 1
    anew = last_chance and finding.cause in OUT_OF_BALANCE
    snapshot = (read_start(resume) if anew else None) or read_good_snapshot(resume)
    trainer.team.wait()  # until all have read it
    if len(before_this) >= params.watch.restarts or snapshot is None:
        tried = f", after {len(before_this)} attempt(s) with lower rates" if before_this else ""
        raise TrainingError(f"{what}: {finding.cause.replace('_', ' ')} at {seen:,} images seen: "
                            f"{finding.detail}{tried}", f"{REMEDIES[finding.cause]}; then start again")
    last = before_this[-1] if before_this else {"rate_scale": 1.0, "stabilised": 0}
    before = _settings_in_force(trainer, last["stabilised"])
    event: dict[str, Any] = {
        "seen_images": seen, "cause": finding.cause, "detail": finding.detail, "action": GO_BACK,
        "back_to": snapshot.tree["seen_images"], "rate_scale": last["rate_scale"] * SLOWER,
        "stabilised": last["stabilised"] + (finding.cause in OUT_OF_BALANCE), "before": before}
    trainer.restore(snapshot)
    trainer.take_to_heart([*events, event])
    event["after"] = _settings_in_force(trainer, event["stabilised"])
    trainer.generator = torch_generator(trainer.seed, f"train/draws/{len(trainer.restarts)}", trainer.device)
    trainer.keep(resume, trainer.seen_images)
    if trainer.team.leads:
        changed = ", ".join(f"{name} {before[name]:g} to {value:g}" for name, value in event["after"].items()
                            if value != before[name])
        print(f"{what}: {finding.cause.replace('_', ' ')} at {seen:,} images seen ({finding.detail}); back to "
              f"{trainer.seen_images:,} with {changed}", file=sys.stderr, flush=True)
    return trainer.seen_images


def _settings_in_force(trainer: Trainer, stabilised: int) -> dict[str, float]:
    return {"learning_rate": trainer.rate_scale * trainer.params.learning_rate, **trainer.family.stabilise(stabilised)}
