"""Finds what nothing in a project refers to any more. Nothing here removes anything.

In use, and never found here: what a row of the ledger of downloads, a decision, an output of a stage that there is or
dvc.lock names; snapshots of an interrupted training, and a former output whose place is empty (a killed stage's).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.params import PARAMS_FILE, read

if TYPE_CHECKING:
    from genimg_core.schema import Params

STATE = Path(".genimg")
_DRAFT = re.compile(r"\.?(?P<name>.+)\.(?P<pid>\d+)")
_WRITTEN_ANEW = ("source.lock", "listing", "listing.parquet", "forgotten.jsonl", "verdicts.jsonl", "labels.jsonl",
                 str(PARAMS_FILE))
"""Files whose drafts are named by a process."""


@dataclass(frozen=True)
class Leftover:
    """Something that can go."""

    kind: str
    """In words; what is of one kind is told in one line."""
    items: int
    bytes: int
    remove: Callable[[], None]


def find_leftovers(root: Path, removed_entries: bool = False) -> Iterator[Leftover]:
    """Everything that can go. To be called where no other command is at work (see at_work.py).

    Args:
        root: the project.
        removed_entries: also the outputs of data sets and models that params.yaml no longer has.

    Raises:
        ParamsError: params.yaml cannot be read: then nobody knows what is in use.
        CorruptFileError: the same of the ledger of downloads, or a table.
    """
    from genimg_core.housekeeping.memories import unused_memories
    from genimg_core.plan import stage_instances
    from genimg_core.schema import load_params

    params = load_params(read(root / PARAMS_FILE))
    instances = {name.replace("@", "-") for name in stage_instances(root)}
    yield from _blobs(root)
    yield from unused_memories(root, params)
    yield from _of_each("drawn letters that no source uses", _inside(root / STATE / "glyphs"), _drawn(root, params))
    yield from _of_each("samples that `genimg configure` left", _inside(root / STATE / "configure"))
    yield from _of_each("half-written outputs", _inside(root / STATE / "partial"))
    yield from _of_each("half-written outputs", _set_aside(root))
    yield from _of_each("half-written files of processes that are gone", _drafts(root))
    for name, kind in (("resume", "snapshots of trainings that params.yaml no longer has"),
                       ("gates", "reports of failed gates of stages that params.yaml no longer has")):
        yield from _of_each(kind, _inside(root / STATE / name), {root / STATE / name / one for one in instances})
    for name, kind in (("scan", "listings of data sets that params.yaml no longer has"),
                       ("drift", "comparisons of data sets that params.yaml no longer has")):
        yield from _of_each(kind, _inside(root / STATE / name), {root / STATE / name / one for one in params.datasets})
    if removed_entries:
        from genimg_core.housekeeping.removed_entries import outputs_of_removed_entries

        yield from _of_each("outputs of entries that params.yaml no longer has",
                            outputs_of_removed_entries(root, params, instances))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; a link counts for nothing."""
    if path.is_symlink() or not path.exists():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(os.lstat(os.path.join(folder, file)).st_size for folder, _, files in os.walk(path) for file in files)


def _of_each(kind: str, paths: Iterator[Path], used: set[Path] = frozenset()) -> Iterator[Leftover]:
    for path in paths:
        if path not in used:
            yield Leftover(kind, 1, size_of(path), lambda path=path: _remove(path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _inside(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.iterdir()) if folder.is_dir() else ()


def _blobs(root: Path) -> Iterator[Leftover]:
    """Downloaded files that no URL stands for, and those that never arrived."""
    from genimg_core.sources.downloads.blobs import STORE, BlobStore
    from genimg_core.sources.downloads.ledger import LEDGER, open_ledger

    used: set[str] = set()
    if (root / LEDGER).is_file():
        with open_ledger(root / LEDGER) as ledger:
            used = ledger.stored()
    for sha256, path in BlobStore(root / STORE).all():
        if sha256 not in used:
            yield from _of_each("downloaded files that no URL stands for", iter([path]))
    yield from _of_each("downloads that never arrived", _inside(root / STORE / "incoming"))


def _drawn(root: Path, params: Params) -> set[Path]:
    from genimg_core.errors import SetupError
    from genimg_core.sources.glyphs import DRAWN, drawn_folder

    try:
        return {drawn_folder(entry.source, root / DRAWN) for entry in params.datasets.values()
                if entry.source.kind == "glyphs"}
    except SetupError:  # no type faces here: then nobody knows
        return set(_inside(root / DRAWN))


def _set_aside(root: Path) -> Iterator[Path]:
    """What a killed stage left beside its outputs (see stages/placing.py): not what its place lacks."""
    from genimg_core.stages.placing import COPY, FORMER, GONE, place_of

    for folder in _inside(root / STATE / "former"):
        yield from (path for path in _inside(folder)
                    if path.name.endswith(GONE) or os.path.lexists(root / place_of(path)))
    for folder in (root / "data", *_folders(root / "data", 2)):
        for path in _inside(folder):
            stem = path.name.removesuffix(GONE)
            if path.name.startswith(".") and stem.endswith((f".{COPY}", f".{FORMER}")):
                place = path.with_name(stem[1:].rpartition(".")[0])
                if stem.endswith(COPY) or stem != path.name or os.path.lexists(place):
                    yield path


def _drafts(root: Path) -> Iterator[Path]:
    for folder in (root, *_folders(root / "data/datasets", 2), *_folders(root / STATE / "scan", 1)):
        for path in _inside(folder):
            match = _DRAFT.fullmatch(path.name)
            if match and match["name"] in _WRITTEN_ANEW and path.is_file() and not _lives(int(match["pid"])):
                yield path


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    for path in _inside(folder):
        if path.is_dir() and not path.is_symlink():
            yield path
            if depth > 1:
                yield from _folders(path, depth - 1)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
