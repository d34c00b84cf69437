"""Planted defects per kind, on photos and on letters: what our default rules find, and what cleanvision's do.

    python -m benchmarks.data_defects [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

The same files, in the same run. Ours are collect, profile, validate and clean with their defaults (but for the gates,
which would stop so bad a data set): a file is found where it is rejected, or kept with a warning, for a reason that
fits. cleanvision's are all its issues with its defaults, and any issue that could be meant counts. A copy is found
where it or its original is. Recall: planted files that are found. Precision: of the files of which something is said
that fits the kind, those of which it is true (other kinds that it fits, a planted copy's original, and copies that the
set itself holds are true as well). Where cleanvision is stopped by a file, it is run again without the files that
Pillow cannot load, and those count as not found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.cells import ROOT, Bench, Cell, Recipe
from benchmarks.defects import OPEN_GATES
from benchmarks.peers import DATA_PEERS, on_one_core, peers_python
from benchmarks.planting import GLYPH_REASONS, MORE_KINDS, Planted, plant
from benchmarks.workshop import FILES, dataset, real_data
from genimg_core.stages.contract import write_json

NAME = "data_defects"
EACH = 20
"""Photos planted of each kind and seed."""
GLYPHS = {"images": 3000, "defect_share": 0.2}
"""75 of each kind."""
SEEDS = {"short": 1, "full": 3}
SHOWN = {"photos": "messy photos", "glyphs": "Latin letters"}
COPIES = ("exact_duplicates", "near_duplicates")
NOTHING_TO_SEE = ("low_information", "dark", "light", "blurry")
PEERS_WORDS: dict[str, tuple[str, ...]] = {
    "bomb": ("odd_size", *NOTHING_TO_SEE), "flat": NOTHING_TO_SEE, "tiny": ("odd_size",),
    "strip": ("odd_aspect_ratio", "odd_size"), "dark": ("dark", "low_information"),
    "bright": ("light", "low_information"), "blurred": ("blurry",),
    **dict.fromkeys(("exact_copy", "lossless_copy", "reencoded", "resized", "retouched", "cropped", "mirrored",
                     "near_copy"), COPIES)}
"""Kind -> cleanvision's issues that say it; it has none for files that cannot be read."""
CODE = ("genimg_core.stages.clean", "genimg_core.stages.profile", "planting.py", "peers_issues.py")

Said = Mapping[str, Collection[str]]
"""Path -> what is said of the file; a file of which nothing is said may be absent."""


def compare(said: Said, planted: list[Planted], fits: Mapping[str, tuple[str, ...]],
            natural: Collection[str]) -> dict[str, dict[str, int]]:
    """Count by kind.

    Args:
        said: by one of the two.
        planted: the truth.
        fits: kind -> words that say it.
        natural: files that the set itself holds twice.

    Returns:
        Kind -> planted, found (recall is their ratio), flagged, right (precision).
    """
    of_copies = {word for kind, words in fits.items() if _copies(kind) for word in words}
    true_of = {path: set(of_copies) for path in natural}
    for one in planted:
        for path in (one.path, one.original) if _copies(one.kind) else (one.path,):
            true_of.setdefault(path, set()).update(fits.get(one.kind, ()))
    told = {}
    for kind in dict.fromkeys(one.kind for one in planted):
        words = set(fits.get(kind, ()))
        members = [one for one in planted if one.kind == kind]
        flagged = {path: words & set(of) for path, of in said.items() if words & set(of)}
        told[kind] = {
            "planted": len(members), "found": sum(
                one.path in flagged or (_copies(kind) and one.original in flagged) for one in members),
            "flagged": len(flagged), "right": sum(bool(of & true_of.get(path, set())) for path, of in flagged.items())}
    return told


def _copies(kind: str) -> bool:
    """Whether files of this kind come beside what they are made of."""
    return MORE_KINDS[kind].copy if kind in MORE_KINDS else kind.endswith("copy")


def photos(bench: Bench, seed: int) -> Recipe:
    """The photos with defects of every kind in `files/`, and what was planted."""
    each = 2 if bench.smoke else EACH

    def make(bench: Bench, folder: Path) -> None:
        shutil.rmtree(folder / "files", ignore_errors=True)
        planted = plant(real_data() / "messy-photos" / "images", folder / "files", each, seed, MORE_KINDS)
        write_json(folder / "planted.json", [asdict(one) for one in planted])

    return Recipe("planted", f"more-photos-seed{seed}", {"each": each, "kinds": sorted(MORE_KINDS), "seed": seed},
                  ("planting.py",), make)


def glyphs(bench: Bench, seed: int) -> Recipe:
    """The built-in letters, spoiled by their source, in `files/`."""
    from genimg_core.sources.glyphs import GlyphsParams, draw_glyphs, planted_defects

    source = GlyphsParams(script="latin_capitals", seed=seed, **(GLYPHS | ({"images": 300} if bench.smoke else {})))

    def make(bench: Bench, folder: Path) -> None:
        shutil.rmtree(folder / "files", ignore_errors=True)
        shutil.copytree(draw_glyphs(source, folder / "drawn") / "files", folder / "files")
        write_json(folder / "planted.json", [
            {"path": one.path, "kind": one.kind, "original": one.original or ""} for one in planted_defects(source)
            if one.kind in GLYPH_REASONS])

    return Recipe("planted", f"letters-seed{seed}", {"source": source.model_dump(mode="json")},
                  ("genimg_core.sources.glyphs",), make)


