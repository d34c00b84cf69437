"""Is a run still well? Read off its log alone, so that a resumed run judges as the uninterrupted one does.

A line of the log has, beside losses: `<player>.gradient_norm`, the greatest since the line before; and, in lines with a
look at drawn samples, `variety` and `coverage` (see looks.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from genimg_core.training.params import WatchParams

LEAST_LINES = 5
"""Of the log, before a median means anything."""
SURE_LINES = 4
"""A discriminator wins or loses in every step now and then; so many lines running are no accident."""
LOSES_FACTOR = 3.0
"""A discriminator whose loss is over this many times what guessing costs is led astray."""
COLLAPSE_LOOKS = 2
LEAST_COVERAGE = 0.1
"""Below it there is nothing yet that could collapse."""


@dataclass(frozen=True)
class Finding:
    """What is wrong."""

    cause: str
    """not_finite, exploding_gradient, discriminator_won, discriminator_lost or collapse."""
    detail: str
    """With figures."""


def not_finite(means: dict[str, float]) -> Finding | None:
    """A loss or a gradient that is no number."""
    bad = sorted(name for name, mean in means.items() if not math.isfinite(mean))
    return Finding("not_finite", f"{', '.join(bad)}: no longer a number") if bad else None


def diagnose(log: list[dict[str, Any]], watch: WatchParams, guessing_costs: float | None,
             since: int = 0) -> Finding | None:
    """What the log shows at its last line, None where the run is well.

    Args:
        log: so far; a run that went back has lost the lines since.
        watch: the bounds.
        guessing_costs: the discriminator's adversarial loss where it cannot tell anything; None looks for no winner.
        since: images seen where the settings were changed last: gradients and losses from before are no measure.
    """
    lately = [line for line in log if line["seen_images"] > since]
    return (_exploding(lately, watch.gradient_factor) or _one_sided(lately, watch.critic_share, guessing_costs)
            or _collapse(log, watch.collapse_share, COLLAPSE_LOOKS))


def suspicious(log: list[dict[str, Any]], watch: WatchParams, since: int = 0) -> bool:
    """Whether the last line is no place to come back to, although nothing is certain yet.

    Collapse comes slowly: where one of the two figures of the last look is half-way there, it may have begun.
    """
    lately = [line for line in log if line["seen_images"] > since]
    exploding = _exploding(lately, math.sqrt(watch.gradient_factor)) is not None
    return exploding or _fading(log, math.sqrt(watch.collapse_share))


def _exploding(log: list[dict[str, Any]], factor: float) -> Finding | None:
    for name in (key for key in log[-1] if key.endswith(".gradient_norm")):
        before = [line[name] for line in log[:-1] if name in line]
        if len(before) >= LEAST_LINES and log[-1][name] > factor * median(before) > 0:
            return Finding("exploding_gradient", f"{name.partition('.')[0]}: {log[-1][name]:.3g}, "
                                                 f"{log[-1][name] / median(before):.0f} times its median")
    return None


def _one_sided(log: list[dict[str, Any]], share: float, guessing_costs: float | None) -> Finding | None:
    if guessing_costs is None or len(log) < LEAST_LINES + SURE_LINES:
        return None
    last = [line["discriminator/adversarial"] for line in log[-SURE_LINES:]]
    if max(last) < share * guessing_costs:
        return Finding("discriminator_won", f"its loss is {max(last):.3g} at most, guessing costs {guessing_costs:.3g}")
    if min(last) > LOSES_FACTOR * guessing_costs:
        return Finding("discriminator_lost", f"its loss is {min(last):.3g} at least, guessing costs "
                                             f"{guessing_costs:.3g}")
    return None


def _collapse(log: list[dict[str, Any]], share: float, looks: int) -> Finding | None:
    seen = [line for line in log if "variety" in line]
    if len(seen) <= looks or seen[-1] is not log[-1]:
        return None
    best = {name: max(line[name] for line in seen) for name in ("variety", "coverage")}
    last = seen[-looks:]
    if best["coverage"] >= LEAST_COVERAGE and all(
            line[name] < share * best[name] for line in last for name in ("variety", "coverage")):
        told = ", ".join(f"{name} {last[-1][name]:.2f} of {best[name]:.2f}" for name in best)
        return Finding("collapse", f"{told} at its best")
    return None


def _fading(log: list[dict[str, Any]], share: float) -> bool:
    seen = [line for line in log if "variety" in line]
    if not seen or max(line["coverage"] for line in seen) < LEAST_COVERAGE:
        return False
    return any(seen[-1][name] < share * max(line[name] for line in seen) for name in ("variety", "coverage"))
