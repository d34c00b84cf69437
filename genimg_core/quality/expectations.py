"""The Great Expectations suites that stand between the stages as gates, and how one is run.

A suite is plain data until it runs: its checks' names are known without importing Great Expectations.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genimg_core.stages.contract import Check, Scalar

if TYPE_CHECKING:
    import pandas as pd

HEX_64 = "^[0-9a-f]{64}$"
SPLIT_NAMES = ("train", "validation", "test")
SCALED_TOLERANCE = 1e-3
"""Of the mean (0) and the variance (1) of the train split, once scaled by its own statistics."""
ABOUT_SAMENESS = ("ExpectColumnValuesToBeUnique", "ExpectColumnUniqueValueCountToBeBetween",
                  "ExpectColumnValuesToBeNull", "ExpectColumnValuesToNotBeNull", "ExpectCompoundColumnsToBeUnique")
"""Expectations that ask which values are missing or equal, never what they are."""


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite."""

    name: str
    """Of the check: `[a-z0-9_]+`, unique in the suite."""
    description: str
    kind: str
    """Class name in great_expectations.expectations."""
    settings: dict[str, Any] = field(default_factory=dict)
    blocking: bool = True


def raw_suite(*, min_images: int = 1, max_unreadable_share: float = 0.0,
              max_side_px: int = 1) -> tuple[Expectation, ...]:
    """What the profile table must hold before anything is built on it.

    Args:
        min_images: collected files.
        max_unreadable_share: part of them without pixels.
        max_side_px: of any image.
    """
    return (
        Expectation("enough_images", "number of collected files", "ExpectTableRowCountToBeBetween",
                    {"min_value": min_images}),
        Expectation("few_unreadable", "share of the collected files that cannot be read", "ExpectColumnValuesToBeNull",
                    {"column": "reason", "mostly": round(1 - max_unreadable_share, 12)}),
        Expectation("paths_unique", "no two rows are of one file", "ExpectColumnValuesToBeUnique", {"column": "path"}),
        Expectation("paths_present", "every row names its file", "ExpectColumnValuesToNotBeNull", {"column": "path"}),
        Expectation("image_ids_valid", "every image_id is a sha256 in hex", "ExpectColumnValuesToMatchRegex",
                    {"column": "image_id", "regex": HEX_64}),
        Expectation("widths_valid", "width in pixels of every readable image", "ExpectColumnValuesToBeBetween",
                    {"column": "readable_width", "min_value": 1, "max_value": max_side_px}),
        Expectation("heights_valid", "height in pixels of every readable image", "ExpectColumnValuesToBeBetween",
                    {"column": "readable_height", "min_value": 1, "max_value": max_side_px}),
        Expectation("luminance_valid", "mean brightness of every readable image, 0 to 255",
                    "ExpectColumnValuesToBeBetween", {"column": "luminance", "min_value": 0, "max_value": 255}),
        Expectation("contrast_valid", "contrast of every readable image, 0 to 128", "ExpectColumnValuesToBeBetween",
                    {"column": "contrast", "min_value": 0, "max_value": 128}),
        Expectation("splits_valid", "a given split is train, validation or test", "ExpectColumnValuesToBeInSet",
                    {"column": "split", "value_set": list(SPLIT_NAMES)}),
        Expectation("rows_numbered", "the row in the pixel arrays is a whole number", "ExpectColumnValuesToBeOfType",
                    {"column": "row", "type_": "int32"}),
    )


