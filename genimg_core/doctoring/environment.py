"""Python, its packages, and the commands that the stages call."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from genimg_core.doctoring.finding import Finding

LOCK = Path("requirements.lock")
PARSERS = {"antlr4-python3-runtime": "4.13", "hydra-core": "1.4.", "omegaconf": "2.4."}
"""Distribution -> how its version must begin, for Dagster and DVC to live together (dagster#27487)."""
NEEDED = ("dvc", "torch", "torchvision", "great-expectations", "pandas", "pyarrow", "numpy", "scipy", "pillow",
          "matplotlib", "pebble", "pydantic", "ruamel-yaml", "safetensors", "threadpoolctl", "jinja2", "rich",
          "dagster", "dagster-webserver")
"""Without one of these a stage or a door does not work; what else the lock names serves tests."""
SET_UP = "run `make setup` (it makes .venv from requirements.lock)"
_SHOWN = 4


def python(root: Path) -> Iterator[Finding]:
    """The version that the lock is for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        yield Finding("ok", "Python", f"{version}, {sys.executable}")
    else:
        yield Finding("problem", "Python", f"{version}; requirements.lock is for 3.11",
                      "install Python 3.11, remove .venv and run `make setup`")


def packages(root: Path) -> Iterator[Finding]:
    """What is installed against requirements.lock."""
    if not (root / LOCK).is_file():
        yield Finding("warning", "packages", f"there is no {LOCK} to compare with", "bring it back from git")
        return
    lines = (root / LOCK).read_text(encoding="utf8", errors="replace").splitlines()
    pins = dict(line.split("==", 1) for line in map(str.strip, lines) if "==" in line and not line.startswith("#"))
    installed = _installed()
    wrong = {_plain(name): (wanted, installed.get(_plain(name))) for name, wanted in pins.items()
             if installed.get(_plain(name)) != wanted}
    missing = [name for name in NEEDED if name not in installed]
    if missing:
        yield Finding("problem", "packages", f"not installed: {', '.join(missing)}", SET_UP)
    others = {name: pair for name, pair in wrong.items() if name not in missing}
    if others:
        told = ", ".join(f"{name} {have or 'missing'} (locked: {wanted})"
                         for name, (wanted, have) in list(others.items())[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        yield Finding("warning", "packages", f"{len(others)} of {len(pins)} differ from {LOCK}: {told}{more}", SET_UP)
    if not missing and not others:
        yield Finding("ok", "packages", f"all {len(pins)} as {LOCK} has them")


def parsers(root: Path) -> Iterator[Finding]:
    """DVC's and Dagster's parsers: with the wrong pair Dagster's selections die without a clear word."""
    installed = _installed()
    wrong = [f"{name} {installed[name]}" for name, start in PARSERS.items()
             if name in installed and not installed[name].startswith(start)]
    if wrong:
        pins = " ".join(f"{name} {start.rstrip('.')}" for name, start in PARSERS.items())
        yield Finding("problem", "parsers", f"{', '.join(wrong)}: Dagster's asset selections will fail ({pins} agree)",
                      SET_UP)
    else:
        yield Finding("ok", "parsers", "Dagster's and DVC's agree")


def commands(root: Path) -> Iterator[Finding]:
    """`genimg` and `dvc` beside this Python, and the same ones on the PATH."""
    here = Path(sys.executable).parent
    absent = [name for name in ("genimg", "dvc") if not (here / name).exists()]
    if absent:
        yield Finding("problem", "commands", f"{' and '.join(absent)} not beside this Python ({here})", SET_UP)
        return
    other = {name: shutil.which(name) for name in ("genimg", "dvc")}
    wrong = [f"{name} is {found or 'not on the PATH'}" for name, found in other.items()
             if found is None or Path(found).parent.resolve() != here.resolve()]
    if wrong:
        yield Finding("warning", "commands", f"{', '.join(wrong)}: `genimg run` is not touched by it, a bare "
                      "`dvc repro` is", f"source {here / 'activate'}")
    else:
        yield Finding("ok", "commands", f"genimg and dvc of {here}")


def _installed() -> dict[str, str]:
    """Plain distribution name -> version; the first on the path counts."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        about = distribution.metadata  # parsed anew by each question
        name = about["Name"] if about else None
        if name:
            found.setdefault(_plain(name), about["Version"])
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
