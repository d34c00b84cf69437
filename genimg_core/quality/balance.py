"""Whom a data set shows, and whom its rules throw out: images per class and split, rejections per class and folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

MOST_GROUPS = 30
"""Rows of a table of rates; the rest is added up in one."""
CLEARLY_HIGHER = 0.1
"""By so much a share must be above another to be called higher,"""
CHANCE = 1e-4
"""and so unlikely where the groups are equal."""
COPIES = "exact_duplicate"
OTHERS = "others"
"""`kind` of the row that stands for all the groups that are not shown."""


@dataclass(frozen=True)
class Rate:
    """How many images of a group were rejected."""

    name: str | None
    """A class or a folder (posix, relative to the source; empty for its root); None for images without a label, and for
    the others."""
    kind: str
    """`group`, `unlabelled` or `others`."""
    collected: int
    rejected: int
    reasons: dict[str, int]
    """Reason => images, the commonest first."""
    higher: bool
    """Clearly more than of the images outside the group, exact copies aside (of which one is kept)."""

    @property
    def share(self) -> float:
        """Of the collected."""
        return self.rejected / self.collected


def rejection_rates(names: Sequence[str | None], reasons: Sequence[str | None],
                    most: int = MOST_GROUPS) -> tuple[Rate, ...]:
    """Rejections of each group, the highest share first; at most `most` groups, then the others together.

    Args:
        names: (N,) group of each collected image; None: it has none.
        reasons: (N,) why it was rejected; None: it was not.
        most: groups to tell apart.
    """
    collected: Counter[str | None] = Counter(names)
    why: dict[str | None, Counter[str]] = {}
    for name, reason in zip(names, reasons, strict=True):
        if reason is not None:
            why.setdefault(name, Counter())[reason] += 1
    lost = {name: sum(counts.values()) for name, counts in why.items()}
    total, all_lost = sum(collected.values()), sum(lost.values())
    all_copies = sum(counts[COPIES] for counts in why.values())

    def rate(name: str | None, kind: str, members: Sequence[str | None]) -> Rate:
        ours, gone = sum(collected[m] for m in members), sum(lost.get(m, 0) for m in members)
        told = Counter()
        for member in members:
            told.update(why.get(member, {}))
        copies, bad = told[COPIES], gone - told[COPIES]
        higher = kind == "group" and clearly_higher(bad, ours - copies, all_lost - all_copies - bad,
                                                    total - all_copies - ours + copies)
        return Rate(name, kind, ours, gone, dict(sorted(told.items(), key=lambda item: (-item[1], item[0]))), higher)

    order = sorted(collected, key=lambda n: (-lost.get(n, 0) / collected[n], -collected[n], n is None, n or ""))
    shown, rest = (order, []) if len(order) <= most else (order[:most], order[most:])
    rates = [rate(name, "unlabelled" if name is None else "group", [name]) for name in shown]
    return (*rates, *([rate(None, OTHERS, rest)] if rest else []))


def clearly_higher(hits: int, count: int, other_hits: int, other_count: int) -> bool:
    """Whether a share is above another by CLEARLY_HIGHER, and beyond chance (Fisher's exact test, one-sided).

    Args:
        hits: of `count`.
        count: of the group; 0 is not higher.
        other_hits: of `other_count`.
        other_count: 0 compares with nothing, and is not higher.
    """
    if not count or not other_count or hits / count - other_hits / other_count < CLEARLY_HIGHER:
        return False
    from scipy.stats import hypergeom

    return bool(hypergeom.sf(hits - 1, count + other_count, hits + other_hits, count) < CHANCE)


def folders_of(paths: Sequence[str], most: int = MOST_GROUPS) -> list[str]:
    """The folder of each path, cut to the deepest level at which there are at most `most`; else the first level.

    Args:
        paths: posix, relative to the source.
        most: folders that a reader can take in.
    """
    parents = [path.split("/")[:-1] for path in paths]
    depth = max((len(parts) for parts in parents), default=0)
    while depth > 1 and len({tuple(parts[:depth]) for parts in parents}) > most:
        depth -= 1
    return ["/".join(parts[:depth]) for parts in parents]


def rejections(rows: pd.DataFrame, given_labels: pd.Series) -> dict[str, Any]:
    """For report.json: `by_class` (as the source labelled them) and `by_folder`, each a list of Rate's fields.

    Args:
        rows: path, reason and status of every collected file.
        given_labels: (N,) labels as they came in, by the same rows; missing where there was none.
    """
    from dataclasses import asdict

    reasons = [str(reason) if status == "rejected" else None
               for reason, status in zip(rows["reason"], rows["status"], strict=True)]
    labels = [label if isinstance(label, str) else None for label in given_labels]
    folders = folders_of(list(rows["path"]))
    same = [label if label is not None else "" for label in labels] == [folder.rpartition("/")[2] for folder in folders]
    return {"by_class": [asdict(rate) for rate in rejection_rates(labels, reasons)],
            "by_folder": [asdict(rate) for rate in rejection_rates(folders, reasons)],
            "folders_are_classes": same}


def untested_classes(class_counts: dict[str, tuple[int, ...]], classes: tuple[str, ...]) -> list[str]:
    """The classes without an image in the test split."""
    return [name for name, count in zip(classes, class_counts["test"], strict=True) if not count]


def shares_in_test(class_counts: dict[str, tuple[int, ...]]) -> dict[str, float]:
    """Least, whole and greatest share of a class's images that are in the test split."""
    totals = [sum(counts) for counts in zip(*class_counts.values(), strict=True)]
    shares = [count / total for count, total in zip(class_counts["test"], totals, strict=True) if total]
    whole = sum(class_counts["test"]) / max(1, sum(totals))
    return {"least": min(shares, default=0.0), "whole": whole, "greatest": max(shares, default=0.0)}
