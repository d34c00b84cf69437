"""The stages that dvc.yaml makes of params.yaml's names, and what each needs. (Read here: importing dvc takes seconds.)

As far as this project's dvc.yaml goes: `foreach` over mappings; `${key}`, `${item.x}` and `${a.b}` of params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from genimg_core import params as params_file
from genimg_core.errors import SetupError

_TEMPLATE = re.compile(r"\$\{([a-z_.]+)\}")


def stage_instances(root: Path = Path()) -> dict[str, tuple[str, ...]]:
    """`clean@base` and so on, in the order of dvc.yaml => the instances that each reads from.

    Raises:
        ParamsError: params.yaml cannot be read, or lacks what a template names.
        SetupError: dvc.yaml cannot be read.
    """
    tree = params_file.read(root / params_file.PARAMS_FILE)
    reads: dict[str, list[str]] = {}
    writes: dict[str, list[str]] = {}
    wiring = _wiring(root / "dvc.yaml")
    for name, body, scope in _instances(wiring["stages"], _usual(wiring) | tree):
        reads[name] = [_filled(str(path), scope) for path in body.get("deps", ())]
        written = (*body.get("outs", ()), *body.get("metrics", ()))
        writes[name] = [_filled(str(path), scope) for path in written]
    makers = _makers(writes)
    needed = {name: makers(paths) - {name} for name, paths in reads.items()}
    return {name: tuple(other for other in writes if other in before) for name, before in needed.items()}


def _makers(writes: dict[str, list[str]]) -> Callable[[list[str]], set[str]]:
    """Paths => who writes one of them, something in it, or the folder that it lies in."""
    at: dict[PurePosixPath, set[str]] = {}
    within: dict[PurePosixPath, set[str]] = {}
    for name, paths in writes.items():
        for path in map(PurePosixPath, paths):
            at.setdefault(path, set()).add(name)
            for place in (path, *path.parents):
                within.setdefault(place, set()).add(name)

    def makers(paths: list[str]) -> set[str]:
        found: set[str] = set()
        for path in map(PurePosixPath, paths):
            found |= within.get(path, set()).union(*(at.get(parent, ()) for parent in path.parents))
        return found

    return makers


def needed_for(targets: Iterable[str], instances: dict[str, tuple[str, ...]]) -> set[str]:
    """The instances that `dvc repro TARGET…` looks at: the targets (`clean` is each `clean@…`) and all they need."""
    wanted: set[str] = set()
    waiting = [name for name in instances for target in targets if target in (name, name.partition("@")[0])]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(instances[name])
    return wanted


def _wiring(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        wiring = YAML(typ="safe").load(path.read_text(encoding="utf8"))
        return {"stages": wiring["stages"], "vars": wiring.get("vars", [])}
    except (OSError, YAMLError, UnicodeDecodeError, TypeError, KeyError):
        raise SetupError(f"{path} cannot be read", "bring it back with `git checkout dvc.yaml`") from None


def _usual(wiring: dict[str, Any]) -> dict[str, Any]:
    """What `vars` of dvc.yaml sets for a params.yaml that does not name it: sections that came later."""
    return {key: value for entry in wiring["vars"] for key, value in entry.items()}


def _instances(blocks: dict[str, Any], tree: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any], dict[str, Any]]]:
    for stage, block in blocks.items():
        if "foreach" not in block:
            yield stage, block, tree
            continue
        entries = params_file.lookup(tree, _TEMPLATE.fullmatch(block["foreach"])[1])
        for key, item in entries.items():
            yield f"{stage}@{key}", block["do"], tree | {"key": key, "item": item}


def _filled(text: str, scope: dict[str, Any]) -> str:
    return _TEMPLATE.sub(lambda match: str(params_file.lookup(scope, match[1])), text)
