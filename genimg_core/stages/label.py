"""Label: given labels stay, a classifier's fill the gaps (profile, clean => labels)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from genimg_core.decisions.files import read_labels, read_verdicts
from genimg_core.errors import CorruptFileError, EmptyDatasetError
from genimg_core.labels.settings import CheckSettings
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.params import Share
from genimg_core.stages.contract import Check, Picture, Stage, StageReport, write_json
from genimg_core.training.params import Seed, Threads

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genimg_core.labels.check import LabelCheck
    from genimg_core.labels.predict import Predictions

ONLY_CLASS = "all"
"""The class of a data set that has no label at all."""
UNCERTAIN = "label_uncertain"
"""The reason of an image whose predicted label is below `min_confidence`."""
SOURCES = ("given", "predicted", "none")
"""What `label_source` says; `decided` also, where people decided."""
SHOWN = 48
"""Images on a contact sheet, in rows of COLUMNS."""
COLUMNS = 12

CHECKS = (
    ("labels_complete", "every kept image has a label", True),
    ("nothing_lost", "every collected file still has its row, kept or rejected with a reason", True),
    ("few_labels_uncertain", "share of the unlabelled images whose predicted label is too uncertain to be used", False),
)
"""Name, description, blocking."""


class LabelParams(ClassifierSettings, CheckSettings):
    """Where missing labels come from, when a predicted one is too uncertain, and whether given ones are checked."""

    seen_images: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20_000
    """The labeller's training budget in images seen (repeats count)."""
    min_confidence: Share = 0.5
    """A predicted label below this probability rejects its image (`label_uncertain`): it may well be wrong."""
    max_uncertain_share: Share = 0.2
    """A warning when more of the unlabelled images than this are rejected for it."""
    held_out_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Part of each class's labelled images that do not train the labeller: they test and calibrate it."""


def label(*, profile: Path, clean: Path, labels: Path, report: Path, name: str, seed: int, threads: int,
          params: LabelParams, verdicts: Path | None = None, decided: Path | None = None) -> StageReport:
    """Give every kept image a label, its source and a confidence.

    * a label that a person decided on wins (`decided`, 1.0), and teaches like a given one;
    * a given label stays (`given`, 1.0);
    * a missing one is predicted from the labelled part (`predicted`, the greatest softmax probability, calibrated on
      the held-out images where there are enough of them, see labels/calibration.py); below `min_confidence` the row is
      rejected with the reason `label_uncertain`, unless a person keeps it;
    * where one class is all that is given, the missing labels become that class too (see labels/predict.py);
    * without any label all images are of one class, `all` (`none`, 1.0);
    * with `check_labels`, given labels that are likely wrong are listed in doubtful.parquet (see labels/check.py), and
      `label_errors` says what becomes of them.

    Rejected rows have neither label nor source: the clean table still holds what they came with.

    Raises:
        EmptyDatasetError: no image is kept.
        CorruptFileError: a table or the images cannot be read, or do not fit each other.
        DecisionsError: a file of what people decided (`verdicts`, `decided`) cannot be read.
        TrainingError: more than half of the given labels are doubtful, and they are to be changed.
    """
    import numpy as np

    from genimg_core.labels.by_hand import DECIDED, with_decided_labels
    from genimg_core.labels.doubtful import without_doubtful
    from genimg_core.labels.pictures import pictures_of_trust
    from genimg_core.store.manifest import CLEAN_COLUMNS, read_table, write_table

    original = table = read_table(clean / "clean.parquet", CLEAN_COLUMNS)
    kept = (table["status"] == "kept").to_numpy()
    if not kept.any():
        raise EmptyDatasetError(f"no image of data set '{name}' is left to label",
                                f"loosen datasets.{name}.clean, or look at data/reports/clean-{name}")
    images = _open_images(profile / "images.npy", table)
    table, by_hand = with_decided_labels(table, read_labels(decided))
    check = _checked(images, table, labels, params, seed, threads, by_hand) if params.check_labels else None
    relabelled = None
    if check is not None and params.label_errors != "report":
        table, relabelled = without_doubtful(table, check, params.label_errors, params.min_confidence, name)
    given = kept & table["label"].notna().to_numpy()
    missing = np.flatnonzero(kept & ~given)
    result = table.assign(label=table["label"].where(given), label_source=None, label_confidence=np.nan)
    result = result.astype({"label": object, "label_source": object, "reason": object, "detail": object})
    result.loc[given, ["label_source", "label_confidence"]] = ["given", 1.0]
    if relabelled is not None:
        result.loc[relabelled.places, "label_source"] = "predicted"
        result.loc[relabelled.places, "label_confidence"] = relabelled.confidence
    result.loc[by_hand, "label_source"] = DECIDED
    predicted = None
    if not given.any():
        result.loc[kept, ["label", "label_source", "label_confidence"]] = [ONLY_CLASS, "none", 1.0]
    elif len(missing):
        keep = {image_id for image_id, verdict in read_verdicts(verdicts).items() if verdict.decision == "keep"}
        predicted = _fill(result, images, table, missing, keep, params, seed, threads)
    classes = sorted(set(result.loc[result["status"] == "kept", "label"]))
    write_table(result, labels / "labels.parquet")
    facts = _facts(result, classes, predicted, check, params)
    write_json(labels / "settings.json", {"classes": classes, "labeller": facts["labeller"]})
    return StageReport(facts=facts, metrics=_metrics(facts),
                       checks=_checks(result, original, len(missing), params.max_uncertain_share),
                       pictures=(*_pictures(report, images, result, missing, predicted),
                                 *pictures_of_trust(report, images, result["row"].to_numpy(), predicted, check)))


