"""A full disk, and folders that may not be written: a clear error, nothing half-written, the former outputs whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.drills.disks import bytes_of, filled, moved_onto, read_only, small_disk
from tests.drills.forking import Done, Mother
from tests.drills.workspace import command, places, tree_of

STAGES = ("collect", "profile", "clean", "normalize")
MIB = 2**20
pytestmark = pytest.mark.slow  # dozens of stages


def told_clearly(done: Done, *words: str) -> bool:
    """Whether it failed with a cause and a remedy."""
    assert done.code == 2, done.output
    return all(word in done.output for word in (*words, "remedy:")) and "Traceback" not in done.output


def no_litter(project: Path) -> bool:
    """Whether nothing of an unfinished stage is left."""
    return not [path for name in ("partial", "former") for path in (project / ".genimg" / name).glob("*")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_leaves_the_former_outputs_whole(stage: str, finished: Path, tmp_path: Path,
                                                     mother: Mother) -> None:
    """At no room at all, and at a part of what the outputs take."""
    project = tmp_path / "project"
    with small_disk(project, 8 * MIB) as is_disk:
        moved_onto(project, finished)
        shutil.rmtree(project / ".genimg/memo")
        before, needed = tree_of(project / "data"), bytes_of(*(project / place for place in places(stage)))
        largest = max(file.stat().st_size for place in places(stage) for file in (project / place).rglob("*"))
        for share in (0, 0.3, 0.8):
            if is_disk:
                with filled(project, int(share * needed)):
                    done = mother.run(project, command(stage), log=tmp_path / "log")
                assert told_clearly(done, "the disk is full"), (share, done.output)
            else:
                done = mother.run(project, command(stage), largest_file=int(share * largest), log=tmp_path / "log")
                assert told_clearly(done, "a file would grow"), (share, done.output)
            assert tree_of(project / "data") == before, share
            assert no_litter(project), share
        assert mother.run(project, command(stage), log=tmp_path / "log").code == 0
        assert tree_of(project / "data") == before


def test_data_on_another_disk_that_is_full(finished: Path, tmp_path: Path, mother: Mother) -> None:
    """Then a finished output has to be copied, and the copy may not fit."""
    project = shutil.copytree(finished, tmp_path / "project", ignore=shutil.ignore_patterns("data"))
    with small_disk(project / "data", 4 * MIB) as is_disk:
        moved_onto(project / "data", finished / "data")
        before = tree_of(project / "data")
        for stage in ("profile", "normalize"):
            if is_disk:
                needed = bytes_of(*(project / place for place in places(stage)))
                with filled(project / "data", needed // 2):
                    assert told_clearly(mother.run(project, command(stage)), "the disk is full")
                    assert tree_of(project / "data") == before | {".filler": tree_of(project / "data/.filler")[""]}
            assert no_litter(project)
            assert mother.run(project, command(stage)).code == 0
            assert tree_of(project / "data") == before


@pytest.mark.parametrize("by_mount", [True, False])
@pytest.mark.parametrize("where", ["data", ".genimg", "data/datasets/base", "data/metrics"])
def test_a_folder_that_may_not_be_written(where: str, by_mount: bool, own: Path, mother: Mother) -> None:
    before = tree_of(own / "data")
    for stage in ("collect", "normalize"):
        with read_only(own / where, by_mount):
            assert told_clearly(mother.run(own, command(stage)), "may not be written")
        assert tree_of(own / "data") == before
    assert mother.run(own, command("collect")).code == 0
    assert tree_of(own / "data") == before and no_litter(own)


@pytest.mark.parametrize("by_mount", [True, False])
def test_verbs_in_a_project_that_may_not_be_written(by_mount: bool, own: Path, mother: Mother) -> None:
    (own / "images/a/new.png").write_bytes((own / "images/a/002.png").read_bytes() + b"\0")
    everything = tree_of(own)
    for line in ("scan", "reject a/002.png --why odd", "forget a/002.png --why asked", "review export --out review",
                 "export --dataset base --format folder --out exported", "clean --yes"):
        words = line.split()
        with read_only(own, by_mount):
            assert told_clearly(mother.run(own, words)), words
        assert tree_of(own) == everything, words


def test_a_scan_on_a_full_disk_keeps_the_lock(finished: Path, tmp_path: Path, mother: Mother) -> None:
    project = tmp_path / "project"
    with small_disk(project, 8 * MIB) as is_disk:
        moved_onto(project, finished)
        shutil.copy(project / "images/a/002.png", project / "images/b/again.png")
        before = tree_of(project / "data"), tree_of(project / ".genimg/scan")
        if is_disk:
            with filled(project, 0):
                assert told_clearly(mother.run(project, ["scan"], log=tmp_path / "log"), "the disk is full")
        else:
            assert told_clearly(mother.run(project, ["scan"], largest_file=0, log=tmp_path / "log"), "a file would")
        assert (tree_of(project / "data"), tree_of(project / ".genimg/scan")) == before
        assert mother.run(project, ["scan"], log=tmp_path / "log").code == 0
