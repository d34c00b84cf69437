"""What `.genimg` keeps of an image that must be forgotten: its downloaded file, and pictures that may show it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from genimg_core.decisions.files import decisions_file, read_forgotten
from genimg_core.decisions.images import datasets_of, known_images
from genimg_core.errors import DecisionsError

STATE = Path(".genimg")


def used_by(image_id: str, root: Path = Path()) -> list[str]:
    """The data sets that hold the image and have not forgotten it."""
    found = []
    for name in datasets_of(root / "params.yaml"):
        try:
            known = image_id in known_images(name, root).paths
        except DecisionsError:  # nothing was scanned yet
            continue
        if known and image_id not in read_forgotten(decisions_file(name, "forgotten", root)):
            found.append(name)
    return found


def drop_file(image_id: str, root: Path = Path()) -> int:
    """Remove its downloaded file (files are named by their sha256: equal bytes are one file, for all URLs).

    Returns:
        Its bytes; 0 if there was none.
    """
    from genimg_core.sources.downloads.blobs import STORE, BlobStore

    return BlobStore(root / STORE).forget(image_id)


def drop_forgotten_files(datasets: Iterable[str], root: Path = Path()) -> int:
    """After a scan, which may have fetched a forgotten image once more (into a new store): how many files went."""
    from genimg_core.sources.downloads.blobs import STORE, BlobStore

    store = BlobStore(root / STORE)
    wanted = {image_id for name in datasets for image_id in read_forgotten(decisions_file(name, "forgotten", root))
              if store.holds(image_id)}
    return sum(bool(drop_file(image_id, root)) for image_id in sorted(wanted) if not used_by(image_id, root))


def drop_pictures(dataset: str, root: Path = Path()) -> list[Path]:
    """Remove comparisons and failed gates' reports of a data set, whose pictures may show it; what there was."""
    gates = root / STATE / "gates"
    folders = [root / STATE / "drift" / dataset,
               *sorted(gates.glob(f"*-{dataset}"))]
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        shutil.rmtree(folder)
    return there
