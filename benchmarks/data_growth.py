"""How time and memory of the data half grow: every stage at 1,000, 10,000 and 100,000 images.

    python -m benchmarks.data_growth [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Images of 32 px varied from the real ones (benchmarks/variants.py), in a folder per class. Each stage is a process of
its own with an empty memo, as DVC would run it, with one worker process. What is counted is processor seconds of all
its processes; the least of several runs, where a run is short. What a run over 60 images takes (the start: imports, the
gates' library, pictures) is taken off before the exponent is fitted: the slope of log seconds over log images, least
squares. A size counts from where a stage takes NOISE_S more than its start. The short form leaves 100,000 out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.cells import ROOT, Bench, Cell
from benchmarks.peers import ONE_THREAD, on_one_core
from benchmarks.variants import variants

NAME = "data_growth"
START = 60
"""Images of the run that tells what starting costs."""
RUNS = {START: 3, 1_000: 3, 10_000: 1, 100_000: 1}
"""Images -> runs, of which the least counts."""
SIZES = {"short": (1_000, 10_000), "full": (1_000, 10_000, 100_000)}
MOST_EXPONENT = 1.05
MOST_GROWTH = 1.5
"""Of the peak memory, at ten times the images."""
NOISE_S = 0.2
WORDS = {"scan": (), "collect": ("source_lock", "raw"), "profile": ("raw", "profile"),
         "validate": ("profile", "validated"), "clean": ("profile", "validated", "clean"),
         "label": ("profile", "clean", "labels"), "normalize": ("profile", "labels", "normalized")}
"""Command -> the paths that it is given."""
FILES = {"source_lock": "source.lock", "validated": "validated.json"}
GATES = "gates"
CODE = ("genimg_core.sources.scan", *(f"genimg_core.stages.{stage}" for stage in WORDS if stage != "scan"),
        "spending.py", "variants.py")


def size_cell(bench: Bench, images: int) -> Cell:
    """Every stage at one size."""
    recipe, runs = variants(images), 1 if bench.smoke else RUNS[images]

    def measure(bench: Bench) -> dict[str, Any]:
        files = bench.made(recipe) / "files"
        words = [sys.executable, "-m", "benchmarks.data_growth", "--worker"]
        env = {"PYTHONPATH": str(ROOT), "GENIMG_WORKERS": "1"}
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory(dir=bench.state) as out:
            done = _worker([*words, "stages", str(files), out, str(runs)], env)
        if images > START:  # their start is no part of what is timed
            done["stages"][GATES] = on_one_core([*words, GATES, str(images), str(max(2, runs))], env)
        return done | {"load": [round(load, 1), round(os.getloadavg()[0], 1)]}

    return Cell(NAME, f"images{images}", {"files": recipe, "runs": runs}, measure, CODE)


def _worker(words: list[str], env: dict[str, str]) -> dict[str, Any]:
    """In a process of its own, small and without children (see spending.py)."""
    import subprocess

    from genimg_core.errors import SetupError

    done = subprocess.run(words, env=os.environ | ONE_THREAD | env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"the growth's worker failed: {done.stderr.strip()[-1000:]}", "run it by hand to see why")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_stages_apart(files: Path, place: Path, runs: int) -> dict[str, Any]:
    """Each stage over a folder of images, as a process.

    Args:
        files: the images.
        place: an empty folder.
        runs: from nothing each time; the one that took least counts, of memory the most.

    Returns:
        `stages`: stage -> processor_s, wall_s, peak_mib, own_mib; `images`, and how many of them were kept.
    """
    from benchmarks.spending import spend

    best: dict[str, dict[str, float]] = {}
    env = {key: value for key, value in os.environ.items() if not key.startswith(("DVC", "DAGSTER"))}
    for run in range(runs):
        folder = place / str(run)
        folder.mkdir()
        (folder / "params.yaml").write_text(json.dumps(_params(files)), encoding="utf8")
        data = Path("data") / "datasets" / "images"
        for stage, keys in WORDS.items():
            words = [sys.executable, "-m", "genimg_core.cli", stage, "images"]
            words += [word for key in keys for word in (f"--{key}", str(data / FILES.get(key, key)))]
            if keys:
                words += ["--report", f"reports/{stage}", "--metrics", f"metrics/{stage}.json"]
            spent = dataclasses.asdict(spend(words, folder, env, folder / "log.txt"))
            before = best.get(stage, spent)
            best[stage] = {key: (max if key.endswith("mib") else min)(spent[key], before[key]) for key in spent}
    told = json.loads((folder / "metrics" / "clean.json").read_text(encoding="utf8"))
    return {"stages": {stage: {key: round(value, 3) for key, value in spent.items()} for stage, spent in best.items()},
            "images": told["collected"], "kept": told["kept"]}


def _params(files: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {stage: {} for stage in ("profile", "validate", "clean", "label", "normalize")}
    return {"seed": 0, "threads": 1, "image": {"size": 32, "channels": 3, "fit": "pad", "background": "#ffffff"},
            "datasets": {"images": entry | {"source": {"kind": "folder", "path": str(files)},
                                            "normalize": {"warn_test_images": 0}}}}


def gates(rows: int, repeats: int) -> dict[str, float]:
    """All Great Expectations suites over tables of so many rows, after one of 100, which imports the library."""
    from benchmarks.data_gates import seconds, tables
    from genimg_core.quality.expectations import raw_suite, run_suite

    run_suite("warm", tables(100)["raw"][0], raw_suite(max_unreadable_share=1, max_side_px=1000))
    spent = [seconds(name, gate, repeats) for name, gate in tables(rows).items()]
    return {"wall_s": round(sum(one for one, _ in spent), 3), "processor_s": round(sum(one for _, one in spent), 3)}


def slope(sizes: list[int], seconds: list[float]) -> float | None:
    """The exponent of growth: least squares of log seconds on log images; None for fewer than two sizes."""
    if len(sizes) < 2:
        return None
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    middle, height = sum(xs) / len(xs), sum(ys) / len(ys)
    return (sum((x - middle) * (y - height) for x, y in zip(xs, ys, strict=True))
            / sum((x - middle) ** 2 for x in xs))


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form."""
    sizes = (300, 900) if bench.smoke else SIZES[form]
    return [size_cell(bench, size) for size in (START, *sizes)]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """The exponent of each stage and of their sum; the growth of memory."""
    everything = cells(bench, "full")
    start, *found = [(cell, bench.record(cell)) for cell in everything]
    found = [(cell, record) for cell, record in found if record is not None]
    if start[1] is None or not found:
        return []
    behind = [start, *found]
    first = start[1]["result"]["stages"]
    by_size = {record["result"]["images"]: record["result"] for _, record in found}
    rows = [_time_row(stage, {size: result["stages"][stage] for size, result in by_size.items()}, first.get(stage),
                      behind) for stage in (*WORDS, GATES)]
    sums = {size: _sum(result["stages"]) for size, result in by_size.items()}
    rows.append(_time_row("all stages together", sums, _sum(first), behind))
    rows[-1]["compared_with"] += "; load when it began and ended: " + ", ".join(
        f"{size:,}: {' and '.join(map(str, result['load']))}" for size, result in by_size.items())
    return rows + _memory_rows(by_size, behind)


