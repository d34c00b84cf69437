"""Small images for tests, and a raw folder that holds them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genimg_core.store.manifest import MANIFEST_COLUMNS, write_table
from genimg_core.store.shards import write_shards


def photo(seed: int, width: int = 48, height: int = 48) -> Image.Image:
    """A smooth colourful picture: no two seeds look alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def write_raw(
    raw: Path,
    files: dict[str, bytes],
    labels: dict[str, str] | None = None,
    splits: dict[str, str] | None = None,
    refused: dict[str, str] | None = None,
) -> None:
    """What the collect stage would write.

    Args:
        raw: the folder.
        files: path -> bytes.
        labels: path -> label.
        splits: path -> split.
        refused: path -> reason, of files without bytes.
    """
    import pandas as pd

    placements = write_shards(raw / "shards", files.items())
    rows = []
    for path in sorted({*files, *(refused or {})}):
        data = files.get(path)
        image_id = hashlib.sha256(data).hexdigest() if data is not None else None
        place = placements[image_id] if image_id else None
        rows.append(
            {
                "image_id": image_id,
                "path": path,
                "bytes": len(data or b""),
                "label": (labels or {}).get(path),
                "split": (splits or {}).get(path),
                "reason": (refused or {}).get(path),
                "detail": None,
                "shard": place.shard if place else None,
                "offset": place.offset if place else -1,
            }
        )
    write_table(pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS)), raw / "manifest.parquet")


def run_profile(raw: Path, out: Path, image: Any, settings: Any = None) -> Any:
    """The profile stage with a report folder inside `out`."""
    from genimg_core.stages.profile import ProfileParams, profile

    (out / "report").mkdir(parents=True)
    return profile(
        name="base", raw=raw, profile=out, report=out / "report", image=image, settings=settings or ProfileParams()
    )
