"""Planted defects, found and wrongly rejected, on drawn letters and on photos.

    python -m benchmarks.defects [--full] [--seed N] [--only PATTERN] [--list] [--again]

Each cell plants with one seed, runs collect, profile, validate and clean with their defaults (but for the gates, which
would stop so bad a data set, and for the photos' two rules of brightness, which are off by default), and compares what
clean says with what was planted. A defect counts as found only where it is rejected for a reason that fits
(benchmarks/planting.py); a copy is found where it or its original is rejected as the other's copy.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.planting import COPIED, GLYPH_REASONS, KINDS, Kind, Planted, plant
from benchmarks.workshop import FILES, dataset, real_data
from genimg_core.stages.contract import write_json

if TYPE_CHECKING:
    import pandas as pd

NAME = "defects"
LEAST_FOUND, MOST_REJECTED = 98.0, 0.5
"""Targets, in percent."""
SEEDS = {"short": 1, "full": 3}
"""Seeds of a form: `--seed` and those after it."""
EACH = 20
"""Photos planted of each kind and seed."""
GLYPHS = {"images": 6000, "defect_share": 0.2}
"""150 of each kind."""
SCRIPTS = ("latin_capitals", "greek_small")
OPEN_GATES = {"validate": {"max_unreadable_share": 1.0}}
BRIGHTNESS = {"min_luminance": 8.0, "max_luminance": 247.0}
"""On photos. Letters are nearly white by nature."""


@dataclass(frozen=True)
class Truth:
    """What is known of a data set beforehand."""

    planted: list[Planted]
    kinds: dict[str, Kind]
    """Of every planted kind."""


def tally(cleaned: pd.DataFrame, truth: Truth) -> dict[str, Any]:
    """Compare what clean says with what was planted.

    Args:
        cleaned: path, image_id, status, reason, duplicate_of; a row for every file.
        truth: what is known.

    Returns:
        `kinds`: planted, found, by which reasons, and the missed files; `good`: how many were not planted, how many of
        those were rejected wrongly, and which; `natural_copies`: those rejected as copies that they are, for the set
        itself holds the same bytes or scene twice.
    """
    rows = {row.path: row for row in cleaned.itertuples()}
    of = {one.path: one for one in truth.planted}
    kinds = {}
    for kind, entry in truth.kinds.items():
        members = [one for one in truth.planted if one.kind == kind]
        found = [one for one in members if _found(rows, one, entry)]
        reasons: dict[str, int] = {}
        for one in members:
            said = str(rows[one.path].reason if rows[one.path].status == "rejected" else "kept")
            reasons[said] = reasons.get(said, 0) + 1
        kinds[kind] = {"planted": len(members), "found": len(found), "said": dict(sorted(reasons.items())),
                       "claimed": entry.claimed,
                       "missed": sorted(f"{one.path} of {one.original}" for one in members if one not in found)}
    good = [path for path in rows if path not in of]
    wrong, natural = [], []
    for path in good:
        row = rows[path]
        if row.status == "kept" or _is_copied_by(rows, path, of):
            continue
        (natural if row.reason in COPIED and _natural_copy(rows, row, of) else wrong).append(f"{path}: {row.reason}")
    return {"kinds": kinds, "natural_copies": sorted(natural),
            "good": {"images": len(good), "wrongly_rejected": len(wrong), "which": sorted(wrong)}}


def same_scene(path: str, other: str) -> bool:
    """Whether two photos of messy-photos show one scene by their names: `exif_Landscape_3.jpg` is one of nine files of
    one picture, stored in each of the orientations that EXIF knows.
    """
    series, _, _ = path.rpartition("_")
    return path.startswith("exif_") and other.rpartition("_")[0] == series


def _natural_copy(rows: dict[str, Any], row: Any, of: dict[str, Planted]) -> bool:
    """Whether the set itself holds the image twice: the same bytes under two names, or one scene."""
    kept = of[row.duplicate_of].original if row.duplicate_of in of else row.duplicate_of
    return same_scene(row.path, kept) or (kept in rows and rows[kept].image_id == row.image_id)


def _found(rows: dict[str, Any], one: Planted, kind: Kind) -> bool:
    row = rows[one.path]
    if row.status == "rejected" and row.reason in kind.reasons:
        return True
    return kind.copy and one.original in rows and rows[one.original].status == "rejected" and (
        rows[one.original].duplicate_of == one.path)


def _is_copied_by(rows: dict[str, Any], path: str, of: dict[str, Planted]) -> bool:
    """Whether a photo was rejected in favour of the copy that was planted of it."""
    kept = rows[path].duplicate_of
    return kept in of and of[kept].original == path


def photos_cell(bench: Bench, seed: int) -> Cell:
    """Photos with `EACH` defects of each kind."""
    each = 2 if bench.smoke else EACH

    def copy_and_plant(bench: Bench, folder: Path) -> None:
        shutil.rmtree(folder / "files", ignore_errors=True)
        planted = plant(real_data() / "messy-photos" / "images", folder / "files", each, seed)
        write_json(folder / "planted.json", [asdict(one) for one in planted])

    files = Recipe("planted", f"photos-seed{seed}", {"each": each, "kinds": sorted(KINDS), "seed": seed},
                   ("planting.py",), copy_and_plant)
    entry = {"source": {"kind": "folder", "path": FILES}, "clean": BRIGHTNESS, **OPEN_GATES}
    image = {"size": 32, "channels": 3, "fit": "pad", "background": "#ffffff"}
    cleaned = dataset(f"photos-seed{seed}", image, entry, 0, 1, last="clean", files=files)

    def measure(bench: Bench) -> dict[str, Any]:
        told = json.loads((bench.made(files) / "planted.json").read_text(encoding="utf8"))
        return tally(_cleaned(bench.made(cleaned)), Truth([Planted(**one) for one in told], KINDS))

    return Cell(NAME, f"photos-seed{seed}", {"data": cleaned, "each": each, "seed": seed}, measure, cleaned.code)


def glyphs_cell(bench: Bench, script: str, seed: int) -> Cell:
    """Letters, spoiled by the glyph source itself."""
    from genimg_core.sources.glyphs import GlyphsParams, planted_defects

    source = GlyphsParams(script=script, seed=seed, **(GLYPHS | ({"images": 300} if bench.smoke else {})))
    entry = {"source": source.model_dump(mode="json"), **OPEN_GATES}
    image = {"size": 32, "channels": 1, "fit": "pad", "background": "#ffffff"}
    cleaned = dataset(f"{script}-seed{seed}", image, entry, 0, 1, last="clean")
    kinds = {name: Kind(lambda data, draw: (data, ""), reasons, copy=name.endswith("copy"))
             for name, reasons in GLYPH_REASONS.items()}

    def measure(bench: Bench) -> dict[str, Any]:
        planted = [Planted(one.path, one.kind, one.original or "") for one in planted_defects(source)
                   if one.kind in kinds]
        return tally(_cleaned(bench.made(cleaned)), Truth(planted, kinds))

    return Cell(NAME, f"{script}-seed{seed}", {"data": cleaned, "source": entry["source"]}, measure, cleaned.code)


def _cleaned(folder: Path) -> pd.DataFrame:
    from genimg_core.store.manifest import CLEAN_COLUMNS, read_table

    return read_table(folder / "clean" / "clean.parquet", CLEAN_COLUMNS)


def cells(bench: Bench, form: str, given: argparse.Namespace) -> list[Cell]:
    """The cells of a form."""
    seeds = range(given.seed, given.seed + SEEDS[form])
    return [cell for seed in seeds
            for cell in (*(glyphs_cell(bench, script, seed) for script in SCRIPTS), photos_cell(bench, seed))]


def claims(bench: Bench, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows for the results file, summed over the seeds that stand."""
    everything = cells(bench, "full", given)
    rows = []
    for what in (*SCRIPTS, "photos"):
        members = [(cell, bench.record(cell)) for cell in everything if cell.name.startswith(f"{what}-seed")]
        results = [record["result"] for _, record in members if record]
        if not results:
            continue
        shown = what.replace("_", " ")
        for kind, entry in results[0]["kinds"].items():
            parts = [result["kinds"][kind] for result in results]
            planted, found = (sum(part[key] for part in parts) for key in ("planted", "found"))
            said = _sum(part["said"] for part in parts)
            claimed = entry["claimed"]
            rows.append(command.claim(
                f"{shown}: planted {kind.replace('_', ' ')} found" + ("" if claimed else " (no rule claims to)"),
                100 * found / planted, LEAST_FOUND if claimed else None, "higher", "%",
                f"{found} of {planted} planted; clean said: {said}", members, 2))
        good = [result["good"] for result in results]
        images, wrong = (sum(part[key] for part in good) for key in ("images", "wrongly_rejected"))
        natural = sum(len(result["natural_copies"]) for result in results)
        by_reason = _sum({line.partition(": ")[2]: 1} for part in good for line in part["which"])
        told = f"{wrong} of {images} good images" + (f": {by_reason}" if wrong else "")
        if natural:
            told += f"; {natural} natural copies, rightly rejected, count as good images and not as wrong"
        rows.append(command.claim(f"{shown}: good images wrongly rejected", 100 * wrong / images, MOST_REJECTED,
                                  "lower", "%", told, members, 3))
    return rows


def _sum(counts: Any) -> str:
    total: dict[str, int] = {}
    for part in counts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return ", ".join(f"{key} {count}" for key, count in sorted(total.items(), key=lambda item: (-item[1], item[0])))


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv, lambda parser: parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the planting; the full form takes the next two as well"))


if __name__ == "__main__":
    sys.exit(main())
