"""DVC's own formats, read without DVC: where its cache is, what lies in it, dvc.lock, and the run cache."""

from __future__ import annotations

import json
import re
from collections import deque
from pathlib import Path
from typing import Any

LARGEST_FILE = 64 * 2**20
"""Of what is read from a version: settings and reports are small."""


def cache_folder(root: Path) -> Path:
    """DVC's cache: `cache.dir` of its configuration, or `.dvc/cache`."""
    import configparser

    found = Path("cache")
    for name in ("config", "config.local"):
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            config.read(root / ".dvc" / name, encoding="utf8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        found = Path(config.get("cache", "dir", fallback=str(found)).strip("\"'"))
    return root / ".dvc" / found


class Runs:
    """DVC's run cache: what every stage's command made of which inputs, on this machine."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._made: dict[tuple[str, str], Path] = {}
        for file in sorted(cache.glob("runs/*/*/*"), key=lambda p: p.stat().st_mtime_ns):
            if file.suffix == ".tmp" or file.name.startswith("."):
                continue
            for output in _run(file).get("outs", ()):
                self._made[output["path"], output["md5"]] = file

    def models(self) -> list[tuple[str, str]]:
        """(path, md5) of every model that a run made."""
        return [key for key in self._made if key[0].startswith("data/models/")]

    def made(self, path: str) -> list[str]:
        """The md5 of everything that runs made at a path, the newest first."""
        return [md5 for known, md5 in reversed(self._made) if known == path]

    def folders(self) -> list[tuple[str, str]]:
        """(path, md5) of every model and every normalized data set that a run made, the newest first."""
        return [(path, md5) for path, md5 in reversed(self._made)
                if path.startswith("data/models/") or re.fullmatch(r"data/datasets/[^/]+/normalized", path)]

    def behind(self, path: str, md5: str) -> dict[str, str]:
        """The outputs of the run that made an output, and of all the runs before it that it rests on.

        The nearest run decides about a path: several runs may have made equal outputs (a choice that is pinned) of
        different inputs, and only the latest of them is known.
        """
        found = {path: md5}
        waiting = deque(found.items())
        while waiting:
            file = self._made.get(waiting.popleft())
            run = {} if file is None else _run(file)
            for output in run.get("outs", ()):
                found.setdefault(output["path"], output["md5"])
            for dep in run.get("deps", ()):
                key = dep["path"], dep["md5"]
                if key in self._made and dep["path"] not in found:
                    found[dep["path"]] = dep["md5"]
                    waiting.append(key)
        return found


def _run(file: Path) -> dict[str, Any]:
    tree = _yaml((small_bytes(file) or b"").decode("utf8", "replace"))
    sound = all(isinstance(e, dict) and {"path", "md5"} <= set(e) for k in ("outs", "deps") for e in tree.get(k, ()))
    return tree if sound else {}


def lock_outputs(text: str) -> dict[str, str]:
    """Path => md5 of every output that a dvc.lock names."""
    stages = _yaml(text).get("stages", {})
    return {output["path"]: output["md5"] for stage in stages.values() for output in stage.get("outs", ())
            if "md5" in output}


def _yaml(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe").load(text)
    except YAMLError:
        return {}
    return tree if isinstance(tree, dict) else {}


def files_of(cache: Path, md5: str) -> list[tuple[str, str]]:
    """(path inside, md5) of a folder's files."""
    try:
        return [(entry["relpath"], entry["md5"]) for entry in json.loads(cached_bytes(cache, md5) or b"[]")]
    except (ValueError, KeyError, TypeError):
        return []


def cached_bytes(cache: Path, md5: str) -> bytes | None:
    """A file of the cache; None where it is not there, or large."""
    found = place_of(cache, md5)
    return None if found is None else small_bytes(found)


def place_of(cache: Path, md5: str) -> Path | None:
    """Where DVC keeps what has this hash; None for what is no hash."""
    return cache / "files" / "md5" / md5[:2] / md5[2:] if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", md5) else None


def small_bytes(path: Path) -> bytes | None:
    """A file; None where there is none that can be read, or a large one."""
    try:
        return path.read_bytes() if path.stat().st_size <= LARGEST_FILE else None
    except OSError:
        return None
