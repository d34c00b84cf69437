"""IDX files as they are usually named: `train-images-idx3-ubyte.gz` and what lies beside it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from genimg_core.sources.idx_file import looks_like_idx
from genimg_core.sources.source import IGNORED_NAMES

IDX_NAME = re.compile(r"^(?P<part>.*?)[-_.]?(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?$", re.IGNORECASE)

_TEST = re.compile(r"(^|[^a-z])(t10k|test)($|[^a-z])", re.IGNORECASE)
_MOST_FILES = 64


def idx_parts(place: Path) -> dict[str, dict[str, str]] | None:
    """Part -> its `images` and `labels` files, as a source of kind `idx` names them; None for anything else.

    Args:
        place: a file of images, which becomes the part `all`; or a folder that holds nothing but such files: one of
            images for training, and maybe one for testing.
    """
    if os.path.isfile(place):
        return {"all": _pair(place)} if looks_like_idx(place) else None
    images = _images_in(place)
    tests = [path for path in images if _TEST.search(path.name)]
    others = [path for path in images if path not in tests]
    if len(others) != 1 or len(tests) > 1:
        return None
    if not tests:
        return {"all": _pair(others[0])}
    return {"train": _pair(others[0]), "test": _pair(tests[0])}


def _images_in(folder: Path) -> list[Path]:
    """Its files of images, the unpacked one where both are there; none if another file lies there."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name not in IGNORED_NAMES)
    except OSError:
        return []
    found = [IDX_NAME.match(name) for name in names]
    if not all(found) or len(found) > _MOST_FILES:
        return []
    images = [folder / match[0] for match in found if match["what"].lower() == "images"]
    kept = [path for path in images if path.suffix != ".gz" or path.with_suffix("") not in images]
    return kept if all(looks_like_idx(path) for path in kept) else []


def _pair(images: Path) -> dict[str, str]:
    name = re.sub("images([-.])idx3", r"labels\1idx1", images.name)
    plain = name.removesuffix(".gz")
    beside = [images.with_name(one) for one in (name, plain, f"{plain}.gz")]
    labels = next((path for path in beside if path != images and path.is_file()), None)
    return {"images": str(images)} | ({"labels": str(labels)} if labels else {})
