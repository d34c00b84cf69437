"""Writes the code dependencies of each stage into dvc.yaml: the import closure of the stage's module.

python tools/wiring.py            write
python tools/wiring.py --check    exit 1 and name the stages whose list is not the closure
"""

from __future__ import annotations

import sys
from pathlib import Path

from ruamel.yaml import YAML

from genimg_core.stages.closure import import_closure
from genimg_core.stages.runner import STAGES

ROOT = Path(__file__).resolve().parent.parent


def code_deps(stage: str) -> list[str]:
    """The closure of a stage's module, as dvc.yaml writes it: relative to the root, sorted."""
    return [path.relative_to(ROOT).as_posix() for path in import_closure(STAGES[stage])]


def rewire(tree: dict) -> list[str]:
    """Put the closures into `tree`; return the stages that changed."""
    changed = []
    for stage, block in tree["stages"].items():
        body = block.get("do", block)
        data = [dep for dep in body["deps"] if not str(dep).startswith("genimg_core/")]
        wanted = data + code_deps(stage)
        if list(body["deps"]) != wanted:
            changed.append(stage)
            body["deps"][:] = wanted
    return changed


def main() -> int:
    """Write or check."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    path = ROOT / "dvc.yaml"
    tree = yaml.load(path.read_text(encoding="utf8"))
    changed = rewire(tree)
    if "--check" in sys.argv:
        if changed:
            print(
                f"dvc.yaml lists other code than these stages import: {', '.join(changed)}; `make wiring` mends it",
                file=sys.stderr,
            )
        return 1 if changed else 0
    with path.open("w", encoding="utf8") as stream:
        yaml.dump(tree, stream)
    print(f"dvc.yaml: {', '.join(changed) or 'nothing to change'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
