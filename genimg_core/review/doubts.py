"""Which images of a data set a person should look at, and why: from the tables and reports of the last run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.decisions.book import Decisions, read_decisions
from genimg_core.decisions.files import FORGOTTEN
from genimg_core.errors import CorruptFileError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

COPIES = {"near_duplicate": "Near-duplicates", "exact_duplicate": "The same pixels in another file"}
BY_HAND = "rejected_by_hand"
REPORTS = ("collect", "profile", "validate", "clean", "label", "normalize")
ONLY_CLASS = "all"
"""The class of a data set without any label (stages/label.py)."""


@dataclass(frozen=True)
class Doubt:
    """One image to look at."""

    image_id: str
    path: str
    doubt: str
    """The section's key."""
    note: str
    """One line: what is doubtful."""
    status: str
    reason: str
    label: str
    """As it stands after the last run; for an uncertain one empty."""
    confidence: float | None
    group: str = ""
    """Copies that are shown together."""
    is_original: bool = False
    """The copy of the group that is kept."""
    guess: str = ""
    """The machine's label, to be confirmed."""
    decision: str = ""
    """What is decided already."""
    decided_label: str = ""
    why: str = ""
    place: tuple[str, int, int] | None = None
    """Shard, offset, bytes; None where nothing can be shown."""


@dataclass(frozen=True)
class Section:
    """Images of one kind of doubt."""

    key: str
    title: str
    told: str
    """What the person is asked."""
    total: int
    """Before the limit."""
    images: tuple[Doubt, ...]


@dataclass(frozen=True)
class Review:
    """Everything that goes out."""

    dataset: str
    labels: tuple[str, ...]
    """Those to choose from; empty for a data set without labels."""
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    """Checks that did not hold, in words."""

    @property
    def images(self) -> list[Doubt]:
        """Of all sections, in order; one may stand in several."""
        return [image for section in self.sections for image in section.images]


def find_doubts(dataset: str, min_contrast: float, *, limit: int, below: float, again: bool,
                extra_labels: Iterable[str] = (), root: Path = Path()) -> Review:
    """Look through the tables of the last run.

    Args:
        dataset: its name.
        min_contrast: below it a kept image vanishes on the background (`datasets.D.clean`).
        limit: images of a section, at most; groups of copies stay whole.
        below: predicted labels of less confidence are doubtful.
        again: also what is decided already.
        extra_labels: to choose from, besides those that images bear.
        root: the project.

    Raises:
        SourceError: the data set was not labelled yet.
        CorruptFileError: the tables are not of one run.
    """
    folder = root / "data" / "datasets" / dataset
    table = _joined(folder, dataset)
    decisions = read_decisions(dataset, root)
    labels = sorted({*table["source_label"].dropna(), *table["label_now"].dropna(), *extra_labels,
                     *(entry.label for entry in decisions.labels.values())})
    if labels == [ONLY_CLASS]:
        labels = []
    maker = _Maker(table, decisions, again)
    sections = [maker.likely_wrong(_label_errors(folder)), maker.conflicts(), maker.uncertain(below),
                maker.vanishing(min_contrast), *(maker.copies(reason, title) for reason, title in COPIES.items()),
                *maker.rejected()]
    return Review(dataset, tuple(labels), tuple(_limited(section, limit) for section in sections if section.images),
                  tuple(_warnings(dataset, root)))


def _joined(folder: Path, dataset: str) -> pd.DataFrame:
    """One row per collected file: the tables side by side."""
    from genimg_core.store.manifest import CLEAN_COLUMNS, read_table

    paths = {name: folder / name / file for name, file in (
        ("raw", "manifest.parquet"), ("profile", "profile.parquet"), ("clean", "clean.parquet"),
        ("labels", "labels.parquet"))}
    for path in paths.values():
        if not path.is_file():
            raise SourceError(f"{dataset} has not been cleaned and labelled yet: there is no {path}",
                              f"run `genimg run label@{dataset}`")
    table = read_table(paths["clean"], CLEAN_COLUMNS)
    for name, columns in (("raw", {"shard": "shard", "offset": "offset", "bytes": "bytes", "label": "source_label"}),
                          ("profile", {"trained_contrast": "trained_contrast"}),
                          ("labels", {"status": "status", "reason": "reason", "detail": "detail", "label": "label_now",
                                      "label_source": "label_source", "label_confidence": "label_confidence"})):
        other = read_table(paths[name], ["path", *columns])
        if not other["path"].equals(table["path"]):
            raise CorruptFileError(f"the tables of {dataset} are of different runs: {paths[name]} names other files",
                                   f"run `genimg run label@{dataset}`")
        for column, new in columns.items():
            table[new] = other[column]
    return table


