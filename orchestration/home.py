"""DAGSTER_HOME: where Dagster keeps its records. Absolute, in the project, ignored by git and DVC."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FOLDER = ".dagster"
TEMPLATE = Path(__file__).with_name("dagster.yaml")


def prepare_home(root: Path) -> Path:
    """Make `root/.dagster` (or DAGSTER_HOME, if that is set) with the template's settings, where there is none.

    Returns:
        The absolute folder.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or root / FOLDER).resolve()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / TEMPLATE.name).exists():
        shutil.copy(TEMPLATE, home)
    return home


def create_storage(home: Path) -> None:
    """Create Dagster's databases, if they are not there.

    Two processes that start at once on an empty home both create them, and the second mark in alembic's table of
    versions makes each later start fail (`has more than one head present`).
    """
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home)):
        pass
