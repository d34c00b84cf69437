"""What the command line says of one data set, and the names that its files have. Nothing is decoded here."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from genimg_core.configuring.idx_parts import IDX_NAME
from genimg_core.errors import SourceError
from genimg_core.sources.archive import ArchiveParams
from genimg_core.sources.safe_archive import Limits, read_members
from genimg_core.sources.source import IGNORED_NAMES, text_of

NO_CSV = "folders"
"""The word for `--base-labels` that asks for no CSV."""

_GENERIC = frozenset("images image imgs img pictures pics photos files data dataset raw train training all".split())
"""Folder names that say nothing of what lies in them: the folder above names the model."""
_YAML_WORDS = frozenset("null true false yes no on off y n".split())
_ARCHIVE_SUFFIXES = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))$", re.IGNORECASE)
_LONGEST_NAME = 32


@dataclass(frozen=True)
class Request:
    """One data set as it was asked for."""

    dataset: str
    """Its name in params.yaml: base or target."""
    place: str
    """A folder, an archive or an IDX file, as typed."""
    labels: str | None = None
    """A CSV; `folders` for no CSV; None to look for one."""
    label_column: str | None = None
    file_column: str | None = None
    where: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    """The model's, where the user chose it."""

    @property
    def path(self) -> Path:
        """The place, `~` resolved."""
        return Path(self.place).expanduser()


def names_in(place: Path) -> list[str]:
    """The files of a folder or archive: posix paths relative to it, sorted; their bytes are not read.

    Raises:
        SourceError: there is nothing of that name, it is a file that is no archive, or nothing lies in it.
    """
    if not os.path.exists(place):
        raise SourceError(f"there is no folder or archive {place}", "name the folder that your images lie in")
    if os.path.isdir(place):
        found = _names_in_folder(place)
    elif _is_picture(place):
        raise SourceError(f"{place} is one image, not a folder or archive", "name the folder that it lies in")
    else:
        defaults = ArchiveParams(path=str(place))
        limits = Limits(defaults.max_total_bytes, defaults.max_members, defaults.max_compression_ratio)
        found = [member.path for member in read_members(place, limits)]
    found = sorted(path for path in found if path.rpartition("/")[2] not in IGNORED_NAMES)
    if not found:
        raise SourceError(f"{place} holds no files", "name the folder that your images lie in")
    return found


def _is_picture(place: Path) -> bool:
    return place.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def _names_in_folder(root: Path) -> list[str]:
    found = []
    for folder, _, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        found += [text_of((inside / file).as_posix()) for file in files]
    return found


def is_text(name: str) -> bool:
    """Whether a file lies beside images to say something of them."""
    return PurePosixPath(name).suffix.lower() in {".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".html", ".xml",
                                                  ".yaml", ".yml"}


def common_folder(names: list[str]) -> str:
    """The folder that everything lies in, if labels can only be told below it; else empty.

    `photos/cat/1.png` and `photos/dog/2.png` have `photos` in common: without it they would all be of the class
    `photos`. What macOS adds to a zip does not count.
    """
    names = [name for name in names if not name.startswith("__MACOSX/")]
    common: list[str] = []
    while True:
        prefix = "/".join([*common, ""]) if common else ""
        firsts = Counter(name[len(prefix):].partition("/")[0::2] for name in names)
        heads = {head for head, _ in firsts}
        deeper = any("/" in rest for _, rest in firsts)
        flat = any(not rest for _, rest in firsts)
        if len(heads) != 1 or flat or not deeper:
            return "/".join(common)
        common.append(heads.pop())


def shown_path(path: Path, root: Path) -> str:
    """A path as params.yaml has it: relative to the project for what lies inside it, else absolute."""
    full = Path(os.path.abspath(path))
    try:
        return full.relative_to(os.path.abspath(root)).as_posix() or "."
    except ValueError:
        return full.as_posix()


def model_name(place: Path, taken: frozenset[str] = frozenset()) -> str:
    """A name for the model of a folder: `../My Photos/images` gives `my_photos`.

    Args:
        place: the folder or archive.
        taken: names that it must not have.
    """
    parts = [IDX_NAME.sub(r"\g<part>", _ARCHIVE_SUFFIXES.sub("", part))
             for part in Path(os.path.abspath(place)).parts[1:]]
    slugs = [slug for slug in map(_slug, reversed(parts)) if slug]
    name = next((slug for slug in slugs if slug not in _GENERIC), slugs[0] if slugs else "images")
    if name in _YAML_WORDS:
        name = f"set_{name}"
    wanted, number = name, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_LONGEST_NAME].rstrip("_")
    return slug if not slug or slug[0].isalpha() else f"set_{slug}"
