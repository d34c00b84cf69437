"""Entries of the memo that no run would look up: of images that are gone, of other settings, code or libraries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genimg_core.housekeeping.leftovers import Leftover
    from genimg_core.schema import Params


def unused_memories(root: Path, params: Params) -> Iterator[Leftover]:
    """One leftover for all of them.

    Raises:
        CorruptFileError: a data set's table cannot be read.
    """
    from genimg_core.housekeeping.leftovers import Leftover
    from genimg_core.stages.profile import MEMO_FILE, memo_key_of
    from genimg_core.store.memo import MEMO, count_unused, delete_unused

    file = root / MEMO / MEMO_FILE
    if not file.is_file():
        return
    keys = {memo_key_of(params.image, entry.profile) for entry in params.datasets.values()}
    images = _images_in_use(root, params)
    count, size = count_unused(file, keys, images)
    if count:
        yield Leftover("remembered figures of images or settings that are gone", count, size,
                       lambda: delete_unused(file, keys, images))


def _images_in_use(root: Path, params: Params) -> set[str]:
    from genimg_core.sources.scan import LISTINGS, LOCKS
    from genimg_core.store.manifest import read_arrow

    used: set[str] = set()
    for name in params.datasets:
        for path, column in ((root / LOCKS / name / "raw/manifest.parquet", "image_id"),
                             (root / LISTINGS / name / "listing.parquet", "sha256")):
            if path.is_file():
                used |= set(read_arrow(path, [column]).column(column).to_pylist()) - {None}
    return used
