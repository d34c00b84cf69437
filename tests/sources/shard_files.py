"""Small tars for tests."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import zstandard


def write_shard(path: Path, members: dict[str, bytes]) -> Path:
    """A tar of these members, packed where the name ends in .zst; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    data = stream.getvalue()
    path.write_bytes(zstandard.ZstdCompressor().compress(data) if path.suffix == ".zst" else data)
    return path
