"""What the scores say, in words: each finding rests on the figures beside it, and says what limits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Mood = Literal["good", "fair", "bad"]

SURE = 0.7
"""Share of real images that a classifier must tell right to be asked about generated ones."""
NEAR = 0.1
"""Part of the way from real images to the PCA-Gaussian up to which a model is close to the real ones."""
UNDECIDED = 0.5
"""Part of the way to the PCA-Gaussian beyond which an interval says nothing."""
FEW_IMAGES = 200
"""Held-out images below which intervals are wide enough to say so."""


@dataclass(frozen=True)
class Finding:
    """One sentence of the result."""

    mood: Mood
    title: str
    """A few words."""
    text: str
    """With the figures."""


def findings(evaluation: dict[str, Any]) -> tuple[Finding, ...]:
    """Likeness, variety, classes, copies, and how far to trust them.

    Args:
        evaluation: the evaluate stage's report.
    """
    parts = (_likeness(evaluation), _variety(evaluation), _classes(evaluation), _copies(evaluation),
             _trust(evaluation))
    return tuple(part for part in parts if part is not None)


def lead_scores(evaluation: dict[str, Any]) -> dict[str, Any]:
    """The scores by the extractor that leads."""
    return evaluation["scores"][evaluation["lead"]]


def distance_left(evaluation: dict[str, Any]) -> float | None:
    """Where KID lies between other real images (0) and the PCA-Gaussian (1); None where those do not differ."""
    kid, baseline = lead_scores(evaluation)["kid"], _baseline(evaluation, "kid")
    if baseline is None or baseline <= kid["floor"]:
        return None
    return (kid["value"] - kid["floor"]) / (baseline - kid["floor"])


def compared(ours: dict[str, Any], other: dict[str, Any]) -> Literal["lower", "higher", "open"]:
    """A score against another of the same kind: `open` where their intervals meet."""
    if ours["high"] < other["low"]:
        return "lower"
    return "higher" if ours["low"] > other["high"] else "open"


def _baseline(evaluation: dict[str, Any], metric: str) -> float | None:
    scores = evaluation.get("baseline", {}).get("scores", {}).get(evaluation["lead"])
    return None if scores is None else scores[metric]["value"]


def _likeness(evaluation: dict[str, Any]) -> Finding:
    kid, baseline, left = lead_scores(evaluation)["kid"], _baseline(evaluation, "kid"), distance_left(evaluation)
    figures = f"KID {kid['value']:.4f}; other real images score {kid['floor']:.4f}"
    if baseline is not None:
        figures += f", a PCA-Gaussian {baseline:.4f}"
    if kid["low"] <= kid["floor"]:
        if _too_wide(evaluation, kid, baseline) or (left is not None and left >= NEAR):
            return Finding("fair", "So few images cannot tell how near these are to the real ones",
                           f"{figures}; the interval is {kid['low']:.4f} to {kid['high']:.4f}.")
        return Finding("good", "As near to the real images as other real images are", f"{figures}.")
    if baseline is not None and kid["value"] >= baseline:
        return Finding("bad", "No nearer to the real images than a PCA-Gaussian, which learns no shapes", f"{figures}.")
    if left is None:
        return Finding("fair", "Some way from the real images", f"{figures}.")
    mood: Mood = "good" if left < NEAR else "fair" if left < 0.4 else "bad"
    title = {"good": "Close to the real images", "fair": "Recognisably different from the real images",
             "bad": "Far from the real images"}[mood]
    return Finding(mood, title, f"{figures}: {100 * (1 - left):.0f} % of the way from that baseline to real images.")


def _too_wide(evaluation: dict[str, Any], kid: dict[str, Any], baseline: float | None) -> bool:
    """Whether the interval reaches so far towards the PCA-Gaussian that a poor model would have passed, too."""
    if baseline is None:
        return evaluation["images"] < FEW_IMAGES
    return kid["high"] - kid["floor"] > UNDECIDED * (baseline - kid["floor"])


def _variety(evaluation: dict[str, Any]) -> Finding:
    coverage = lead_scores(evaluation)["coverage"]
    share = coverage["value"] / coverage["floor"] if coverage["floor"] else 0.0
    mood: Mood = "good" if share >= 0.85 else "fair" if share >= 0.6 else "bad"
    told = f"Coverage {coverage['value']:.2f}: {100 * share:.0f} % of the {coverage['floor']:.2f} that other real " \
           "images reach"
    baseline = _baseline(evaluation, "coverage")
    if mood == "good" and baseline is not None and baseline >= 0.85 * coverage["floor"]:
        return Finding("fair", "No sign of collapse", f"{told}; but a PCA-Gaussian, which learns no shapes, reaches "
                                                      f"{baseline:.2f}, so coverage says little here.")
    title = {"good": "Nearly all of the variety is there", "fair": "A part of the variety is missing",
             "bad": "Much of the variety is missing: a sign of collapse"}[mood]
    return Finding(mood, title, f"{told}.")


def _classes(evaluation: dict[str, Any]) -> Finding | None:
    seen = evaluation.get("class_agreement")
    if not seen:
        return None
    if seen["real"] < SURE:
        return Finding("fair", "Whether the classes are right cannot be told",
                       f"This data set's own classifier is right on {100 * seen['real']:.0f} % of real images only.")
    lost = seen["real"] - seen["generated"]
    mood: Mood = "good" if lost < 0.05 else "fair" if lost < 0.2 else "bad"
    title = {"good": "Shows the class it was asked for", "fair": "Mostly shows the class it was asked for",
             "bad": "Often shows another class than the one asked for"}[mood]
    return Finding(mood, title, f"{100 * seen['generated']:.0f} % of the samples are recognised as the class that was "
                                f"asked for, {100 * seen['real']:.0f} % of real images are (by this data set's own "
                                "classifier).")


def _copies(evaluation: dict[str, Any]) -> Finding:
    memory = evaluation["memorization"]
    if "why" in memory:
        return Finding("fair", "Copying could not be measured", f"{memory['why']}.")
    worst = max(("pixels", "features"), key=lambda space: memory[space]["copied_share"]["value"])
    copied = memory[worst]["copied_share"]
    told = (f"{100 * copied['value']:.1f} % of the samples lie suspiciously near to one training image (in {worst}; of "
            f"real images that no model saw {100 * copied['expected']:.0f} % do, and of a copycat's "
            f"{100 * evaluation['copycat'][worst]['copied_share']:.0f} %).")
    if not evaluation["copycat"]["caught"]:
        return Finding("fair", "Copying cannot be told on this data", f"A deliberate copycat was not caught. {told}")
    if copied["low"] <= copied["expected"] or copied["value"] < 0.05:
        return Finding("good", "No sign of copying", told)
    return Finding("fair" if copied["value"] < 0.2 else "bad", "Some samples are near-copies of training images", told)


def _trust(evaluation: dict[str, Any]) -> Finding | None:
    if evaluation["real_split"] == "train":
        return Finding("bad", "These scores flatter",
                       "Too few images are held out, so the model is judged by images that it was trained on.")
    if evaluation["images"] < FEW_IMAGES:
        return Finding("fair", "Few images to judge by",
                       f"Only {evaluation['images']} real images are held out: the intervals are wide.")
    return None
