"""Normalize: splits without leaks, uint8 arrays, mean and std of the train split."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from genimg_core.errors import CorruptFileError, EmptyDatasetError
from genimg_core.params import ImageParams, Section
from genimg_core.quality.expectations import checks_of, normalized_suite
from genimg_core.stages.contract import Check, Picture, Stage, StageReport

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genimg_core.quality.rights import Rights
    from genimg_core.store.arrays import DatasetSettings

SHOWN = 96
ROWS_COMPLETE = ("rows_complete", "every collected file still has its row", True)
TEST_IMAGES = ("enough_test_images", "number of images in the test split, which scores are measured on", False)
CLASSES_TESTED = ("classes_tested", "classes without an image in the test split, which no score judges", False)
REJECTED_EVENLY = ("rejected_evenly", "classes and folders of which clearly more is rejected than of the rest", False)
CHECKS = (*checks_of(normalized_suite()), ROWS_COMPLETE, TEST_IMAGES, CLASSES_TESTED, REJECTED_EVENLY)
"""Name, description, blocking."""


class NormalizeParams(Section):
    """How images are shared out."""

    test_share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Part of the images kept for scores, where the source gives no split."""
    validation_share: Annotated[float, Field(ge=0, le=0.9)] = 0.05
    """Part of the images kept for choosing."""
    min_train_images: Annotated[int, Field(ge=1)] = 8
    """Fewer cannot be trained on."""
    warn_test_images: Annotated[int, Field(ge=0)] = 50
    """A warning when fewer are left to score with."""

    @model_validator(mode="after")
    def _something_to_train_on(self) -> NormalizeParams:
        if self.test_share + self.validation_share >= 1:
            raise ValueError("test_share and validation_share leave nothing to train on")
        return self


def normalize(*, name: str, profile: Path, labels: Path, normalized: Path, report: Path, image: ImageParams,
              settings: NormalizeParams) -> StageReport:
    """Share the kept images out and write them as arrays.

    Args:
        name: of the data set.
        profile: the profile stage's folder, for the pixels, and the labels as they came in.
        labels: the label stage's folder.
        normalized: for the arrays, settings.json and rows.parquet.
        report: for the pictures.
        image: the form of an image.
        settings: the shares.

    Raises:
        EmptyDatasetError: the label stage kept nothing.
        CorruptFileError: profile and labels do not belong together.
    """
    import numpy as np

    from genimg_core.quality.balance import rejections
    from genimg_core.quality.rights import rights_of
    from genimg_core.store.arrays import SPLITS, NormalizedDataset, Picked, write_normalized
    from genimg_core.store.manifest import LABELS_COLUMNS, ROWS_COLUMNS, read_table, write_table

    rows = read_table(labels / "labels.parquet", LABELS_COLUMNS)
    given = read_table(profile / "profile.parquet", ("path", "label"), ("extra",))
    if not given["path"].equals(rows["path"]):
        raise CorruptFileError(f"{profile}/profile.parquet and {labels}/labels.parquet are not of the same files",
                               "run the stages from profile on again")
    pixels = np.load(profile / "images.npy", mmap_mode="r")
    kept = rows[rows["status"] == "kept"]
    if kept.empty:
        raise EmptyDatasetError(f"no image of {name} is left to normalize", f"look at data/reports/label-{name}")
    _check_fit(kept, pixels, image, profile)
    split = split_of(kept, settings)
    classes = tuple(sorted(set(kept["label"])))
    rows["split"] = rows["split"].astype(object)
    rows.loc[kept.index, "split"] = split
    rows["index"] = np.int32(-1)
    place = {label: index for index, label in enumerate(classes)}
    images, targets = {}, {}
    for part in SPLITS:
        members = kept[split == part]
        rows.loc[members.index, "index"] = np.arange(len(members), dtype=np.int32)
        images[part] = Picked(pixels, members["row"].to_numpy(np.int64))
        targets[part] = np.array([place[label] for label in members["label"]], np.int64)
    written = write_normalized(normalized, dataset=name, images=images, labels=targets, classes=classes,
                               background=image.background)
    write_table(rows[list(ROWS_COLUMNS)], normalized / "rows.parquet")
    rejected = rejections(rows, given["label"])
    checks = _checks(rows, len(kept), written, settings, normalized, rejected)
    pictures = _pictures(NormalizedDataset(normalized).images("train"), targets["train"], classes, report)
    rights = rights_of(given["extra"][(rows["split"] == "train") & (rows["index"] >= 0)]) if "extra" in given else None
    return _report(rows, written, checks, pictures, rejected, report, rights)


