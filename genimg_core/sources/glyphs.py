"""Built-in data: letters in many type faces, some spoiled on purpose. Drawn once, then read like any other folder."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.glyph_plan import LETTER, Slot, plan_glyphs
from genimg_core.sources.labels import CsvLabels
from genimg_core.sources.source import SourceFile
from genimg_core.sources.typefaces import SCRIPTS, face_files

DRAWN = Path(".genimg/glyphs")

_DRAWING_CODE = ("glyph_plan.py", "glyph_drawing.py", "typefaces.py", "glyphs.py", "../seeds.py")


class GlyphsParams(Section):
    """Letters drawn by this program, black on white."""

    kind: Literal["glyphs"] = "glyphs"
    script: Literal["latin_capitals", "greek_small", "georgian"] = "latin_capitals"
    """26, 24 and 33 letters."""
    images: Annotated[int, Field(ge=1, le=999_999)] = 6000
    """Training images, the spoiled ones among them."""
    reference_images: Annotated[int, Field(ge=0, le=999_999)] = 0
    """Never spoiled and never trained on: they get the split `test`, the others `train`. 0: no splits are given."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Another seed, other pictures."""
    defect_share: Annotated[float, Field(ge=0, le=0.5)] = 0.04
    """Of `images`: truncated, empty, text, flat, tiny, exact and near copies, unlabelled, an equal part each."""
    side: Annotated[int, Field(ge=16, le=256)] = 32
    """Of the pictures, in pixels."""


class PlantedDefect(NamedTuple):
    """A file that was spoiled on purpose."""

    path: str
    kind: str
    """One of glyph_plan.DEFECTS."""
    original: str | None
    """The file that it is a copy of."""


def planted_defects(params: GlyphsParams) -> list[PlantedDefect]:
    """What was planted, sorted by path. For tests and benchmarks: the pipeline has no way to know it."""
    return [PlantedDefect(slot.path, slot.kind, slot.original) for slot in _plan(params) if slot.kind != LETTER]


class GlyphsSource:
    """Draws what GlyphsParams describe, if that was not done before, and reads it."""

    def __init__(self, params: GlyphsParams) -> None:
        self.params = params
        self._drawn: FolderSource | None = None

    @property
    def origin(self) -> str:
        """That of the drawn folder."""
        return self._folder().origin

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every drawn file; see `Source.scan`.

        Raises:
            SetupError: the type faces are not there.
        """
        return self._folder().scan(earlier)

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths`."""
        return self._folder().contents(paths)

    def _folder(self) -> FolderSource:
        if self._drawn is None:
            folder = draw_glyphs(self.params)
            split_column = "split" if self.params.reference_images else None
            labels = CsvLabels(csv=str(folder / "labels.csv"), split_column=split_column)
            self._drawn = FolderSource(FolderParams(path=str(folder / "files"), labels=labels))
        return self._drawn


def drawn_folder(params: GlyphsParams, where: Path = DRAWN) -> Path:
    """Where `draw_glyphs` puts them.

    Raises:
        SetupError: the type faces are not there.
    """
    return where / _key(params, face_files(params.script))


def draw_glyphs(params: GlyphsParams, where: Path = DRAWN) -> Path:
    """Draw all files, whole or not at all, unless they stand there already.

    Returns:
        A folder with `files/` and `labels.csv`, below `where`.

    Raises:
        SetupError: the type faces are not there.
    """
    faces = face_files(params.script)
    folder = drawn_folder(params, where)
    if folder.is_dir():
        return folder
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "files").mkdir(parents=True)
    try:
        _draw(params, faces, draft)
        try:
            draft.rename(folder)
        except OSError:
            # Another process has drawn the same meanwhile.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _draw(params: GlyphsParams, faces: tuple[Path, ...], folder: Path) -> None:
    from genimg_core.sources.glyph_drawing import Pen

    script = SCRIPTS[params.script]
    pen = Pen(script.letters, faces, params.side, params.seed)
    slots = _plan(params)
    # Copies last: what they copy is there by then.
    with progress("drawing letters", len(slots)) as advance:
        for slot in sorted(slots, key=lambda slot: slot.original is not None):
            original = folder / "files" / (slot.original or slot.path)
            (folder / "files" / slot.path).write_bytes(pen.bytes_of(slot, original.read_bytes))
            advance(1)
    with (folder / "labels.csv").open("w", encoding="utf8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        splits = params.reference_images > 0
        writer.writerow(["file", "label", "split"] if splits else ["file", "label"])
        for slot in slots:
            label = "" if slot.kind == "unlabelled" else script.names[slot.letter]
            writer.writerow([slot.path, label, "test" if slot.reference else "train"] if splits else [slot.path, label])


def _plan(params: GlyphsParams) -> list[Slot]:
    return plan_glyphs(
        classes=len(SCRIPTS[params.script].letters),
        images=params.images,
        reference_images=params.reference_images,
        seed=params.seed,
        defect_share=params.defect_share,
    )


def _key(params: GlyphsParams, faces: tuple[Path, ...]) -> str:
    """A name for everything that the pictures depend on."""
    running = hashlib.sha256(params.model_dump_json().encode())
    for package in ("pillow", "numpy"):
        running.update(importlib.metadata.version(package).encode() + b"\0")
    for file in (*(Path(__file__).parent / name for name in _DRAWING_CODE), *faces):
        running.update(hashlib.sha256(file.read_bytes()).digest())
    return running.hexdigest()[:20]
