"""Outputs of data sets and models that params.yaml no longer has: DVC leaves them where they are.

What people wrote stays: decisions, and source.lock. DVC's cache stays too: an earlier commit brings them back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genimg_core.schema import Params

DATASET_OUTPUTS = ("raw", "profile", "validated", "clean", "labels", "normalized")


def outputs_of_removed_entries(root: Path, params: Params, instances: Collection[str]) -> Iterator[Path]:
    """Folders and files.

    Args:
        root: the project.
        params: what there is.
        instances: of stages, `clean-base`.
    """
    models = {*params.pretrain, *params.finetune}
    for folder in _inside(root / "data/datasets"):
        if folder.name not in params.datasets:
            yield from (folder / name for name in DATASET_OUTPUTS if (folder / name).exists())
    for place, names in (("models", models), ("samples", params.generate), ("evaluation", params.generate)):
        yield from (path for path in _inside(root / "data" / place) if path.name not in names)
    for place in ("reports", "metrics"):
        for path in _inside(root / "data" / place):
            stage, hyphen, _ = path.name.removesuffix(".json").partition("-")
            if hyphen and f"{stage}-{path.name.removesuffix('.json').partition('-')[2]}" not in instances:
                yield path


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
