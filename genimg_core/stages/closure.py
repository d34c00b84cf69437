"""Which of our own files a stage's result can depend on: the import closure of its module, read from the source.

dvc.yaml lists these files as the stage's code dependencies (a test compares), and the resume key and the memo's key
hash them.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def import_closure(module: str) -> tuple[Path, ...]:
    """Every file of genimg_core that `module` imports, directly or not, at the top or inside a function.

    And what those files read: their PACKAGE_DATA.

    Args:
        module: a dotted name, `genimg_core.stages.clean`.

    Returns:
        Absolute paths, sorted.
    """
    seen: set[Path] = set()
    waiting = [_file_of(module)]
    while waiting:
        path = waiting.pop()
        if path is None or path in seen:
            continue
        seen.add(path)
        if path.suffix == ".py":
            parsed = _parsed(path.read_text(encoding="utf8"))
            waiting.extend(_file_of(name) for name in parsed.imports)
            waiting.extend(path.parent / name for name in parsed.data)
    return tuple(sorted(seen))


def code_hash(module: str) -> str:
    """sha256 over the closure's file names and contents."""
    digest = hashlib.sha256()
    for path in import_closure(module):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class _Module:
    imports: tuple[str, ...]
    """Dotted names of ours, modules and what is in them."""
    data: tuple[str, ...]
    """Its PACKAGE_DATA."""
    has_code: bool
    """More than a docstring."""


@cache  # the stages share most of their files
def _parsed(source: str) -> _Module:
    tree = ast.parse(source)
    return _Module(tuple(_imported_names(tree)), tuple(_package_data(tree)),
                   any(not isinstance(node, ast.Expr) for node in tree.body))


def _package_data(tree: ast.Module) -> tuple[str, ...]:
    """The files that a module says it reads: a literal `PACKAGE_DATA = ("templates/page.css", …)`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "PACKAGE_DATA" for t in node.targets
        ):
            return ast.literal_eval(node.value)
    return ()


def _imported_names(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == PACKAGE.name]


def _file_of(module: str) -> Path | None:
    """The file of a module of ours; None for what is no module (a class, an empty package)."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    face = path / "__init__.py"
    return face if face.is_file() and _parsed(face.read_text(encoding="utf8")).has_code else None
