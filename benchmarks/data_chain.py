"""The data half against the chain that people build today, on the same files, one core, in the same run.

    python -m benchmarks.data_chain [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Ours is profile, validate, clean and normalize at 64 px with an empty memo: every figure, all gates, exact and near
duplicates, splits. The chain is cleanvision, imagededup's PHash and what the StyleGAN family's dataset tool does. The
limit is bare decoding and resizing by Pillow (`draft` for JPEG). Imports are timed nowhere; starting worker processes
is (ours). Sets: messy photos, Noto emoji, and 1000 x 1000 JPEGs made of the photos. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.cells import ROOT, Bench, Cell, Recipe
from benchmarks.peers import DATA_PEERS, on_one_core, peers_python
from benchmarks.workshop import real_data, run_stages

NAME = "data_chain"
SIZE = 64
TIMES_THE_CHAIN = {"photos": 6.0, "noto": 4.0, "large": 12.0}
"""Set -> target."""
SHARE_OF_LIMIT = 0.5
SHOWN = {"photos": "messy photos", "noto": "Noto emoji", "large": "1000 x 1000 JPEGs"}
LARGE_SIDE, LARGE_QUALITY = 1000, 87
STAGES = ("profile", "validate", "clean", "label", "normalize")
CODE = ("genimg_core.stages.profile", "genimg_core.stages.validate", "genimg_core.stages.clean",
        "genimg_core.stages.normalize", "peers.py", "peers_chain.py")


def files(bench: Bench, name: str) -> Recipe:
    """A folder of images: copies of the real ones in `files/`, `large` made of the photos."""
    most = dict.fromkeys(SHOWN, 60) if bench.smoke else {"large": 300}
    settings = {"set": name, "most": most.get(name), "side": LARGE_SIDE, "quality": LARGE_QUALITY}

    def make(bench: Bench, folder: Path) -> None:
        import shutil

        from PIL import Image

        place = real_data() / ("pretrain-noto128" if name == "noto" else "messy-photos") / "images"
        (folder / "files").mkdir(exist_ok=True)
        for path in sorted(place.iterdir())[:settings["most"]]:
            if name == "large":
                image = Image.open(path).convert("RGB").resize((LARGE_SIDE, LARGE_SIDE), Image.Resampling.LANCZOS)
                image.save(folder / "files" / f"{path.stem}.jpg", quality=LARGE_QUALITY)
            else:
                shutil.copyfile(path, folder / "files" / path.name)

    return Recipe("files", name, settings, ("data_chain.py",), make)


def chain_cell(bench: Bench, name: str) -> Cell:
    """The three systems on one set."""
    recipe = files(bench, name)

    def measure(bench: Bench) -> dict[str, Any]:
        folder = bench.made(recipe) / "files"
        peers = peers_python(bench, DATA_PEERS)
        with tempfile.TemporaryDirectory(dir=bench.state) as out:
            ours = on_one_core([sys.executable, "-m", "benchmarks.data_chain", "--worker", "ours", str(folder), out],
                               {"PYTHONPATH": str(ROOT), "GENIMG_WORKERS": "1"})
            limit = on_one_core([sys.executable, "-m", "benchmarks.data_chain", "--worker", "limit", str(folder), out],
                                {"PYTHONPATH": str(ROOT)})
            chain = on_one_core([str(peers), str(ROOT / "benchmarks" / "peers_chain.py"), str(folder), str(SIZE), out])
        return {"images": limit["images"], "ours": ours, "limit": limit, "chain": chain}

    return Cell(NAME, name, {"files": recipe, "size": SIZE, "peers": DATA_PEERS}, measure, CODE)


def worker(system: str, folder: Path, out: Path) -> dict[str, Any]:
    """Measure `ours` or `limit`, in this process, over the images of a folder."""
    return {"ours": _ours, "limit": _limit}[system](folder, out)


def _ours(folder: Path, out: Path) -> dict[str, Any]:
    """Seconds of each stage; a run over a few images before it imports everything."""
    first = out / "first"
    (first / "files").mkdir(parents=True)
    paths = sorted(folder.iterdir())
    for path in paths[:60]:
        (first / "files" / path.name).write_bytes(path.read_bytes())
    _staged(first, first / "files")
    whole = out / "whole"
    whole.mkdir()
    seconds = _staged(whole, folder)
    return {"images": len(paths), "seconds": seconds, "figures": _figures(paths)}


def _staged(place: Path, folder: Path) -> dict[str, float]:
    from genimg_core.params import parse
    from genimg_core.sources.registry import SourceParams
    from genimg_core.sources.scan import scan

    source = {"kind": "folder", "path": str(folder)}
    open_gates = {"validate": {"min_images": 1}, "clean": {"min_images_kept": 1, "max_rejected_share": 1.0}}
    entry = {"source": source} | {stage: open_gates.get(stage, {}) for stage in STAGES}
    tree = {"seed": 0, "threads": 1, "datasets": {"set": entry},
            "image": {"size": SIZE, "channels": 3, "fit": "crop", "background": "#ffffff"}}
    lock = place / "data" / "datasets"
    scan("set", parse(SourceParams, source, "set"), locks=lock, listings=place / ".genimg" / "scan")
    seconds = {}
    for stage in ("collect", *STAGES):
        started = time.perf_counter()
        run_stages(place, tree, [stage], "set", {"source_lock": lock / "set" / "source.lock"} | _made(place))
        seconds[stage] = time.perf_counter() - started
    return seconds


def _made(place: Path) -> dict[str, Path]:
    names = {"raw": "raw", "profile": "profile", "validated": "validated.json", "clean": "clean", "labels": "labels"}
    return {key: place / name for key, name in names.items()}


def _figures(paths: list[Path]) -> dict[str, float]:
    """Milliseconds an image of the parts of one profile, each alone, in this process."""
    from genimg_core.imaging.decode import DecodeLimits, decode
    from genimg_core.imaging.figures import measure, thumbnail_of
    from genimg_core.imaging.fit import Grounds, ImageForm, to_form
    from genimg_core.imaging.profile import profile_image, wanted_of

    form = ImageForm(SIZE, 3, "crop", "#ffffff")
    chosen = [path.read_bytes() for path in paths[:: max(1, len(paths) // 100)]]
    images = [one.image for data in chosen if (one := decode(data, DecodeLimits(), wanted_of(form))).image is not None]
    small = [(image, thumbnail_of(image, Grounds(image))) for image in images]
    parts: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
        "whole profile": (lambda data: profile_image(data, form, DecodeLimits()), chosen),
        "decode": (lambda data: decode(data, DecodeLimits(), wanted_of(form)), chosen),
        "training size": (lambda image: to_form(image, form), images),
        "thumbnail": (lambda image: thumbnail_of(image, Grounds(image)), images),
        "figures and hashes": (lambda pair: measure(pair[0], pair[0].size, Grounds(pair[0]), pair[1]), small)}
    told = {}
    for name, (work, items) in parts.items():
        started = time.perf_counter()
        for item in items:
            work(item)
        told[name] = 1000 * (time.perf_counter() - started) / max(1, len(items))
    return told


def _limit(folder: Path, out: Path) -> dict[str, Any]:
    """Bare decoding and resizing; what cannot be decoded is skipped."""
    from PIL import Image

    paths = sorted(folder.iterdir())

    def run(some: list[Path]) -> float:
        started = time.perf_counter()
        for path in some:
            try:
                with Image.open(path) as image:
                    image.draft(None, (2 * SIZE, 2 * SIZE))
                    image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            except OSError:
                continue
        return time.perf_counter() - started

    run(paths[:20])
    return {"images": len(paths), "seconds": min(run(paths), run(paths))}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form: both have all three sets."""
    return [chain_cell(bench, name) for name in TIMES_THE_CHAIN]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Of each set: our rate, as a share of the limit and as a multiple of the chain's; what each part costs."""
    rows = []
    for cell in cells(bench, "full"):
        record = bench.record(cell)
        if record is None:
            continue
        result, shown = record["result"], SHOWN[cell.name]
        images = result["images"]
        ours = images / sum(result["ours"]["seconds"][stage] for stage in STAGES)
        limit, chain = images / result["limit"]["seconds"], images / sum(result["chain"]["seconds"].values())
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result["ours"]["seconds"].items())
        peers = ", ".join(f"{name} {images / seconds:.0f}" for name, seconds in result["chain"]["seconds"].items())
        told = ", ".join(f"{name} {cost:.2f} ms" for name, cost in result["ours"]["figures"].items())
        behind = [(cell, record)]
        rows += [
            command.claim(f"{shown} ({images:,}): images/s per core", ours, None, "higher", "images/s", parts, behind,
                          1),
            command.claim(f"{shown}: share of the limit, bare decoding and resizing", ours / limit, SHARE_OF_LIMIT,
                          "higher", "times", f"the limit: {limit:.0f} images/s; an image costs: {told}", behind, 3),
            command.claim(f"{shown}: times the chain cleanvision + imagededup + dataset tool", ours / chain,
                          TIMES_THE_CHAIN[cell.name], "higher", "times",
                          f"the chain: {chain:.0f} images/s ({peers})", behind, 2)]
    return rows


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["--worker"]:
        print(json.dumps(worker(words[1], Path(words[2]), Path(words[3]))))
        return 0
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
