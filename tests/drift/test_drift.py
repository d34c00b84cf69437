"""`genimg drift` in a real git and DVC project."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from genimg_core.cli import main
from tests.drift.tables import TableProject, table, write_tables

HOSTILE = "=cmd()\x1b[2J<b>"


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project with one version committed, then another; the revisions. Read it only."""
    project = TableProject(tmp_path_factory.mktemp("project"))
    project.make(table())
    revisions = [project.commit()]
    now = pd.concat([table(290), table(200, seed=5, first=1000, luminance=190)], ignore_index=True)
    now["row"] = range(len(now))
    now.loc[0, "label"], now.loc[300, "path"] = "$x$ 漢", HOSTILE
    now.loc[5:9, ["status", "reason", "label"]] = ["rejected", "too_dark", None]
    project.make(now.sort_values("path", ignore_index=True))
    revisions.append(project.commit())
    return project.root, revisions


@pytest.fixture
def here(two_versions: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to change at will, and to stand in."""
    shutil.copytree(two_versions[0], tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def drift(*words: str) -> int:
    return main(["drift", "--dataset", "base", *words])


def test_the_version_before_is_found_and_compared(here: Path, two_versions: tuple[Path, list[str]],
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    assert drift() == 0
    told = capsys.readouterr().out
    assert f"against git revision {two_versions[1][0][:12]}: 300 collected, 300 kept" in told
    assert "\x1b" not in told and "Drifted: luminance" in told
    tree = json.loads((here / ".genimg/drift/base/drift.json").read_text(encoding="utf8"))
    assert tree["changes"] == {"new": 200, "gone": 10, "changed": 0, "moved": 0, "relabelled": 1, "rejected": 5,
                               "kept_again": 0}
    assert tree["was"]["revision"] == two_versions[1][0] and tree["drifted"] == ["luminance"]
    assert len(tree["listed"]["new"]) == 100
    luminance = next(one for one in tree["figures"] if one["figure"] == "luminance")
    assert luminance["verdict"] == "strongly shifted" and luminance["delta"] > 0.3 > luminance["p_value"]
    assert tree["rejections"]["now"]["too_dark"] == 5


def test_the_files_can_be_opened_safely(here: Path) -> None:
    assert drift("--out", "out") == 0
    names = {path.name for path in (here / "out").iterdir()}
    assert names == {"drift.json", "changes.csv", "figures.png", "classes.png", "rejections.png", "new.png", "gone.png"}
    for name in names:
        if name.endswith(".png"):
            with Image.open(here / "out" / name) as picture:
                assert picture.width > 100 and len(picture.convert("RGB").getcolors(1 << 24)) > 3
    rows = list(csv.DictReader((here / "out/changes.csv").read_text(encoding="utf8").splitlines()))
    assert len(rows) == 216 and f"'{HOSTILE}" in {row["path"] for row in rows}
    assert not any(cell and cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_the_same_versions_make_the_same_bytes(here: Path) -> None:
    assert drift("--out", "one") == drift("--out", "two") == 0
    for path in (here / "one").iterdir():
        assert path.read_bytes() == (here / "two" / path.name).read_bytes(), path.name
    drift()
    drift()  # the default folder is written anew
    assert sorted(path.name for path in (here / ".genimg/drift").iterdir()) == ["base"]


def test_the_same_version_and_a_folder_with_something_in_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift("--against", "HEAD") == 0
    assert "is the same now as in revision HEAD" in capsys.readouterr().out
    assert drift("--out", "source") == 2 and "overwrites nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("against", "said"), [
    ("nonsense", "git knows no revision 'nonsense'"), ("--all", "git knows no revision '--all'")])
def test_a_revision_that_is_none(here: Path, capsys: pytest.CaptureFixture[str], against: str, said: str) -> None:
    assert drift(f"--against={against}") == 2
    err = capsys.readouterr().err
    assert said in err and "git log --oneline -- dvc.lock" in err


def test_another_data_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "--dataset", "other"]) == 2
    assert "genimg run label@other" in capsys.readouterr().err
    write_tables(here / "data/datasets/other", table(30))
    assert main(["drift", "--dataset", "other", "--against", "HEAD"]) == 2
    assert "has no data set 'other'" in capsys.readouterr().err
    assert main(["drift", "--dataset", "other"]) == 0
    assert "There is no earlier version of other" in capsys.readouterr().out


def test_without_git_the_run_cache_knows(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(here / ".git")
    assert drift() == 0
    assert "against DVC's run cache: 300 collected" in capsys.readouterr().out
    shutil.rmtree(here / ".dvc/cache/runs")
    assert drift() == 0
    assert "There is no earlier version of base to compare with" in capsys.readouterr().out


def test_a_version_that_the_cache_lost(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(here / ".dvc/cache/files")
    assert drift() == 2
    err = capsys.readouterr().err
    assert "not in DVC's cache here" in err and "dvc fetch --all-commits" in err


def test_a_broken_table_is_named_without_bad_advice(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (here / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"PAR1":
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:500])
    assert drift() == 2
    err = capsys.readouterr().err
    assert "cannot be compared" in err and "remedy: name another version" in err


def test_a_figure_that_the_earlier_version_lacks_is_left_out(tmp_path: Path) -> None:
    from genimg_core.drift.comparison import compare
    from genimg_core.drift.versions import DatasetVersion

    was = DatasetVersion("was", None, table(60).drop(columns=["contrast", "row"]), None)
    now = DatasetVersion("now", None, table(60), None)
    found = compare("base", was, now)
    assert found.not_compared == ("contrast",) and len(found.shifts) == 7 and not found.drifted
