"""Fixtures that several folders share."""

import signal
from pathlib import Path

import pytest

from tests.project import Project, copy_project, make_project

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several workers run the suite: the tests of the finished project on one of them, and begun first."""

    def shares(item: pytest.Item) -> bool:
        return bool({"finished_project", "own_project"} & set(getattr(item, "fixturenames", ())))

    for item in filter(shares, items):
        item.add_marker(pytest.mark.xdist_group("finished project"))
    items.sort(key=lambda item: not shares(item))


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory) -> Project:
    """The whole pipeline, run once by `genimg run` with tiny settings. Read it only."""
    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    project.genimg("run")
    return project


@pytest.fixture
def own_project(finished_project, tmp_path) -> Project:
    """A copy of the finished project to change at will."""
    return copy_project(finished_project, tmp_path / "project")


@pytest.fixture
def fresh_project(tmp_path) -> Project:
    """A project in which nothing has run."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real images (GENIMG_REAL_DATA, else ../shared/data); a machine without them skips, CI must have them."""
    import os

    folder = Path(os.environ.get("GENIMG_REAL_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
    if not folder.is_dir():
        assert "CI" not in os.environ, f"CI needs the real images at {folder}"
        pytest.skip(f"no real images at {folder}: name their place with GENIMG_REAL_DATA")
    return folder
