"""git and DVC: set up, safe settings, locks that nobody holds any more."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genimg_core.doctoring.finding import Finding

IGNORED = (".gitignore", "__pycache__", ".genimg")
"""Lines that .dvcignore needs: DVC and Python write these into folders that stages depend on."""
DEEP_LIMIT_S = 600


def git(root: Path) -> Iterator[Finding]:
    """Installed, a repository, a first commit."""
    if shutil.which("git") is None:
        yield Finding("problem", "git", "is not installed", "install git (DVC keeps its versions beside git's)")
        return
    if _git(root, "rev-parse", "--is-inside-work-tree").returncode:
        yield Finding("problem", "git", f"{root} is in no repository", "run `git init`, or clone the project again")
    elif _git(root, "rev-parse", "HEAD").returncode:
        yield Finding("warning", "git", "a repository without a commit", "run `git add -A` and `git commit`")
    else:
        branch = _git(root, "rev-parse", "--abbrev-ref", "HEAD").stdout.strip()
        tracked = _git(root, "ls-files", "--error-unmatch", "dvc.lock").returncode == 0
        yield Finding("ok", "git", f"a repository on {branch}; dvc.lock is {'' if tracked else 'not '}committed")


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, errors="replace", check=False,
                          stdin=subprocess.DEVNULL)


def dvc_setup(root: Path) -> Iterator[Finding]:
    """The folder, its settings, .dvcignore; the remote for information."""
    if not (root / ".dvc").is_dir():
        yield Finding("problem", "DVC", "is not set up here",
                      "run `dvc init` (`dvc init --subdir` below the root of a git repository)")
        return
    settings = _settings(root)
    core, cache = settings.get("core", {}), settings.get("cache", {})
    if core.get("analytics", "true").lower() != "false":
        yield Finding("warning", "DVC", "sends usage statistics", "run `dvc config core.analytics false`")
    kinds = [kind.strip(" \"") for kind in cache.get("type", "reflink,copy").split(",")]
    if unsafe := [kind for kind in kinds if kind in ("hardlink", "symlink")]:
        yield Finding("problem", "DVC", f"cache.type has {', '.join(unsafe)}: a change of an output in place would "
                      "change the cached version, unseen", "run `dvc config cache.type reflink,copy`")
    ignored = root / ".dvcignore"
    lines = ignored.read_text(encoding="utf8", errors="replace").split() if ignored.is_file() else []
    if absent := [line for line in IGNORED if line not in lines]:
        yield Finding("warning", "DVC", f".dvcignore lacks {', '.join(absent)}: stages go stale by themselves",
                      f"add {'these lines' if len(absent) > 1 else 'the line'} to .dvcignore")
    if not unsafe and not absent:
        yield Finding("ok", "DVC", f"cache.type {', '.join(kinds)}")
    remotes = sorted(name[9:-2] for name in settings if name.startswith("'remote \""))
    default = core.get("remote")
    told = f"{', '.join(remotes)}{f', by default {default}' if default else ''}" if remotes else \
        "none: data and models are only on this machine (`dvc remote add -d NAME URL` would keep them elsewhere too)"
    yield Finding("information", "DVC remote", told)


def _settings(root: Path) -> dict[str, dict[str, str]]:
    """.dvc/config, overruled by config.local."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    for name in ("config", "config.local"):
        parser.read(root / ".dvc" / name, encoding="utf8")
    return {section: dict(parser[section]) for section in parser.sections()}


def locks(root: Path) -> Iterator[Finding]:
    """Who holds DVC's locks; an entry of a process that is gone, or is another by now."""
    folder = root / ".dvc" / "tmp"
    if not folder.is_dir():
        yield Finding("ok", "locks", "none")
        return
    path = folder / "rwlock"
    try:
        tree = json.loads(path.read_text(encoding="utf8")) if path.is_file() else {}
        holders = _holders(tree)
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        yield Finding("problem", "locks", f"{path} cannot be read: every dvc will stop at it",
                      f"see that no dvc is running, then delete {path}")
        return
    alive = {pid: command for pid, command in holders.items() if _words(pid) is not None}
    foreign = {pid: command for pid, command in alive.items() if not _is_dvc(pid)}
    working = sorted(set(alive) - set(foreign))
    if foreign:
        pid, command = next(iter(foreign.items()))
        yield Finding("problem", "locks", f"{path} names process {pid} ({command}), which is another program by now: "
                      "dvc would wait for it", f"delete {path}")
    if dead := sorted(set(holders) - set(alive)):
        yield Finding("information", "locks", f"left by a dvc that is gone ({_listed(dead)}): the next one removes it")
    if working:
        yield Finding("information", "locks", f"a dvc is at work here ({_listed(working)})")
    if not holders:
        yield Finding("ok", "locks", "none is held")


def _holders(tree: dict[str, Any]) -> dict[int, str]:
    """Process -> its command, of every entry of an rwlock file."""
    found = {}
    for infos in [*tree.get("write", {}).values(), *tree.get("read", {}).values()]:
        for info in infos if isinstance(infos, list) else [infos]:
            if info:
                found[int(info["pid"])] = str(info["cmd"])
    return found


def _listed(pids: list[int]) -> str:
    return f"process{'es' if len(pids) > 1 else ''} {', '.join(map(str, pids))}"


def _words(pid: int) -> list[str] | None:
    """The command line of a process; None if there is none of that number."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return [word.decode("utf8", "replace") for word in raw.split(b"\0") if word]


def _is_dvc(pid: int) -> bool:
    return any(Path(word).name in ("dvc", "dvc.py") or "/dvc/" in word for word in _words(pid) or [])


def outputs(root: Path) -> Iterator[Finding]:
    """`dvc status`: what differs from dvc.lock (slow; only with --deep)."""
    from genimg_core.repro import dvc_command, environment

    if not (root / "dvc.lock").is_file():
        yield Finding("information", "outputs", "nothing has run yet")
        return
    done = subprocess.run(dvc_command("status", "--json"), cwd=root, env=environment(), capture_output=True, text=True,
                          errors="replace", check=False, stdin=subprocess.DEVNULL, timeout=DEEP_LIMIT_S)
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no word"])[-1]
        yield Finding("problem", "outputs", f"dvc status failed: {told}", "`dvc status --verbose` tells more")
        return
    stale = json.loads(done.stdout or "{}")
    if stale:
        yield Finding("information", "outputs", f"{len(stale)} stages are not up to date ({', '.join(list(stale)[:4])}"
                      f"{', …' if len(stale) > 4 else ''}): `genimg run` brings them")
    else:
        yield Finding("ok", "outputs", "all as dvc.lock has them")