def _label_errors(folder: Path) -> pd.DataFrame | None:
    """What confident learning found, the likeliest wrong first (see labels/check.py); None where nothing was checked.

    Raises:
        CorruptFileError: the table cannot be read.
    """
    from genimg_core.store.manifest import DOUBTFUL_COLUMNS, read_table

    path = folder / "labels" / "doubtful.parquet"
    return read_table(path, DOUBTFUL_COLUMNS) if path.is_file() else None


class _Maker:
    """Makes the sections of one data set."""

    def __init__(self, table: pd.DataFrame, decisions: Decisions, again: bool) -> None:
        self.decisions, self.again = decisions, again
        table = table[table["image_id"].notna() & (table["reason"] != FORGOTTEN)
                      & ~table["image_id"].isin(list(decisions.forgotten))]
        # The same bytes in another place are the same image: the kept row speaks for it.
        self.everything = table
        self.table = table.sort_values("status", kind="stable").drop_duplicates("image_id").sort_index()

    def _decided(self, image_id: str) -> bool:
        return image_id in self.decisions.verdicts or image_id in self.decisions.labels

    def _doubt(self, row: pd.Series, key: str, note: str, group: str = "", original: bool = False,
               guess: str = "", right: float | None = None) -> Doubt:
        """`guess`: what it may be instead; `right`: the probability that its label is right, where that was judged."""
        verdict, label = (self.decisions.verdicts.get(row["image_id"]), self.decisions.labels.get(row["image_id"]))
        number = row["label_confidence"] if right is None else right
        return Doubt(
            image_id=row["image_id"], path=row["path"], doubt=key, note=note, status=row["status"],
            reason=_text(row["reason"]), label=_text(row["label_now"]), confidence=None if number != number else number,
            group=group, is_original=original, guess=_guess(row) if key == "label" else guess,
            decision=verdict.decision if verdict else "", decided_label=label.label if label else "",
            why=(verdict.why if verdict else "") or (label.why if label else ""),
            place=(row["shard"], int(row["offset"]), int(row["bytes"])) if row["row"] >= 0 else None)

    def _section(self, key: str, title: str, told: str, rows: pd.DataFrame,
                 note: Callable[[pd.Series], str]) -> Section:
        made = tuple(self._doubt(row, key, note(row)) for _, row in rows.iterrows()
                     if self.again or not self._decided(row["image_id"]))
        return Section(key, title, told, len(made), made)

    def likely_wrong(self, errors: pd.DataFrame | None) -> Section:
        """Given labels that classifiers which had not seen the image find wrong."""
        rows = self.table.set_index("image_id", drop=False)
        made = []
        for one in errors.itertuples() if errors is not None else ():
            if one.image_id in rows.index and (self.again or not self._decided(one.image_id)):
                note = (f"came as {one.given}, which is right with a probability of {one.given_confidence:.2f}; it "
                        f"looks like {one.suggested} ({one.confidence:.2f})")
                row = rows.loc[one.image_id]
                right = float(one.given_confidence) if row["label_now"] == one.given else None  # else it was relabelled
                made.append(self._doubt(row, "label_error", note, guess=one.suggested, right=right))
        return Section("label_error", "Labels that are likely wrong", "Classifiers that had not seen these images say "
                       "otherwise, the surest first. Who is right?", len(made), tuple(made))

    def conflicts(self) -> Section:
        """Copies that came with different labels."""
        labelled = self.everything[self.everything["source_label"].notna()]
        counts = labelled.groupby("cluster")["source_label"].nunique()
        made: list[Doubt] = []
        for cluster in counts[counts > 1].index:
            members = self.everything[self.everything["cluster"] == cluster]
            # One card for each image: what its places say of it.
            rows = members.sort_values("status", kind="stable").drop_duplicates("image_id")
            if not self.again and any(image_id in self.decisions.labels for image_id in rows["image_id"]):
                continue
            for _, row in rows.iterrows():
                said = sorted(set(members.loc[members["image_id"] == row["image_id"], "source_label"].dropna()))
                note = f"came as {' and as '.join(said)}" if said else "came without a label"
                made.append(self._doubt(row, "conflict", note, cluster, row["status"] == "kept"))
        return Section("conflict", "Copies with different labels", "Which label is right? The kept copy's counts.",
                       len(made), tuple(made))

    def uncertain(self, below: float) -> Section:
        """Predicted labels of low confidence, and those refused for it."""
        refused = self.table["reason"] == "label_uncertain"
        low = (self.table["label_source"] == "predicted") & (self.table["label_confidence"] < below)
        rows = self.table[refused | low].sort_values("label_confidence", kind="stable", na_position="first")
        return self._section("label", "Uncertain labels", "The machine guessed these. Is it right?", rows, lambda row: (
            f"a guess: {_text(row['detail'])}, too uncertain to be used" if row["reason"] == "label_uncertain"
            else f"a guess: {row['label_now']} at {row['label_confidence']:.2f}"))

    def vanishing(self, min_contrast: float) -> Section:
        """Kept images that cannot be seen on the background."""
        rows = self.table[(self.table["status"] == "kept") & (self.table["trained_contrast"] < min_contrast)]
        return self._section("vanishing", "Hardly visible on the background", "Put on the background of params.yaml, "
                             "these vanish. Should a model learn from them?", rows,
                             lambda row: f"contrast {row['trained_contrast']:.1f} once on the background")

    def copies(self, reason: str, title: str) -> Section:
        """Rejected copies, each group with the one that is kept."""
        kept = self.everything[self.everything["status"] == "kept"].drop_duplicates("path").set_index("path")
        rejected = self.table[self.table["reason"] == reason]
        made: list[Doubt] = []
        for original, members in rejected.groupby("duplicate_of", sort=True):
            open_ones = [row for _, row in members.iterrows() if self.again or not self._decided(row["image_id"])]
            if not open_ones:
                continue
            group = f"{reason}-{open_ones[0]['cluster']}"
            if original in kept.index:
                first = kept.loc[original].copy()
                first["path"] = original
                made.append(self._doubt(first, reason, "kept for the whole group", group, original=True))
            made += [self._doubt(row, reason, _text(row["detail"]) or "the same picture", group) for row in open_ones]
        return Section(reason, title, "One of each group is kept. Keep another one too, if it is no copy.", len(made),
                       tuple(made))

    def rejected(self) -> Iterable[Section]:
        """Everything else that a rule rejected, by reason; what cannot be shown comes last."""
        rows = self.table[self.table["status"] == "rejected"]
        others = rows[~rows["reason"].isin([*COPIES, "label_uncertain", *(() if self.again else (BY_HAND,))])]
        reasons = others.groupby("reason")["row"].max().sort_index().sort_values(ascending=False, kind="stable",
                                                                                key=lambda row: row >= 0)
        for reason, best in reasons.items():
            told = "Keep what a model should learn from." if best >= 0 else "They cannot be read, and so not kept."
            yield self._section(str(reason), f"Rejected: {str(reason).replace('_', ' ')}", told,
                                others[others["reason"] == reason], lambda row: _text(row["detail"]))


def _limited(section: Section, limit: int) -> Section:
    """The first `limit` images; a group of copies is not torn apart."""
    count = min(limit, len(section.images))
    while 0 < count < len(section.images) and section.images[count].group \
            and section.images[count].group == section.images[count - 1].group and count < 2 * limit:
        count += 1
    return Section(section.key, section.title, section.told, section.total, section.images[:count])


def _warnings(dataset: str, root: Path) -> Iterable[str]:
    for stage in REPORTS:
        try:
            tree = json.loads((root / "data/reports" / f"{stage}-{dataset}" / "report.json").read_text(encoding="utf8"))
            yield from [f"{stage}: {check['description']}: {_figure(check['observed'])}, "
                        f"threshold {_figure(check['threshold'])}" for check in tree["checks"] if not check["passed"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _figure(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _guess(row: pd.Series) -> str:
    """What the machine took the image for: also where it was too uncertain (stages/label.py: `A at 0.43`)."""
    return _text(row["label_now"]) or _text(row["detail"]).rpartition(" at ")[0]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
