"""What the cells of model_families say: each system's excess over the floor, our best against the best peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks import command
from benchmarks.cells import Cell
from benchmarks.excess import Estimate, excess, mean_score, ratio
from benchmarks.families_table import Entry

SHARE_OF_EXCESS, COVERAGE = 0.25, 0.70
"""Targets, in each of the two classes."""
QUIET = 0.25
"""Cores busy with other things, up to which a cell counts as measured on a quiet machine."""
SCORES = {"fd": "lower", "kid": "lower", "precision": "higher", "recall": "higher", "coverage": "higher"}
UNITS = {"fd": "FD", "kid": "KID"}


@dataclass(frozen=True)
class Standing:
    """A system with the cells that stand."""

    entry: Entry
    cells: list[tuple[Cell, Any]]
    results: list[dict[str, Any]]

    def scores(self, sampler: str = "best") -> list[dict[str, Any]]:
        """Of the best sampler, or of the best fast one (seeds without are left out)."""
        return [one["scores"][one[sampler]] for one in self.results if one[sampler]]


def class_rows(where: str, found: list[Standing], aimed: bool) -> list[dict[str, Any]]:
    """Rows of the systems of a class and of their comparison; each of a system brings its `scorer_accuracy`.

    Args:
        where: begins every claim.
        found: of the systems.
        aimed: whether the targets hold: those are for whole trainings.
    """
    rows = [row for one in found for row in _system_claims(where, one)]
    ours, peers = ([one for one in found if one.entry.ours is mine] for mine in (True, False))
    if ours and peers:
        rows += _comparison(where, min(ours, key=_fd), min(peers, key=_fd), aimed)
        dcgan = next((one for one in peers if one.entry.system == "dcgan"), None)
        fast = [one for one in ours if one.scores("fast")]
        if fast and dcgan:
            rows.append(_fast_claim(where, min(fast, key=lambda one: excess(one.scores("fast"), "fd").value), dcgan))
    return rows


def _fd(one: Standing) -> float:
    return excess(one.scores(), "fd").value


def _system_claims(where: str, one: Standing) -> list[dict[str, Any]]:
    rows = []
    for name in ("fd", "kid", "coverage"):
        scores = one.scores()
        estimate = mean_score(scores, name) if name == "coverage" else excess(scores, name)
        what = "coverage" if name == "coverage" else f"{UNITS[name]} above the floor"
        told = f"interval {estimate.low:.4f} to {estimate.high:.4f} over {len(scores)} seed(s); real images " \
               f"{scores[0][name]['floor']:.4f}"
        rows.append(command.claim(f"{where}: {one.entry.shown}, {what}", estimate.value, None, SCORES[name],
                                  UNITS.get(name, "share of real images"),
                                  told + (f"; {_told(one)}" if name == "fd" else ""), one.cells, 5,
                                  low=round(estimate.low, 5), high=round(estimate.high, 5),
                                  scorer_accuracy=one.results[0]["scorer_accuracy"]))
    return rows


def _told(one: Standing) -> str:
    first = one.results[0]
    training = [result["training"] for result in one.results]
    seen = sum(result["seen_images"] for result in training) / len(training)
    drawing = ", ".join(f"{name} {sampler['images_per_second']:,.0f}/s FD {sampler['held_out_fd']:.2f}"
                        for name, sampler in first["samplers"].items())
    busy = max(result["others_busy"] for result in training)
    others = ", ".join(f"{name} {mean_score(one.scores(), name).value:.3f}" for name in ("precision", "recall"))
    right = "" if first["recognised"] is None else f", recognised {first['recognised']:.1%}"
    return (f"{training[0]['weights']:,} weights, {seen:,.0f} images seen, {first['drawn']:,} drawn; best sampler "
            f"{first['best']} ({drawing}); {others}{right}" + ("" if busy <= QUIET else
            f"; NOT ON A QUIET MACHINE: up to {busy:.1f} cores were busy with other things"))


def _comparison(where: str, ours: Standing, peer: Standing, aimed: bool) -> list[dict[str, Any]]:
    """Our best against the best peer, both by FD."""
    rows, behind = [], [*ours.cells, *peer.cells]
    for name, target in (("fd", SHARE_OF_EXCESS if aimed else None), ("kid", None)):
        sides = [excess(one.scores(), name) for one in (ours, peer)]
        share = ratio(*sides)
        told = f"{sides[0]} against {sides[1]}"
        more = {} if share is None else {"low": round(share.low, 4), "high": round(share.high, 4)}
        told += "" if share is None else f"; interval {share.low:.3f} to {share.high:.3f}"
        rows.append(command.claim(
            f"{where}: our best ({ours.entry.shown}) in {UNITS[name]} above the floor, as a share of the best peer's "
            f"({peer.entry.shown})", None if share is None else share.value, target, "lower", "times", told, behind, 3,
            **more))
    covered, theirs = (mean_score(one.scores(), "coverage") for one in (ours, peer))
    told = f"interval {covered.low:.3f} to {covered.high:.3f}; {peer.entry.shown} {theirs.value:.3f}"
    rows.append(command.claim(f"{where}: coverage of our best ({ours.entry.shown})", covered.value,
                              COVERAGE if aimed else None, "higher", "share of real images", told, behind, 3))
    return rows


def _fast_claim(where: str, ours: Standing, dcgan: Standing) -> dict[str, Any]:
    """In how many of the scores our fast sampler is no worse than the DCGAN."""
    sides: dict[str, tuple[Estimate, Estimate]] = {
        name: (mean_score(ours.scores("fast"), name), mean_score(dcgan.scores(), name)) for name in SCORES}
    good = sum(mine.value <= theirs.value if SCORES[name] == "lower" else mine.value >= theirs.value
               for name, (mine, theirs) in sides.items())
    rate = min(result["samplers"][result["fast"]]["images_per_second"] for result in ours.results if result["fast"])
    told = ", ".join(f"{name} {mine.value:.4f} against {theirs.value:.4f}" for name, (mine, theirs) in sides.items())
    return command.claim(f"{where}: scores in which our fast sampler ({ours.entry.shown}, {rate:,.0f} images/s) is no "
                         f"worse than the DCGAN", float(good), float(len(SCORES)), "higher", "of 5", told,
                         [*ours.cells, *dcgan.cells], 0)