def _sum(stages: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of the stages that run: the gates' time is part of theirs."""
    return {key: sum(stages[stage][key] for stage in WORDS) for key in ("processor_s", "wall_s")}


def _time_row(stage: str, by_size: dict[int, dict[str, float]], start: dict[str, float] | None,
              behind: list[tuple[Cell, Any]]) -> dict[str, Any]:
    own = start["processor_s"] if start else 0.0
    more = {size: spent["processor_s"] - own for size, spent in by_size.items()}
    seen = [size for size, value in more.items() if value >= NOISE_S]
    told = ", ".join(f"{size:,}: {more[size]:.2f} s ({by_size[size]['wall_s']:.1f} s by the clock)" for size in by_size)
    value = slope(seen, [more[size] for size in seen])
    less = f", less the {own:.2f} s of a run over {START}" if own else ""
    where = f"; fitted from {seen[0]:,} on" if value is not None and len(seen) < len(by_size) else ""
    return command.claim(f"{stage}: exponent of processor time on images", value, MOST_EXPONENT, "lower", "",
                         f"{told}{less}{where}", behind, 3)


def _memory_rows(by_size: dict[int, dict[str, Any]], behind: list[tuple[Cell, Any]]) -> list[dict[str, Any]]:
    if len(by_size) < 2:
        return []
    *_, small, large = sorted(by_size)
    rows = []
    for key, what in (("peak_mib", "resident memory of the largest process, mapped files among it"),
                      ("own_mib", "memory that no file backs")):
        peaks = {size: {stage: spent[key] for stage, spent in by_size[size]["stages"].items() if key in spent}
                 for size in by_size}
        most = {size: max(peaks[size].values()) for size in peaks}
        told = ", ".join(f"{size:,}: {most[size]:.0f} MiB ({max(peaks[size], key=peaks[size].get)})" for size in most)
        grown = {stage: (peaks[large][stage] - peaks[small][stage]) * 2**20 / (large - small) for stage in peaks[large]}
        each = ", ".join(f"{stage} {max(0, bytes_each):.0f}" for stage, bytes_each in grown.items())
        rows.append(command.claim(f"peak {what}: {large:,} images against {small:,}", most[large] / most[small],
                                  MOST_GROWTH, "lower", "times", f"{told}; bytes an image: {each}", behind, 3))
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    words = sys.argv[1:] if argv is None else argv
    if words[:2] == ["--worker", "stages"]:
        print(json.dumps(run_stages_apart(Path(words[2]), Path(words[3]), int(words[4]))))
        return 0
    if words[:2] == ["--worker", GATES]:
        print(json.dumps(gates(int(words[2]), int(words[3]))))
        return 0
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
