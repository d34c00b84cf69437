"""The whole pipeline on tiny settings, by its own commands, with nothing replaced."""

import json
import re
import shutil

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def hashes(project):
    """Output path -> hash, of every stage in dvc.lock."""
    return {out["path"]: out["md5"] for stage in project.lock().values() for out in stage["outs"]}


def test_everything_ran_and_dvc_agrees(finished_project):
    assert "up to date" in finished_project.dvc("status").stdout
    assert len(hashes(finished_project)) > 50


def test_a_second_run_runs_nothing(finished_project):
    told = finished_project.genimg("run").stdout
    assert "0 stages ran" in told
    assert str(finished_project.root / "data/report/index.html") in told


def test_nothing_is_lost(finished_project):
    for dataset, count in (("base", 400), ("target", 168)):
        folder = finished_project.root / "data" / "datasets" / dataset
        tables = [
            pd.read_parquet(folder / name)
            for name in (
                "raw/manifest.parquet",
                "profile/profile.parquet",
                "clean/clean.parquet",
                "labels/labels.parquet",
                "normalized/rows.parquet",
            )
        ]
        assert [len(table) for table in tables] == [count] * len(tables)
        assert all(list(table["path"]) == list(tables[0]["path"]) for table in tables)
        said = json.loads((finished_project.root / f"data/reports/clean-{dataset}/report.json").read_text())
        assert said["collected"] == count == said["kept"] + sum(said["rejected"].values())
        last = tables[-1]
        assert (last["status"].isin(["kept", "rejected"])).all()
        assert last.loc[last["status"] == "rejected", "reason"].notna().all()


def test_the_reference_set_is_never_trained_on(finished_project):
    rows = pd.read_parquet(finished_project.root / "data/datasets/target/normalized/rows.parquet")
    raw = pd.read_parquet(finished_project.root / "data/datasets/target/raw/manifest.parquet")
    reference = set(raw.loc[raw["split"] == "test", "path"])
    kept = rows[rows["status"] == "kept"]
    assert len(reference) == 72
    assert set(kept.loc[kept["split"] == "test", "path"]) <= reference
    assert not set(kept.loc[kept["split"] == "train", "path"]) & reference


def test_scores_have_their_form(finished_project):
    for model, dataset in (("latin", "base"), ("greek", "target")):
        tree = json.loads((finished_project.root / f"data/evaluation/{model}/scores.json").read_text())
        assert (tree["model"], tree["dataset"]) == (model, dataset)
        assert {scores["kind"] for scores in tree["scores"].values()} == {"domain_cnn", "random_cnn", "pixel_pca"}
        assert tree["scores"][tree["lead"]]["kind"] == "domain_cnn"
        for name, scores in tree["scores"].items():
            assert re.fullmatch("[0-9a-f]{64}", scores["sha256"])
            for metric in ("kid", "fd", "precision", "recall", "density", "coverage"):
                for found in (scores[metric], tree["baseline"]["scores"][name][metric]):
                    assert set(found) >= {"value", "floor", "low", "high"}
                    assert found["low"] <= found["high"]
        assert tree["memorization"]["train_images"] > 0 and "caught" in tree["copycat"]


def test_the_page_stands_alone(finished_project):
    page = (finished_project.root / "data/report/index.html").read_text(encoding="utf8")
    assert "://" not in re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
    assert all(name in page for name in ("base", "target", "latin", "greek", "fine-tuned from latin"))
    assert page.count("data:image/png;base64,") > 10


def test_no_output_holds_a_time_or_a_path_of_this_machine(finished_project):
    for path in (finished_project.root / "data").rglob("*.json"):
        text = path.read_text(encoding="utf8")
        assert str(finished_project.root) not in text, path
        assert not re.search(r"20\d\d-\d\d-\d\dT?\d\d:", text), path


def test_the_memo_is_only_a_short_cut(own_project):
    before = hashes(own_project)
    assert (own_project.root / ".genimg" / "memo").is_dir()
    shutil.rmtree(own_project.root / ".genimg" / "memo")
    told = own_project.dvc("repro", "-f", "-s", "profile@base", "profile@target").stdout
    assert "Running stage 'profile@base'" in told
    assert hashes(own_project) == before


def test_other_families_run_through(own_project):
    params = own_project.params()
    for family in ("gan", "vae"):
        params["pretrain"]["latin"] |= {"family": family, "seen_images": 320}
        own_project.write_params(params)
        own_project.genimg("run", "evaluate@latin")
        settings = json.loads((own_project.root / "data/models/latin/settings.json").read_text())
        assert settings["family"] == family


def test_experiments_with_changed_params(own_project):
    """`dvc exp run -S` goes through hydra, whose parser once broke Dagster's (and the other way round)."""
    own_project.run("git", "add", "-A")
    own_project.run("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "lock")
    own_project.dvc("exp", "run", "-S", "generate.latin.images=32", "generate@latin")
    assert own_project.params()["generate"]["latin"]["images"] == 32
    assert len(list((own_project.root / "data/samples/latin/images").iterdir())) == 32
