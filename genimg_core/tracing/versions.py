"""Everything this project has kept of its outputs: the folders as they stand, git's dvc.lock files, DVC's run cache.

A version is a set of outputs that belong together. Names of files in it come from this project alone, never from the
picture that is traced. DVC's own formats are read by dvc_cache.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from genimg_core.tracing.dvc_cache import (
    Runs,
    cache_folder,
    cached_bytes,
    files_of,
    lock_outputs,
    place_of,
    small_bytes,
)

LOCK = "dvc.lock"
_LEARNED_OUT = re.compile(r"- path: (data/models/[a-z][a-z0-9_]*|data/datasets/[a-z][a-z0-9_]*/normalized)\n"
                          r"\s+hash: md5\n\s+md5: ([0-9a-f]{32}\.dir)")
_MODEL_OUT = re.compile(r"- path: (data/models/[a-z][a-z0-9_]*)\n\s+hash: md5\n\s+md5: ([0-9a-f]{32}\.dir)")


class Version(Protocol):
    """Outputs that belong together."""

    revision: str | None
    """Of git, where it has one."""

    @property
    def told(self) -> str:
        """Where it is, in words."""
        ...

    @property
    def remedy(self) -> str | None:
        """How to bring it back; None where it stands here."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file (relative to the project, forward slashes); None where there is none."""
        ...

    def models(self) -> list[str]:
        """The names of the models in it."""
        ...


class Present:
    """The folders as they stand."""

    revision = None
    told = "in the folders here"
    remedy = None

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """A file on disk."""
        return small_bytes(self.root / path)

    def place(self, path: str) -> Path | None:
        """Where a file lies; None where there is none."""
        return self.root / path if (self.root / path).is_file() else None

    def models(self) -> list[str]:
        """The folders that hold one."""
        return sorted(p.parent.name for p in (self.root / "data/models").glob("*/settings.json"))


class Kept:
    """Outputs named by their hashes, the bytes in DVC's cache.

    Args:
        root: the project.
        cache: DVC's cache.
        outputs: path => md5; a folder's ends in `.dir`.
        revision: of git, if a commit names them.
    """

    def __init__(self, root: Path, cache: Path, outputs: dict[str, str], revision: str | None) -> None:
        self.root, self.cache, self.outputs, self.revision = root, cache, outputs, revision

    @property
    def told(self) -> str:
        """The commit, or the run cache."""
        return f"git revision {self.revision[:12]}" if self.revision else "DVC's run cache"

    @property
    def remedy(self) -> str:
        """Commands."""
        if self.revision:
            return f"git checkout {self.revision[:12]} dvc.lock params.yaml && dvc checkout"
        return "put params.yaml (and the code, if it changed) back as they were; `genimg run` then restores it"

    def read(self, path: str) -> bytes | None:
        """A file out of the cache; one that is no output, out of git."""
        if any(path == output or path.startswith(f"{output}/") for output in self.outputs):
            found = self.place(path)
            return None if found is None else small_bytes(found)
        return _git(self.root, "show", f"{self.revision}:./{path}") if self.revision else None

    def place(self, path: str) -> Path | None:
        """Where a file of an output lies in the cache (not to be written to); None where it is not there."""
        for output, md5 in self.outputs.items():
            if path == output or path.startswith(f"{output}/"):
                inside = md5 if path == output else dict(files_of(self.cache, md5)).get(path[len(output) + 1:], "")
                found = place_of(self.cache, inside)
                return found if found is not None and found.is_file() else None
        return None

    def models(self) -> list[str]:
        """Of `data/models/*`."""
        return sorted(path.rpartition("/")[2] for path in self.outputs if path.startswith("data/models/"))


@dataclass
class Unreadable:
    """Where a version may have been, had it been kept."""

    places: list[str]


