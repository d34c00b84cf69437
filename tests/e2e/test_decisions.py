"""Reject one, restore another, forget a third, name a fourth: the data follows, through every run, memo or none."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.pictures import encoded, photo
from tests.project import Project, make_project

pytestmark = pytest.mark.slow

DATA = Path("data/datasets/base")
STAGES = ["collect", "profile", "validate", "clean", "label", "normalize"]


@pytest.fixture
def project(tmp_path) -> Project:
    pictures = tmp_path / "pictures"
    for i in range(30):
        path = pictures / ("roses" if i % 2 else "tulips") / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(i)))
    (pictures / "roses/chart.png").write_bytes(encoded(Image.new("RGB", (40, 40), (9, 200, 30))))
    (pictures / "tulips/resaved.jpg").write_bytes(encoded(photo(2).resize((40, 40)), "JPEG", quality=90))
    return make_project(tmp_path / "project", {
        "seed": 0, "threads": 1, "image": {"size": 16, "channels": 3},
        "datasets": {"base": {"source": {"kind": "folder", "path": str(pictures)}}},
        "pretrain": {}, "finetune": {}, "generate": {}, "extractor": {"dataset": "base", "seen_images": 64},
        "evaluate": {}})


def table(project: Project, place: str) -> pd.DataFrame:
    return pd.read_parquet(project.root / DATA / place).set_index("path")


def hashes(project: Project) -> dict[str, str]:
    """Every output of the data half."""
    folders = [project.root / DATA, project.root / "data/reports", project.root / "data/metrics"]
    return {path.relative_to(project.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


def actions(done) -> set[str]:
    return {stage for stage in STAGES if f"] {stage}@base " in done.stdout}


@pytest.mark.timeout(1500)  # four runs of six stages
def test_decisions_survive_every_run(project: Project):
    project.genimg("run", "normalize@base")
    first = table(project, "labels/labels.parquet")
    assert first.loc["roses/chart.png", "reason"] == "flat"
    assert first.loc["tulips/resaved.jpg", "reason"] == "near_duplicate"
    without = hashes(project)
    ids = dict(zip(first.index, first["image_id"], strict=True))
    person = ids["tulips/04.png"]

    # a label stales the label stage alone
    (project.root / "answers.csv").write_text(f"image_id,decision,new_label\n{ids['roses/01.png'][:10]},,tulips\n")
    project.genimg("review", "import", "answers.csv")
    assert "label@base" in project.dvc("status").stdout and "collect@base" not in project.dvc("status").stdout
    project.genimg("reject", "roses/03.png", "--why", "a weed")
    project.genimg("restore", ids["roses/chart.png"], "--why", "a chart")
    project.genimg("restore", "tulips/resaved.jpg")
    told = project.genimg("forget", person[:12], "--why", "case 17").stdout
    assert f"What had used {person[:12]}…" in told and "data set base, version" in told
    done = project.genimg("run", "normalize@base")
    check(project, person)
    assert {"collect", "clean", "label", "normalize"} <= actions(done)
    after = hashes(project)

    # nothing to do; then everything again without the memo, and in a clone of nothing but what git has
    assert actions(project.genimg("run", "normalize@base")) == set()
    shutil.rmtree(project.root / ".genimg")
    shutil.rmtree(project.root / ".dvc/cache")
    (project.root / "dvc.lock").unlink()
    project.genimg("run", "normalize@base")
    assert hashes(project) == after
    check(project, person)

    # decisions taken back: the bytes of the beginning
    listed = json.loads(project.genimg("decisions", "--json").stdout)
    assert {(line["path"], line["decision"], line["label"]) for line in listed} == {
        ("roses/01.png", "", "tulips"), ("roses/03.png", "reject", ""), ("roses/chart.png", "keep", ""),
        ("tulips/04.png", "forget", ""), ("tulips/resaved.jpg", "keep", "")}
    for line in listed:
        if line["decision"] != "forget":
            project.genimg("decisions", "--undo", line["image_id"])
    refused = project.genimg("decisions", "--undo", person, check=False)
    assert refused.returncode == 2 and "delete its line" in refused.stderr
    lines = (project.root / DATA / "decisions/forgotten.jsonl").read_text().splitlines(keepends=True)
    (project.root / DATA / "decisions/forgotten.jsonl").write_text(lines[0])
    project.genimg("run", "normalize@base")
    assert hashes(project) == without


def check(project: Project, person: str) -> None:
    rows = table(project, "normalized/rows.parquet")
    assert (rows["status"] == "kept").sum() + rows["reason"].notna().sum() == len(rows) == 32
    assert rows.loc["roses/01.png", ["label", "label_source"]].tolist() == ["tulips", "decided"]
    assert rows.loc["roses/03.png", ["reason", "detail"]].tolist() == ["rejected_by_hand", "a weed"]
    assert rows.loc["roses/chart.png", "status"] == rows.loc["tulips/resaved.jpg", "status"] == "kept"
    assert rows.loc["tulips/resaved.jpg", "split"] == rows.loc["tulips/02.png", "split"]
    assert rows.loc["tulips/04.png", ["status", "reason", "detail", "index"]].tolist() == [
        "rejected", "forgotten", "case 17", -1]
    manifest = table(project, "raw/manifest.parquet")
    assert manifest.loc["tulips/04.png", "image_id"] == person and pd.isna(manifest.loc["tulips/04.png", "shard"])
    for shard in (project.root / DATA / "raw/shards").iterdir():
        with tarfile.open(shard) as tar:
            assert person not in tar.getnames()
    kept = rows[rows["status"] == "kept"]
    settings = json.loads((project.root / DATA / "normalized/settings.json").read_text())
    assert sum(settings["counts"].values()) == len(kept)
    if (project.root / ".genimg/memo/profile.sqlite").exists():
        import sqlite3

        with sqlite3.connect(project.root / ".genimg/memo/profile.sqlite") as database:
            assert not database.execute("SELECT 1 FROM memo WHERE image_id = ?", (person,)).fetchall()
        database.close()


def test_a_clone_without_files_of_decisions(project: Project):
    project.genimg("scan")
    shutil.rmtree(project.root / DATA / "decisions")
    project.genimg("run", "--no-scan", "collect@base")
    assert sorted(path.name for path in (project.root / DATA / "decisions").iterdir()) == [
        "forgotten.jsonl", "labels.jsonl", "verdicts.jsonl"]
    seen = project.run("git", "status", "--porcelain", "--untracked-files=all").stdout
    assert "decisions/verdicts.jsonl" in seen and "source.lock" in seen and "manifest.parquet" not in seen
    done = project.genimg("run", "collect@base")
    assert "WARNING" not in done.stdout, done.stdout