def _open_images(path: Path, table: pd.DataFrame) -> np.ndarray:
    """The images at training size: uint8 (K, S, S, C), memory-mapped."""
    import numpy as np

    remedy = f"delete {path.parent} and run `genimg run` to make it again"
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CorruptFileError(f"{path} cannot be read ({' '.join(str(error).split())})", remedy) from None
    if images.dtype != np.uint8 or images.ndim != 4 or not table["row"].max() < len(images):
        raise CorruptFileError(f"{path} does not hold the images that the clean table names", remedy)
    if (table.loc[table["status"] == "kept", "row"] < 0).any():
        raise CorruptFileError("the clean table keeps rows that have no pixels", remedy)
    return images


def _checked(images: np.ndarray, table: pd.DataFrame, labels: Path, params: LabelParams, seed: int,
             threads: int, by_hand: np.ndarray) -> LabelCheck:
    """Look for label errors and list them; what people decided is not doubted."""
    from genimg_core.labels.check import check_labels
    from genimg_core.labels.doubtful import write_doubtful
    from genimg_core.training.devices import computing

    budget = params.with_budget(params.check_seen_images)
    with computing("cpu", threads):
        check = check_labels(images, table, budget, params.doubt, params.doubt_below, seed, trusted=by_hand)
    write_doubtful(table, check.doubts, labels / "doubtful.parquet")
    return check


def _fill(result: pd.DataFrame, images: np.ndarray, table: pd.DataFrame, missing: np.ndarray, keep: set[str],
          params: LabelParams, seed: int, threads: int) -> Predictions:
    """Write predictions, or the rejection of the uncertain ones that nobody keeps by hand, into `result`."""
    import numpy as np

    from genimg_core.labels.predict import predict_missing
    from genimg_core.training.devices import computing

    with computing("cpu", threads):
        predicted = predict_missing(images, table, missing, params, params.held_out_share, seed)
    sure = (predicted.confidence >= params.min_confidence) | table["image_id"].iloc[missing].isin(keep).to_numpy()
    result.loc[missing[sure], "label"] = predicted.labels[sure]
    result.loc[missing[sure], "label_source"] = "predicted"
    result.loc[missing[sure], "label_confidence"] = predicted.confidence[sure]
    for i in np.flatnonzero(~sure):
        guess = f"{predicted.labels[i]} at {predicted.confidence[i]:.2f}"
        result.loc[missing[i], ["status", "reason", "detail"]] = ["rejected", UNCERTAIN, guess]
    return predicted


