"""`genimg clean` removes what nothing refers to, says so first, and touches nothing else."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import main
from genimg_core.housekeeping.at_work import LOCK, at_work
from genimg_core.sources.downloads.ledger import Entry, open_ledger
from tests.drills.workspace import tree_of
from tests.project import ROOT
from tests.review.conftest import place, reviewed

__all__ = ["place", "reviewed"]  # fixtures

USED, UNUSED = "aa" * 32, "ab" * 32


def write(path: str, size: int = 10) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(size))
    return file


@pytest.fixture
def dead() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def project(place: Path, dead: int) -> Iterator[tuple[Path, set[str]]]:
    """A project with leftovers of every kind, and the paths of all that should go."""
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    with open_ledger(Path(".genimg/downloads/ledger.sqlite")) as ledger:
        ledger.write(Entry("k", "p", "u", USED, 10))
    for kept in (f".genimg/store/aa/{USED}", f".genimg/store/ab/{UNUSED}.forgotten", ".genimg/resume/pretrain-m/k/1",
                 ".genimg/gates/clean-base/report.json", ".genimg/scan/base/listing.parquet.txt",
                 ".genimg/drift/base/drift.json", ".genimg/params/params-1.yaml", ".genimg/timings.jsonl",
                 ".genimg/former/clean-base/data%datasets%base%gone", f"data/datasets/base/.source.lock.{os.getpid()}",
                 "data/datasets/base/.normalized.former", "data/datasets/base/source.lock", f"notes.{dead}",
                 "data/datasets/old/source.lock", "data/datasets/old/decisions/verdicts.jsonl",
                 "data/datasets/old/raw/manifest.parquet", "data/models/old/weights.safetensors", "dvc.lock",
                 "data/reports/clean-old/report.json", "data/metrics/clean-old.json", "data/metrics/clean-base.json",
                 "data/models/m/weights.safetensors", "data/reports/report/report.json"):
        write(kept)
    gone = {f".genimg/store/ab/{UNUSED}", ".genimg/store/incoming/tmp1", ".genimg/resume/pretrain-old/k/1",
            ".genimg/gates/clean-old/report.json", ".genimg/scan/old/listing.parquet", ".genimg/drift/old/drift.json",
            ".genimg/glyphs/0123/files/a.png", ".genimg/configure/base/shards/000000.tar",
            ".genimg/partial/clean-base/clean/clean.parquet", ".genimg/former/clean-base/data%datasets%base%clean",
            ".genimg/former/clean-base/x.gone", "data/datasets/base/.raw.former", "data/datasets/base/.raw.copy",
            "data/datasets/base/.clean.former.gone", f"data/datasets/base/.source.lock.{dead}",
            f"data/datasets/base/decisions/.verdicts.jsonl.{dead}", f".params.yaml.{dead}"}
    for path in gone:
        write(path)
    yield place, gone


def remember(key: str, image: str, size: int) -> None:
    with sqlite3.connect(".genimg/memo/profile.sqlite") as database:
        database.execute("INSERT INTO memo VALUES (?, ?, ?, 0)", (key, image, bytes(size)))
    database.close()


def memories() -> set[tuple[str, str]]:
    database = sqlite3.connect(".genimg/memo/profile.sqlite")
    found = set(database.execute("SELECT key, image_id FROM memo").fetchall())
    database.close()
    return found


def files() -> dict[str, str]:
    """All but the databases, whose bytes move as they are opened."""
    return {path: digest for path, digest in tree_of(Path()).items()
            if digest and "sqlite" not in path and path != str(LOCK)}


def test_what_nothing_refers_to_goes_and_all_else_stays(project, capsys):
    _, gone = project
    before, used = files(), memories()
    key, image = next(iter(used))
    remember("another key", image, 5000)
    remember(key, "f" * 64, 5000)
    assert main(["clean", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert files() == before and len(memories()) == len(used) + 2
    lines = {line.split("  ")[0]: line.split()[-3:] for line in told.splitlines()}
    assert lines["remembered figures of images or settings that are gone"] == ["2", "10.0", "kB"]
    assert lines["together"] == [str(len(gone) + 2), "10.2", "kB"]
    assert main(["clean"]) == 2 and "--yes" in capsys.readouterr().err, "nobody can be asked"
    assert files() == before
    assert main(["clean", "--yes"]) == 0
    assert set(before) - set(files()) == gone and not set(files()) - set(before)
    assert all(before[path] == digest for path, digest in files().items())
    assert memories() == used
    capsys.readouterr()
    assert main(["clean"]) == 0 and "Nothing is left over." in capsys.readouterr().out


def test_not_while_another_command_is_at_work(project, capsys):
    before = files()
    with at_work():
        assert main(["clean", "--yes"]) == 2
        assert "at work" in capsys.readouterr().err and files() == before
        with at_work():  # others share it
            pass
    assert main(["clean", "--dry-run"]) == 0


def test_outputs_of_removed_entries_only_if_asked_for(project):
    before = set(files())
    assert main(["clean", "--yes"]) == 0
    assert {"data/datasets/old/raw/manifest.parquet", "data/models/old/weights.safetensors"} <= set(files())
    middle = set(files())
    assert main(["clean", "--yes", "--removed-entries"]) == 0
    assert middle - set(files()) == {
        "data/datasets/old/raw/manifest.parquet", "data/models/old/weights.safetensors",
        "data/reports/clean-old/report.json", "data/metrics/clean-old.json"} < before


def test_nothing_goes_where_nobody_knows_what_is_in_use(project, capsys):
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("pretrain", "pretrian"))
    before = files()
    assert main(["clean", "--yes"]) == 2 and "pretrain" in capsys.readouterr().err
    Path("params.yaml").write_text(params)
    Path(".genimg/downloads/ledger.sqlite").write_bytes(b"no database" * 100)
    for suffix in ("-wal", "-shm"):
        Path(f".genimg/downloads/ledger.sqlite{suffix}").unlink(missing_ok=True)
    assert main(["clean", "--yes"]) == 2 and "ledger" in capsys.readouterr().err
    assert set(files()) == set(before)


def test_drawn_letters_stay_while_a_source_uses_them(project):
    from genimg_core.sources.glyphs import GlyphsParams, drawn_folder

    tree = YAML(typ="safe").load(Path("params.yaml").read_text(encoding="utf8"))
    tree["datasets"]["base"]["source"] = {"kind": "glyphs", "images": 7}
    with open("params.yaml", "w", encoding="utf8") as stream:
        YAML(typ="safe").dump(tree, stream)
    used = write(f"{drawn_folder(GlyphsParams(images=7))}/labels.csv")
    assert main(["clean", "--yes"]) == 0
    assert used.is_file() and not Path(".genimg/glyphs/0123").exists()


def test_with_a_name_behind_it_it_is_the_stage(project, capsys):
    with pytest.raises(SystemExit):
        main(["clean", "base"])
    assert "--profile" in capsys.readouterr().err


def test_outside_a_project_nothing_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["clean"]) == 2 and "params.yaml" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
