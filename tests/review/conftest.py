"""A data set to review, made once; each test gets a copy of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.review.project import make_dataset


@pytest.fixture(scope="session")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it only."""
    root = tmp_path_factory.mktemp("reviewed") / "project"
    root.mkdir()
    before = Path.cwd()
    os.chdir(root)  # the memo lies in the working folder
    try:
        make_dataset(root)
    finally:
        os.chdir(before)
    return root


@pytest.fixture
def place(reviewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, and the working folder."""
    shutil.copytree(reviewed, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"