def versions_with(root: Path, model_sha256: str, unreadable: Unreadable) -> Iterator[tuple[Version, str]]:
    """Versions that hold the model of that hash, and the model's name in each: present, git's newest first, run cache.

    Args:
        root: the project.
        model_sha256: of the model's settings.
        unreadable: gets the places that could not be looked into.
    """
    present = Present(root)
    for name in present.models():
        if settings_of(present, name).get("sha256") == model_sha256:
            yield present, name
    cache = cache_folder(root)
    known: dict[str, str] = {}
    for revision in (_git(root, "log", "--all", "--format=%H", "--", LOCK) or b"").decode().split():
        text = (_git(root, "show", f"{revision}:./{LOCK}") or b"").decode("utf8", "replace")
        for path, md5 in dict(_MODEL_OUT.findall(text)).items():
            if md5 not in known:
                known[md5] = _model_hash(cache, md5)
                if not known[md5]:
                    unreadable.places.append(f"{path} of git revision {revision[:12]} is not in DVC's cache here")
            if known[md5] == model_sha256:
                yield Kept(root, cache, lock_outputs(text), revision), path.rpartition("/")[2]
    runs = Runs(cache)
    for path, md5 in runs.models():
        if known.setdefault(md5, _model_hash(cache, md5)) == model_sha256:
            yield Kept(root, cache, runs.behind(path, md5), None), path.rpartition("/")[2]


def committed(root: Path) -> Iterator[Kept]:
    """The versions that the dvc.lock files of git's history name, from HEAD backwards."""
    for revision in (_git(root, "log", "--format=%H", "--", LOCK) or b"").decode().split():
        version = at_revision(root, revision)
        if version is not None:
            yield version


def at_revision(root: Path, revision: str) -> Kept | None:
    """The version that a revision's dvc.lock names; None where git knows no such revision, or no dvc.lock in it.

    Args:
        root: the project.
        revision: whatever git takes for one.
    """
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found is None:
        return None
    full = found.decode().strip()
    text = _git(root, "show", f"{full}:./{LOCK}")
    return None if text is None else Kept(root, cache_folder(root), lock_outputs(text.decode("utf8", "replace")), full)


def present_outputs(root: Path) -> dict[str, str]:
    """Path => md5 of the outputs as dvc.lock names them now; empty where nothing has run."""
    return lock_outputs((small_bytes(root / LOCK) or b"").decode("utf8", "replace"))


@dataclass(frozen=True)
class KeptFolder:
    """One version of an output folder."""

    path: str
    """`data/models/M` or `data/datasets/D/normalized`."""
    found: str
    """Where this version is, in words."""
    reader: Callable[[str], bytes | None]

    def read(self, name: str) -> bytes | None:
        """A file in it; None where there is none, or where it is not kept."""
        return self.reader(name)


def every_folder(root: Path) -> Iterator[KeptFolder]:
    """Every kept version of the folders of models and of normalized data sets: present, git's newest first, run cache.

    Args:
        root: the project.
    """
    present = Present(root)
    for settings in sorted([*root.glob("data/models/*/settings.json"),
                            *root.glob("data/datasets/*/normalized/settings.json")]):
        path = settings.parent.relative_to(root).as_posix()
        yield KeptFolder(path, present.told, lambda name, path=path: present.read(f"{path}/{name}"))
    cache = cache_folder(root)
    seen: set[tuple[str, str]] = set()

    def kept(path: str, md5: str, found: str) -> Iterator[KeptFolder]:
        if (path, md5) not in seen:
            seen.add((path, md5))
            inside = dict(files_of(cache, md5))
            yield KeptFolder(path, found, lambda name: cached_bytes(cache, inside.get(name, "")))

    for revision in (_git(root, "log", "--all", "--format=%H", "--", LOCK) or b"").decode().split():
        text = (_git(root, "show", f"{revision}:./{LOCK}") or b"").decode("utf8", "replace")
        for path, md5 in _LEARNED_OUT.findall(text):
            yield from kept(path, md5, f"git revision {revision[:12]}")
    for path, md5 in Runs(cache).folders():
        yield from kept(path, md5, "DVC's run cache")


def settings_of(version: Version, model: str) -> dict[str, Any]:
    """A model's settings.json, empty if there is none or its hash is not its own."""
    tree = as_json(version.read(f"data/models/{model}/settings.json"))
    return tree if tree.get("sha256") == own_hash(tree) else {}


def as_json(data: bytes | None) -> dict[str, Any]:
    """A JSON object, empty where it is none."""
    try:
        tree = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _model_hash(cache: Path, md5: str) -> str:
    settings = as_json(cached_bytes(cache, dict(files_of(cache, md5)).get("settings.json", "")))
    return settings.get("sha256", "") if settings and settings.get("sha256") == own_hash(settings) else ""


def own_hash(settings: dict[str, Any]) -> str:
    """As `ModelSettings.hashed`, without torch."""
    import hashlib

    tree = settings | {"sha256": ""}
    return hashlib.sha256(json.dumps(tree, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _git(root: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
