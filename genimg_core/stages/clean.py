"""Clean: reject unusable images and say why; duplicates (profile => status)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from genimg_core.decisions.files import FORGOTTEN, read_verdicts
from genimg_core.errors import EmptyDatasetError
from genimg_core.params import Share
from genimg_core.quality.defects import DefectLimits
from genimg_core.quality.expectations import checks_of, clean_suite
from genimg_core.stages.contract import Check, Picture, Stage, StageReport

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genimg_core.quality.by_hand import ByHand
    from genimg_core.quality.duplicates import Conflict, Duplicates

EXACT, NEAR = "exact_duplicate", "near_duplicate"
SHOWN, SHOWN_PAIRS = 64, 32
FEW_COPIES = ("few_near_duplicates", "share of the readable images that are near-duplicates: maybe variants", False)
VISIBLE = ("visible_on_background", "kept images that vanish on the background they are put on", False)
CHECKS = (*checks_of(clean_suite()), FEW_COPIES, VISIBLE)
"""Name, description, blocking."""


class CleanParams(DefectLimits):
    """When an image is rejected, and when that is too much."""

    near_duplicates: bool = True
    """Whether near-duplicates are rejected; exact copies always are."""
    phash_radius: Annotated[int, Field(ge=0, le=7)] = 5
    """Hamming distance (bits of 64) up to which two images are compared pixel by pixel."""
    max_duplicate_rmse: Annotated[float, Field(ge=0, le=255)] = 5.0
    """Root mean square difference (0..255) of colour-and-alpha thumbnails up to which two images are one."""
    warn_near_duplicate_share: Share = 0.05
    """A warning when more of the readable images than this are near-duplicates: they may be variants, not copies."""
    max_rejected_share: Share = 0.9
    """Part of the collected files."""
    min_images_kept: Annotated[int, Field(ge=1)] = 10
    """Fewer are no data set."""


def clean(*, name: str, profile: Path, validated: Path, clean: Path, report: Path,
          settings: CleanParams, verdicts: Path | None = None) -> StageReport:
    """Mark every image as kept or rejected; the first rule that rejects it names the reason.

    What people decided wins over every rule (`rejected_by_hand`; a detail that begins with `kept by hand`).

    Args:
        name: of the data set.
        profile: the profile stage's folder.
        validated: says that the raw gate was passed.
        clean: for clean.parquet.
        report: for the pictures.
        settings: the limits.
        verdicts: what people decided, if the file is there.

    Raises:
        EmptyDatasetError: no image survives.
        DecisionsError: the file of verdicts cannot be read.
    """
    import numpy as np

    from genimg_core.quality.by_hand import by_hand, overrule
    from genimg_core.quality.defects import first_failing_rule, warnings_of
    from genimg_core.quality.duplicates import find_duplicates, join_knowledge
    from genimg_core.store.manifest import read_table, write_table

    table = read_table(profile / "profile.parquet")
    thumbnails = np.load(profile / "thumbnails.npy", mmap_mode="r")
    reason = first_failing_rule(table, settings)
    hand = by_hand(table, read_verdicts(verdicts))
    usable = (reason.isna().to_numpy() | hand.kept) & ~hand.rejected
    duplicates = find_duplicates(table, usable, thumbnails, radius=settings.phash_radius,
                                 max_rmse=settings.max_duplicate_rmse if settings.near_duplicates else None)
    known, conflicts = join_knowledge(table, duplicates.kept)
    cleaned = overrule(_mark(table, reason, duplicates, known, conflicts), hand, duplicates.kept)
    if not (cleaned["status"] == "kept").any():
        counts = ", ".join(f"{count} {why}" for why, count in _counts(cleaned["reason"]).items())
        raise EmptyDatasetError(f"none of the {len(table)} images of {name} is usable: {counts or 'there is none'}",
                                f"look at the source, or loosen datasets.{name}.clean in params.yaml")
    cleaned["warnings"] = warnings_of(table, settings).where(cleaned["status"] == "kept", None)
    write_table(cleaned, clean / "clean.parquet")
    checks = _checks(cleaned, table, settings, hand)
    pictures = _pictures(cleaned, table, duplicates, thumbnails, report)
    return _report(cleaned, conflicts, checks, pictures, hand)


def _mark(table: pd.DataFrame, reason: pd.Series, duplicates: Duplicates, known: pd.DataFrame,
          conflicts: list[Conflict]) -> pd.DataFrame:
    """clean.parquet's rows."""
    import numpy as np

    from genimg_core.store.manifest import CLEAN_COLUMNS

    own = duplicates.kept == np.arange(len(table))
    paths = table["path"].to_numpy(object)
    reason = reason.where(own, np.where(duplicates.exact, EXACT, NEAR))
    detail = table["detail"].astype(object).where(table["reason"].notna(), None)
    detail = detail.where(reason != "bit_rotten", table["damage"].astype(object))
    near = ~own & ~duplicates.exact
    detail[near] = [f"differs by {distance:.2f} of 255" for distance in duplicates.distance[near]]
    for conflict in conflicts:
        parts = [f"copies {what} {', '.join(values)}" for what, values in
                 (("are labelled", conflict.labels), ("were given to", conflict.splits)) if values]
        detail[conflict.row] = "; ".join(parts)
    cleaned = table[["image_id", "path", "row"]].assign(
        label=known["label"], split=known["split"], cluster=known["cluster"], reason=reason, detail=detail,
        status=np.where(reason.isna(), "kept", "rejected"),
        duplicate_of=np.where(own, None, paths[duplicates.kept]))
    return cleaned[list(CLEAN_COLUMNS)]