def clean_suite(*, collected: int = 1, min_images_kept: int = 1,
                max_rejected_share: float = 1.0) -> tuple[Expectation, ...]:
    """What the cleaned table must hold.

    Args:
        collected: files that came in.
        min_images_kept: of them.
        max_rejected_share: of them.
    """
    return (
        Expectation("nothing_lost", "kept and rejected files together are the collected ones",
                    "ExpectTableRowCountToEqual", {"value": collected}),
        Expectation("status_valid", "every row is kept or rejected", "ExpectColumnDistinctValuesToBeInSet",
                    {"column": "status", "value_set": ["kept", "rejected"]}),
        Expectation("reasons_given", "rejected rows have a reason, kept rows have none",
                    "ExpectColumnPairValuesToBeEqual", {"column_A": "status", "column_B": "status_by_reason"}),
        Expectation("enough_kept", "number of kept images", "ExpectColumnUniqueValueCountToBeBetween",
                    {"column": "kept_path", "min_value": min_images_kept}),
        Expectation("few_rejected", "share of the collected files that are rejected", "ExpectColumnValuesToBeInSet",
                    {"column": "status", "value_set": ["kept"], "mostly": round(1 - max_rejected_share, 12)}),
        Expectation("kept_have_pixels", "every kept image has its row in the pixel arrays",
                    "ExpectColumnMinToBeBetween", {"column": "kept_row", "min_value": 0}),
        Expectation("kept_images_differ", "no two kept images are copies of each other",
                    "ExpectColumnValuesToBeUnique", {"column": "kept_cluster"}),
    )


def normalized_suite(*, kept: int = 1, min_train_images: int = 1, classes: int = 1) -> tuple[Expectation, ...]:
    """What the normalized rows must hold: one row per kept image, with figures of the arrays as they were written.

    Args:
        kept: images that the label stage kept.
        min_train_images: in the train split.
        classes: number of them.
    """
    return (
        Expectation("nothing_lost", "every kept image is in the arrays", "ExpectColumnUniqueValueCountToBeBetween",
                    {"column": "placed_path", "min_value": kept, "max_value": kept}),
        Expectation("splits_valid", "every image is in train, validation or test",
                    "ExpectColumnDistinctValuesToBeInSet", {"column": "split", "value_set": list(SPLIT_NAMES)}),
        Expectation("images_once", "no image is in the arrays twice", "ExpectCompoundColumnsToBeUnique",
                    {"column_list": ["split", "index"]}),
        Expectation("no_leak", "no cluster of duplicates is in two splits", "ExpectColumnMaxToBeBetween",
                    {"column": "splits_of_cluster", "min_value": 1, "max_value": 1}),
        Expectation("every_class_trained", "number of classes with an image in the train split",
                    "ExpectColumnUniqueValueCountToBeBetween",
                    {"column": "train_label", "min_value": classes, "max_value": classes}),
        Expectation("enough_train_images", "number of images in the train split",
                    "ExpectColumnUniqueValueCountToBeBetween", {"column": "train_path", "min_value": min_train_images}),
        Expectation("train_mean_inside", "mean pixel value of the train split, in (0, 1)",
                    "ExpectColumnMeanToBeBetween",
                    {"column": "train_pixel_mean", "min_value": 0, "max_value": 1, "strict_min": True,
                     "strict_max": True}),
        Expectation("train_std_positive", "greatest deviation of a channel of the train split, over one level of 255",
                    "ExpectColumnMinToBeBetween",
                    {"column": "train_channel_std", "min_value": 1 / 255, "strict_min": True}),
        Expectation("scaled_mean_zero", "mean of a channel of the train split after scaling, the farthest from 0",
                    "ExpectColumnMeanToBeBetween",
                    {"column": "train_scaled_mean", "min_value": -SCALED_TOLERANCE, "max_value": SCALED_TOLERANCE}),
        Expectation("scaled_variance_one", "variance of a channel of the train split after scaling, the farthest from "
                    "1 (a channel that is flat counts only where all are)", "ExpectColumnMeanToBeBetween",
                    {"column": "train_scaled_variance", "min_value": 1 - SCALED_TOLERANCE,
                     "max_value": 1 + SCALED_TOLERANCE}),
    )


def checks_of(suite: tuple[Expectation, ...]) -> tuple[tuple[str, str, bool], ...]:
    """(name, description, blocking) of each check, for who must know them before a run."""
    return tuple((expected.name, expected.description, expected.blocking) for expected in suite)