def defects_cell(bench: Bench, what: str, seed: int) -> Cell:
    """Both tools over one set."""
    files = {"photos": photos, "glyphs": glyphs}[what](bench, seed)
    ours = {kind: entry.reasons for kind, entry in MORE_KINDS.items()} if what == "photos" else GLYPH_REASONS
    image = {"size": 32, "channels": 3, "fit": "pad", "background": "#ffffff"}
    entry = {"source": {"kind": "folder", "path": FILES}, **OPEN_GATES}
    cleaned = dataset(f"{what}-defects-seed{seed}", image, entry, 0, 1, last="clean", files=files)

    def measure(bench: Bench) -> dict[str, Any]:
        folder, made = bench.made(files), bench.made(cleaned)
        planted = [Planted(**one) for one in json.loads((folder / "planted.json").read_text(encoding="utf8"))]
        natural = _natural(folder / "files", {one.path for one in planted})
        told = on_one_core([str(peers_python(bench, DATA_PEERS)), str(ROOT / "benchmarks" / "peers_issues.py"),
                            str(folder / "files")])
        return {"files": len(list((folder / "files").iterdir())), "natural": len(natural),
                "ours": compare(said_by_clean(made), planted, ours, natural),
                "peer": compare(told["issues"], planted, PEERS_WORDS, natural),
                "stopped": told["stopped"], "left_out": len(told["left_out"])}

    return Cell(NAME, f"{what}-seed{seed}", {"data": cleaned, "files": files, "peers": DATA_PEERS}, measure, CODE)


def said_by_clean(folder: Path) -> Said:
    """Reasons and warnings, as the clean stage wrote them."""
    from genimg_core.store.manifest import read_table

    table = read_table(folder / "clean" / "clean.parquet")
    return {path: [word for text in (why, warned) if isinstance(text, str) for word in text.split(",")]
            for path, why, warned in zip(table["path"], table["reason"], table["warnings"], strict=True)}


def _natural(folder: Path, planted: Collection[str]) -> set[str]:
    """Files that were not planted and are in the set twice: the same bytes, or one scene in every EXIF orientation."""
    import hashlib

    groups: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        if path.name not in planted:
            groups.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path.name)
            if path.name.startswith("exif_"):
                groups.setdefault(path.name.rpartition("_")[0], []).append(path.name)
    return {name for names in groups.values() if len(names) > 1 for name in names}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form."""
    return [defects_cell(bench, what, seed) for seed in range(SEEDS[form]) for what in SHOWN]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Recall and precision of each kind, summed over the seeds that stand; aimed at: what cleanvision reaches."""
    everything = cells(bench, "full")
    rows = []
    for what, shown in SHOWN.items():
        members = [(cell, bench.record(cell)) for cell in everything if cell.name.startswith(f"{what}-seed")]
        results = [record["result"] for _, record in members if record]
        if not results:
            continue
        stopped = next((result["stopped"] for result in results if result["stopped"]), None)
        rows.append(command.claim(
            f"{shown}: files that stop cleanvision", sum(result["left_out"] for result in results), None, "lower",
            "files", f"of {sum(result['files'] for result in results):,}; ours gives each a row. It said: {stopped}",
            members, 0))
        for kind in results[0]["ours"]:
            rows += _kind_rows(shown, kind, results, members)
    return rows


def _kind_rows(shown: str, kind: str, results: list[dict[str, Any]], members: list[Any]) -> list[dict[str, Any]]:
    ours, peer = ({key: sum(result[whose][kind][key] for result in results) for key in results[0][whose][kind]}
                  for whose in ("ours", "peer"))
    told = f"{shown}, planted {kind.replace('_', ' ')}"
    unclaimed = kind in MORE_KINDS and not MORE_KINDS[kind].claimed
    aside = "; no rule of ours claims to find it" if unclaimed else ""
    rows = []
    for what, part, whole in (("recall", "found", "planted"), ("precision", "right", "flagged")):
        value, theirs = (100 * one[part] / one[whole] if one[whole] else None for one in (ours, peer))
        rows.append(command.claim(
            f"{told}: {what}", value, None if theirs is None else round(theirs, 2), "higher", "%",
            f"{ours[part]} of {ours[whole]}; cleanvision {_percent(peer, part, whole)}, {peer[part]} of {peer[whole]}"
            f"{aside if what == 'recall' else ''}", members, 2))
    return rows


def _percent(counts: dict[str, int], part: str, whole: str) -> str:
    return f"{100 * counts[part] / counts[whole]:.1f} %" if counts[whole] else "says nothing"


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