def _checks(cleaned: pd.DataFrame, table: pd.DataFrame, settings: CleanParams, hand: ByHand) -> tuple[Check, ...]:
    import numpy as np

    from genimg_core.quality.expectations import run_suite

    kept = cleaned["status"] == "kept"
    judged = cleaned.assign(
        status_by_reason=np.where(cleaned["reason"].isna(), "kept", "rejected"), kept_path=cleaned["path"].where(kept),
        kept_row=cleaned["row"].where(kept).astype("float64"),
        kept_cluster=cleaned["cluster"].where(kept & ~hand.kept))  # a person may keep two copies
    suite = clean_suite(collected=len(table), min_images_kept=settings.min_images_kept,
                        max_rejected_share=settings.max_rejected_share)
    readable = int((table["row"] >= 0).sum())
    copies = int((cleaned["reason"] == NEAR).sum()) / max(1, readable)
    vanished = int((kept & (table["trained_contrast"] < settings.min_contrast)).sum())
    return (*run_suite("clean", judged, suite),
            Check(FEW_COPIES[0], copies <= settings.warn_near_duplicate_share, copies,
                  settings.warn_near_duplicate_share, *FEW_COPIES[1:]),
            Check(VISIBLE[0], vanished == 0, vanished, 0, *VISIBLE[1:]))


