"""Fixtures that several folders share."""

import os
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from tests.project import Project, copy_project, make_project

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no worker is left with it at the end.

    One test asks for the finished project at once, the others of it come after the other slow ones: two workers that
    both begin with it would wait for each other.
    """

    def shares(item: pytest.Item) -> bool:
        return bool({"finished_project", "own_project"} & set(getattr(item, "fixturenames", ())))

    first = next(filter(shares, items), None)
    items.sort(key=lambda item: (item is not first, item.get_closest_marker("slow") is None, shares(item)))


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory) -> Project:
    """The whole pipeline, run once by `genimg run` with tiny settings, by one worker for all. Read it only."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "done").exists():
            project = make_project(folder / "project")
            project.genimg("run")
            (folder / "done").touch()
    return Project(folder / "project")


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
    folder = Path(os.environ.get("GENIMG_REAL_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
    if not folder.is_dir():
        assert "CI" not in os.environ, f"CI needs the real images at {folder}"
        pytest.skip(f"no real images at {folder}: name their place with GENIMG_REAL_DATA")
    return folder