def run_suite(name: str, frame: pd.DataFrame, suite: tuple[Expectation, ...]) -> tuple[Check, ...]:
    """Hold `frame` against `suite`, which Great Expectations evaluates.

    Args:
        name: of the suite.
        frame: what is judged; an empty one fails every expectation (Great Expectations would pass most).
        suite: what is expected.

    Returns:
        A check per expectation, in the suite's order.

    Raises:
        RuntimeError: an expectation was not evaluated (Great Expectations drops some silently). A fault of ours.
    """
    if len({expected.name for expected in suite}) != len(suite):
        raise RuntimeError(f"suite {name} has two expectations of one name")
    if frame.empty:
        return tuple(Check(e.name, False, "no rows", _threshold(e), e.description, e.blocking) for e in suite)
    seen = _compact(frame, suite)
    results = {result["expectation_config"]["meta"]["check"]: result for result in _evaluate(name, seen, suite)}
    if set(results) != {expected.name for expected in suite}:
        lost = sorted({expected.name for expected in suite} ^ set(results))
        raise RuntimeError(f"suite {name}: expectations that were declared and not evaluated, or the reverse: {lost}")
    return tuple(_check(expected, results[expected.name], frame) for expected in suite)


def _compact(frame: pd.DataFrame, suite: tuple[Expectation, ...]) -> pd.DataFrame:
    """The columns that `suite` looks at; text of which only sameness is asked becomes numbers.

    Great Expectations hashes every value of the frame, which for paths and hashes takes longer than all the judging.
    """
    import pandas as pd

    asked: dict[str, set[str]] = {}
    for expected in suite:
        for column in _columns(expected):
            asked.setdefault(column, set()).add(expected.kind)
    columns = {}
    for name, kinds in asked.items():
        if name not in frame.columns:
            continue
        column = columns[name] = frame[name]
        if kinds <= set(ABOUT_SAMENESS) and pd.api.types.is_string_dtype(column.dtype):
            codes = pd.Series(pd.factorize(column)[0], column.index)
            columns[name] = codes.where(codes >= 0) if (codes < 0).any() else codes
    return pd.DataFrame(columns, index=frame.index)


def _columns(expected: Expectation) -> tuple[str, ...]:
    """The names of the columns that an expectation looks at."""
    named = [value for key, value in expected.settings.items() if key.startswith("column")]
    return tuple(column for value in named for column in ([value] if isinstance(value, str) else value))


def _evaluate(name: str, frame: pd.DataFrame, suite: tuple[Expectation, ...]) -> list[dict[str, Any]]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read when the library is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
        expectations = [getattr(gx.expectations, e.kind)(**e.settings, meta={"check": e.name}) for e in suite]
        batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
        # Not through a checkpoint: its stores only write down, several times over, what nobody reads again.
        outcome = batch.validate(gx.ExpectationSuite(name=name, expectations=expectations), result_format="SUMMARY")
        return [result.to_json_dict() for result in outcome.results]


def _check(expected: Expectation, result: dict[str, Any], frame: pd.DataFrame) -> Check:
    absent = [column for column in _columns(expected) if column not in frame.columns]
    if absent:
        return Check(expected.name, False, f"there is no column {', '.join(absent)}", _threshold(expected),
                     expected.description, expected.blocking)
    figures = result["result"]
    if not figures:
        return Check(expected.name, False, "could not be evaluated", _threshold(expected), expected.description,
                     expected.blocking)
    return Check(expected.name, bool(result["success"]), _observed(expected, figures), _threshold(expected),
                 expected.description, expected.blocking)


def _observed(expected: Expectation, figures: dict[str, Any]) -> Scalar:
    """The figure that decided: an observed value, or the share or number of rows that fail."""
    if "observed_value" in figures:
        value = figures["observed_value"]
        return ", ".join(map(str, value)) if isinstance(value, list) else value
    if "mostly" in expected.settings:
        judged = figures["element_count"] - figures.get("missing_count", 0)
        return figures["unexpected_count"] / judged if judged else 1.0
    return figures["unexpected_count"]


def _threshold(expected: Expectation) -> Scalar:
    settings = expected.settings
    if "mostly" in settings:
        return round(1 - settings["mostly"], 12)
    if "Values" in expected.kind and "Distinct" not in expected.kind:
        return 0  # rows that fail
    low, high = settings.get("min_value"), settings.get("max_value")
    if low is not None and low == high:
        return low
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return low
    return settings.get("value", ", ".join(map(str, settings.get("value_set", ()))) or 0)