def _pictures(cleaned: pd.DataFrame, table: pd.DataFrame, duplicates: Duplicates, thumbnails: np.ndarray,
              report: Path) -> tuple[Picture, ...]:
    """The rejected wall, a sample of what was kept, what is odd among it, and duplicates side by side."""
    import numpy as np

    from genimg_core.imaging.profile import in_own_shape
    from genimg_core.reports.pictures import SHEET_LEVEL, contact_sheet, even_strides, save_png

    rows = cleaned["row"].to_numpy(np.int64)
    pictures: list[Picture] = []

    def show(file: str, title: str, chosen: np.ndarray, captions: list[str] | None, columns: int) -> None:
        if len(chosen):
            small = [in_own_shape(thumbnails[one.row], one.width, one.height, one.exif_orientation)
                     for one in table.iloc[chosen].itertuples()]
            save_png(contact_sheet(small, captions, columns), report / file, level=SHEET_LEVEL)
            pictures.append(Picture(file, title))

    seen = np.flatnonzero((cleaned["status"] == "rejected").to_numpy() & (rows >= 0))
    by_reason = seen[np.argsort(cleaned["reason"].to_numpy(object)[seen].astype(str), kind="stable")]
    wall = by_reason[even_strides(len(by_reason), SHOWN)]
    show("rejected.png", f"{len(wall)} of the {len(seen):,} rejected images that could be read, by reason", wall,
         [str(why).replace("_", "\n") for why in cleaned["reason"].iloc[wall]], 16)
    kept = np.flatnonzero((cleaned["status"] == "kept").to_numpy())
    sample = kept[even_strides(len(kept), SHOWN)]
    show("kept.png", f"{len(sample)} of the {len(kept):,} kept images", sample, None, 16)
    odd = np.flatnonzero(cleaned["warnings"].notna().to_numpy())
    odd = odd[np.argsort(cleaned["warnings"].to_numpy(object)[odd].astype(str), kind="stable")]
    odd = odd[even_strides(len(odd), SHOWN)]
    show("warned.png", f"{len(odd)} of the {int(cleaned['warnings'].notna().sum()):,} kept images with a warning", odd,
         [str(why).replace("_", "\n").replace(",", "\n") for why in cleaned["warnings"].iloc[odd]], 16)
    near = np.flatnonzero((cleaned["reason"] == NEAR).to_numpy())
    near = near[np.argsort(-duplicates.distance[near], kind="stable")][:SHOWN_PAIRS]
    pairs = np.stack([duplicates.kept[near], near], axis=1).reshape(-1)
    show("near_duplicates.png", f"near-duplicates, the least alike first ({len(near)} pairs): kept, rejected", pairs,
         [text for row in near for text in ("kept", f"{duplicates.distance[row]:.1f}")], 16)
    return tuple(pictures)


def _report(cleaned: pd.DataFrame, conflicts: list[Conflict], checks: tuple[Check, ...],
            pictures: tuple[Picture, ...], hand: ByHand) -> StageReport:
    reasons = _counts(cleaned["reason"])
    kept = int((cleaned["status"] == "kept").sum())
    rejected = len(cleaned) - kept
    duplicates: dict[str, Any] = {
        "exact": reasons.get(EXACT, 0), "near": reasons.get(NEAR, 0),
        "kept_images_with_copies": int(cleaned["duplicate_of"].nunique()),
        "conflicting_labels": sum(bool(conflict.labels) for conflict in conflicts),
        "conflicting_splits": sum(bool(conflict.splits) for conflict in conflicts)}
    decided = {"kept_by_hand": int(hand.kept.sum()), "rejected_by_hand": int(hand.rejected.sum())} if hand.any else {}
    warnings = _counts(cleaned["warnings"].dropna().str.split(",").explode())
    facts = {"collected": len(cleaned), "kept": kept, "rejected": reasons, "warnings": warnings,
             "duplicates": duplicates, **decided}
    metrics = {"collected": len(cleaned), "kept": kept, "rejected": rejected,
               "rejected_share": rejected / len(cleaned), "exact_duplicates": duplicates["exact"],
               "near_duplicates": duplicates["near"],
               "kept_with_warnings": int(cleaned["warnings"].notna().sum()),
               "unreadable": int(((cleaned["row"] < 0) & (cleaned["reason"] != FORGOTTEN)).sum()), **decided}
    return StageReport(facts, metrics, checks, pictures)


def _counts(reasons: pd.Series) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in reasons.value_counts().sort_index().items()}


STAGE = Stage(name="clean", summary="mark every image kept or rejected, with the reason; near-duplicates",
              inputs=("profile", "validated", "verdicts"), optional=("verdicts",), outputs=("clean",), run=clean,
              params={"settings": ("datasets.{name}.clean", CleanParams)})
