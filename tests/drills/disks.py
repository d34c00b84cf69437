"""Small disks, full disks, and folders that may not be written."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096


def _mount(*words: str) -> bool:
    """Whether it was allowed: it takes root, and not every container's."""
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """`folder` as a disk of `size` bytes; yields whether it is one."""
    folder.mkdir(exist_ok=True)
    mounted = _mount("-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path, room: int) -> Iterator[None]:
    """The disk of `folder` with only `room` bytes left."""
    filler = folder / ".filler"
    left = os.statvfs(folder)
    with filler.open("wb") as stream:
        stream.write(bytes(max(0, left.f_bavail * left.f_frsize - room) // PAGE * PAGE))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path, by_mount: bool) -> Iterator[None]:
    """Nothing below `folder` can be written: by its mount where that is allowed, else by the modes."""
    if by_mount and _mount("--bind", str(folder), str(folder)):
        try:
            assert _mount("-o", "remount,ro,bind", str(folder))
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(stat.S_IRWXU)


def bytes_of(*places: Path) -> int:
    """What they take on a disk."""
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    return sum(-(-file.stat().st_size // PAGE) * PAGE for file in files)


def moved_onto(disk: Path, project: Path) -> None:
    """Copy a project's files onto a disk that stands at its place."""
    for path in project.iterdir():
        shutil.copytree(path, disk / path.name) if path.is_dir() else shutil.copy2(path, disk / path.name)