def split_of(kept: pd.DataFrame, settings: NormalizeParams) -> pd.Series:
    """The split of each kept image: the given one, or a draw that only its cluster decides.

    So each class has its shares in expectation, not exactly. Exact shares would cost the promise: if no image may move
    when others come, an image has alone the split that it has in any company, so its class cannot count; a rank within
    the class changes with every image that comes before it. The report tells the classes' shares, and a check warns of
    a class that has no test image.

    The cluster's hash u in [0, 1) is under `test_share`: test; under that and `validation_share`: validation; else
    train. A new image moves no old one. The one exception serves that every class can be learnt: of a class without a
    training image, the image with the greatest u that nobody assigned goes to train.

    Args:
        kept: cluster, split (given or missing) and label, (N,) rows.
        settings: the shares.

    Returns:
        (N,) of train, validation or test.
    """
    import numpy as np
    import pandas as pd

    draw = pd.Series([_draw(cluster) for cluster in kept["cluster"]], kept.index, dtype="float64")
    below = settings.test_share + settings.validation_share
    drawn = np.select([draw < settings.test_share, draw < below], ["test", "validation"], "train")
    split = kept["split"].astype(object).where(kept["split"].notna(), drawn)
    for _, members in kept.groupby("label", sort=True):
        free = members.index[members["split"].isna()]
        if len(free) and not (split[members.index] == "train").any():
            chosen = draw[free].idxmax()
            # With all copies of it, which a person may have kept (and labelled otherwise).
            split[(kept["cluster"] == kept.loc[chosen, "cluster"]) & kept["split"].isna()] = "train"
    return split


def _draw(cluster: str) -> float:
    return int.from_bytes(hashlib.sha256(f"split\0{cluster}".encode()).digest()[:8], "big") / 2**64


def _check_fit(kept: pd.DataFrame, pixels: np.ndarray, image: ImageParams, profile: Path) -> None:
    wanted = (image.size, image.size, image.channels)
    if pixels.shape[1:] != wanted or pixels.dtype != "uint8":
        held = f"{pixels.shape[1:]} {pixels.dtype}"
        raise CorruptFileError(f"{profile}/images.npy holds {held}, params.yaml says {wanted} uint8",
                               "run the profile stage again")
    if int(kept["row"].max()) >= len(pixels) or int(kept["row"].min()) < 0:
        raise CorruptFileError(f"{profile}/images.npy has {len(pixels)} images, and the labels name others",
                               "run the stages from profile on again")
    if kept["label"].isna().any():
        raise CorruptFileError("a kept image has no label", "run the label stage again")


def _checks(rows: pd.DataFrame, kept: int, written: DatasetSettings, settings: NormalizeParams, folder: Path,
            rejected: dict[str, Any]) -> tuple[Check, ...]:
    import pandas as pd

    from genimg_core.quality.balance import untested_classes
    from genimg_core.quality.expectations import run_suite

    part = rows.loc[rows["status"] == "kept", ["path", "cluster", "label", "split", "index"]]
    # Of most only sameness is asked: numbers take a tenth of the memory.
    path, cluster, label = (pd.Series(pd.factorize(part[name])[0], part.index) for name in ("path", "cluster", "label"))
    judged, train = part[["split", "index"]].copy(), part["split"] == "train"
    judged["placed_path"], judged["train_path"] = path.where(judged["index"] >= 0), path.where(train)
    judged["train_label"] = label.where(train)
    judged["splits_of_cluster"] = pd.Series(pd.factorize(part["split"])[0], part.index).groupby(cluster).transform(
        "nunique")
    del part, path, cluster, label, train
    judged["train_pixel_mean"] = sum(written.mean) / len(written.mean)
    judged["train_channel_std"] = max(written.std)
    judged["train_scaled_mean"], judged["train_scaled_variance"] = _after_scaling(folder)
    suite = normalized_suite(kept=kept, min_train_images=settings.min_train_images, classes=len(written.classes))
    accounted = kept + int((rows["status"] == "rejected").sum())
    untested = untested_classes(written.class_counts, written.classes)
    groups = rejected["by_class"] + ([] if rejected["folders_are_classes"] else rejected["by_folder"])
    uneven = sum(rate["higher"] for rate in groups)
    return (*run_suite("normalized", judged, suite),
            Check(ROWS_COMPLETE[0], accounted == len(rows), accounted, len(rows), *ROWS_COMPLETE[1:]),
            Check(TEST_IMAGES[0], written.counts["test"] >= settings.warn_test_images, written.counts["test"],
                  settings.warn_test_images, *TEST_IMAGES[1:]),
            Check(CLASSES_TESTED[0], not untested, len(untested), 0, *CLASSES_TESTED[1:]),
            Check(REJECTED_EVENLY[0], not uneven, uneven, 0, *REJECTED_EVENLY[1:]))


