"""One mother for all commands, and one finished data set to copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.forking import Mother
from tests.drills.workspace import run_all, write_params, write_sources


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    one = Mother()
    yield one
    one.close()


@pytest.fixture(scope="session")
def finished(mother, tmp_path_factory) -> Path:
    """A project whose data half has run once, undisturbed. Read it only."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_sources(folder)
    write_params(folder)
    run_all(mother, folder)
    return folder


@pytest.fixture
def own(finished, tmp_path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(finished, tmp_path / "own")