def _facts(result: pd.DataFrame, classes: list[str], predicted: Predictions | None, check: LabelCheck | None,
           params: LabelParams) -> dict[str, Any]:
    from dataclasses import asdict

    labeller = predicted.labeller if predicted else None
    more: dict[str, Any] = {}
    if predicted and predicted.calibration:
        more["calibration"] = asdict(predicted.calibration)
    if check:
        more["label_check"] = {
            "judged": check.judged, "unjudged": check.unjudged, "agreed": check.agreed, "rule": params.doubt,
            "doubtful": len(check.doubts.places), "by_rule": check.by_rule, "action": params.label_errors,
            "calibration": asdict(check.calibration) if check.calibration else None}
    kept = result[result["status"] == "kept"]
    rejected = result.loc[result["status"] == "rejected", "reason"].value_counts()
    sources = kept.groupby(["label", "label_source"], observed=True).size()
    named = (*SOURCES, *sorted(set(kept["label_source"]) - set(SOURCES)))  # `decided` only where there are such
    return {"collected": len(result), "kept": len(kept),
            "rejected": {str(reason): int(count) for reason, count in sorted(rejected.items())},
            "classes": {name: {source: int(sources.get((name, source), 0)) for source in named} for name in classes},
            "labeller": asdict(labeller) if labeller else None, **more}


def _metrics(facts: dict[str, Any]) -> dict[str, int | float]:
    totals: dict[str, int | float] = {source: sum(counts[source] for counts in facts["classes"].values())
                                      for source in next(iter(facts["classes"].values()), SOURCES)}
    labeller = facts["labeller"]
    tested = {"labeller_accuracy": labeller["accuracy"]} if labeller and labeller["accuracy"] is not None else {}
    check = facts.get("label_check")
    found = {"doubtful_labels": check["doubtful"]} if check else {}
    return {"classes": len(facts["classes"]), **totals, "uncertain": facts["rejected"].get(UNCERTAIN, 0), **tested,
            **_errors("labeller", facts.get("calibration")), **found,
            **_errors("check", check["calibration"] if check else None)}


def _errors(name: str, calibration: dict[str, Any] | None) -> dict[str, float]:
    """The expected calibration errors, as metrics."""
    if calibration is None:
        return {}
    return {f"{name}_ece": calibration["ece_after"], f"{name}_ece_uncalibrated": calibration["ece_before"]}


def _checks(result: pd.DataFrame, table: pd.DataFrame, missing: int, max_uncertain_share: float) -> tuple[Check, ...]:
    kept = result["status"] == "kept"
    unlabelled = int(result.loc[kept, ["label", "label_source", "label_confidence"]].isna().any(axis=1).sum())
    settled = int(kept.sum() + ((result["status"] == "rejected") & result["reason"].notna()).sum())
    uncertain = float((result["reason"] == UNCERTAIN).sum() / max(1, missing))
    whole = settled == len(table) and result["path"].equals(table["path"])
    seen = ((unlabelled == 0, unlabelled, 0), (whole, settled, len(table)),
            (uncertain <= max_uncertain_share, uncertain, max_uncertain_share))
    return tuple(Check(name, *figures, description, blocking)
                 for (name, description, blocking), figures in zip(CHECKS, seen, strict=True))


def _pictures(report: Path, images: np.ndarray, result: pd.DataFrame, missing: np.ndarray,
              predicted: Predictions | None) -> tuple[Picture, ...]:
    """One image of each class; and the predicted ones, the least certain first."""
    import numpy as np

    from genimg_core.reports.pictures import contact_sheet, save_png

    kept = result[result["status"] == "kept"]
    first = kept.drop_duplicates("label").sort_values("label").head(SHOWN)
    counts = kept["label"].value_counts()
    captions = [f"{name} ({counts[name]})" for name in first["label"]]
    save_png(contact_sheet(list(images[first["row"]]), captions, columns=COLUMNS), report / "classes.png")
    pictures = (Picture("classes.png", "An image of each class, with the number of images"),)
    if predicted is None:
        return pictures
    shown = np.argsort(predicted.confidence, kind="stable")[:SHOWN]
    refused = (result["reason"] == UNCERTAIN).to_numpy()
    fates = ["\nrejected" if refused[i] else "" for i in missing[shown]]
    guesses = [f"{predicted.labels[i]}\n{predicted.confidence[i]:.2f}" for i in shown]
    captions = [guess + fate for guess, fate in zip(guesses, fates, strict=True)]
    pictured = list(images[result["row"].to_numpy()[missing[shown]]])
    save_png(contact_sheet(pictured, captions, columns=COLUMNS), report / "predicted.png")
    return (*pictures, Picture("predicted.png", "Predicted labels with their confidence, the least certain first"))


STAGE = Stage(
    name="label",
    summary="given labels, and a classifier's for the images without one",
    inputs=("profile", "clean", "verdicts", "decided"),
    optional=("verdicts", "decided"),
    outputs=("labels",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("datasets.{name}.label", LabelParams)},
    run=label,
)