def _after_scaling(folder: Path) -> tuple[float, float]:
    """The scaled mean farthest from 0 and the scaled variance farthest from 1 of a channel that is not flat.

    A flat channel (a wholly opaque alpha, say) is divided by one level of 255 and has no variance to bring to 1; where
    all are flat there is no figure (NaN), and the suite fails.
    """
    from genimg_core.store.arrays import NormalizedDataset, scaled_statistics

    data = NormalizedDataset(folder)
    means, variances = scaled_statistics(data)
    lively = [variance for variance, std in zip(variances, data.settings.std, strict=True) if std > 1 / 255]
    return max(means, key=abs), max(lively, key=lambda variance: abs(variance - 1), default=float("nan"))


def _pictures(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], report: Path) -> tuple[Picture, ...]:
    """Training images as the model will see them, in the order of the classes."""
    import numpy as np

    from genimg_core.reports.pictures import SHEET_LEVEL, contact_sheet, even_strides, save_png

    if not len(images):
        return ()
    order = np.argsort(labels, kind="stable")
    shown = order[even_strides(len(order), SHOWN)]
    sheet = contact_sheet(list(images[shown]), [classes[labels[i]] for i in shown], columns=16)
    save_png(sheet, report / "train.png", level=SHEET_LEVEL)
    return (Picture("train.png", f"{len(shown)} of the {len(images):,} training images, as the model sees them"),)


def _report(rows: pd.DataFrame, written: DatasetSettings, checks: tuple[Check, ...], pictures: tuple[Picture, ...],
            rejected: dict[str, Any], report: Path, rights: Rights | None) -> StageReport:
    from genimg_core.quality.balance import shares_in_test, untested_classes
    from genimg_core.reports.bias_plots import draw_balance, draw_rejections

    kept = sum(written.counts.values())
    balance = {split: dict(zip(written.classes, counts, strict=True))
               for split, counts in written.class_counts.items()}
    facts = {"collected": len(rows), "kept": kept, "splits": written.counts, "class_counts": balance,
             "mean": list(written.mean), "std": list(written.std), "sha256": written.sha256, "rejections": rejected,
             "test_shares": shares_in_test(written.class_counts),
             "untested_classes": untested_classes(written.class_counts, written.classes)}
    if rights is not None:
        rights.write(report)
        facts["rights"] = rights.facts()
    pictures += (draw_balance(report / "balance.png", balance), draw_rejections(report / "rejections.png", rejected))
    metrics = {"images": kept, "classes": len(written.classes),
               **{f"{split}_images": count for split, count in written.counts.items()},
               "smallest_class": min(written.class_counts["train"]),
               "largest_class": max(written.class_counts["train"]),
               "mean": sum(written.mean) / len(written.mean), "std": sum(written.std) / len(written.std)}
    return StageReport(facts, metrics, checks, pictures)


STAGE = Stage(name="normalize", summary="splits without leaks, uint8 arrays, mean and std of the train split",
              inputs=("profile", "labels"), outputs=("normalized",), run=normalize,
              params={"image": ("image", ImageParams), "settings": ("datasets.{name}.normalize", NormalizeParams)})
