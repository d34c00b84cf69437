"""Seconds that the Great Expectations gates of the data half take together, at 100,000 rows.

    python -m benchmarks.data_gates [--rows 100000] [--repeats 5] [--name data_gates]

Tables with the columns and types that validate, clean and normalize hand to `run_suite`, made up here: 5 % of the rows
rejected, 26 classes, three splits. The import of the library stands apart; of equal runs the quickest counts, as a busy
machine only ever adds.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.machine import write_results
from genimg_core.quality.expectations import Expectation, clean_suite, normalized_suite, raw_suite, run_suite

if TYPE_CHECKING:
    import pandas as pd

TARGET_S = 1.0
CLASSES = 26
REJECTED_SHARE = 0.05

Gate = tuple["pd.DataFrame", tuple[Expectation, ...]]


def tables(rows: int) -> dict[str, Gate]:
    """Suite -> what it judges and what it expects, all of which holds.

    Args:
        rows: of each table.
    """
    import pandas as pd

    draws = np.random.default_rng(0)
    rejected = draws.random(rows) < REJECTED_SHARE
    base = pd.DataFrame({
        "image_id": [hashlib.sha256(str(i).encode()).hexdigest() for i in range(rows)],
        "path": [f"photos/class {i % CLASSES:02d}/{i:07d}.jpg" for i in range(rows)],
        "label": [f"class {i % CLASSES:02d}" for i in range(rows)],
        "row": np.arange(rows, dtype=np.int32), "detail": pd.Series([None] * rows, dtype="str")})
    raw = base.assign(
        reason=pd.Series(np.where(rejected, "truncated", None), dtype="str"), split=base["detail"],
        width=np.int32(640), height=np.int32(480), readable_width=640.0, readable_height=480.0,
        luminance=draws.uniform(0, 255, rows), contrast=draws.uniform(0, 127, rows))
    status = pd.Series(np.where(rejected, "rejected", "kept"), dtype="str")
    kept = status == "kept"
    clean = base.assign(
        status=status, status_by_reason=status, reason=raw["reason"], cluster=base["image_id"],
        kept_path=base["path"].where(kept), kept_cluster=base["image_id"].where(kept),
        kept_row=base["row"].where(kept).astype("float64"))
    normalized = clean[kept].assign(
        split=pd.Series(draws.choice(["train", "validation", "test"], rows, p=[0.85, 0.05, 0.1]), dtype="str"),
        placed_path=base["path"], splits_of_cluster=1, train_pixel_mean=0.5, train_channel_std=0.25,
        train_scaled_mean=0.0, train_scaled_variance=1.0)
    normalized["index"] = normalized.groupby("split").cumcount().astype(np.int32)
    train = normalized["split"] == "train"
    normalized["train_path"], normalized["train_label"] = base["path"].where(train), base["label"].where(train)
    return {"raw": (raw, raw_suite(max_unreadable_share=2 * REJECTED_SHARE, max_side_px=1000)),
            "clean": (clean, clean_suite(collected=rows)),
            "normalized": (normalized, normalized_suite(kept=len(normalized), classes=CLASSES))}


def seconds(name: str, gate: Gate, repeats: int) -> tuple[float, float]:
    """By the clock and of the processor: each the least of `repeats` runs.

    Raises:
        RuntimeError: an expectation does not hold, so that something else was measured than meant.
    """
    spent = []
    for _ in range(repeats):
        started, worked = time.perf_counter(), time.process_time()
        checks = run_suite(name, *gate)
        spent.append((time.perf_counter() - started, time.process_time() - worked))
        failed = [check.name for check in checks if not check.passed]
        if failed:
            raise RuntimeError(f"{name}: {failed} do not hold on a table made to hold")
    by_clock, of_processor = zip(*spent, strict=True)
    return min(by_clock), min(of_processor)


def measure(rows: int, repeats: int) -> list[dict[str, object]]:
    """A row for each suite, and one for all."""
    started = time.perf_counter()
    run_suite("warm", tables(100)["raw"][0], raw_suite(max_unreadable_share=1, max_side_px=1000))
    importing = time.perf_counter() - started
    gates = tables(rows)
    spent = {name: seconds(name, gate, repeats) for name, gate in gates.items()}
    told = [(f"{name} gate: {len(gates[name][1])} expectations over {len(gates[name][0]):,} rows", *both, None)
            for name, both in spent.items()]
    together = [sum(part) for part in zip(*spent.values(), strict=True)]
    told.append((f"all Great Expectations gates over {rows:,} rows", *together, TARGET_S))
    for claim, value, processor, target in told:
        print(f"{claim:60} {value:7.3f} s by the clock, {processor:.3f} s of a core"
              f"{f'   target under {target:g} s' if target else ''}", flush=True)
    print(f"the import and a first run of 100 rows take {importing:.1f} s more", flush=True)
    return [{"claim": claim, "value": round(value, 3), "target": target, "better": "lower", "unit": "s",
             "compared_with": f"{processor:.3f} s of a core; the least of {repeats} runs, {importing:.1f} s of import "
                              "and first run not counted"} for claim, value, processor, target in told]


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="as every benchmark has it; this one takes seconds")
    length.add_argument("--full", action="store_true", help="the same")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--name", default="data_gates")
    given = parser.parse_args()
    write_results(given.name, measure(given.rows, given.repeats))


if __name__ == "__main__":
    main()
