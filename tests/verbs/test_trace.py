"""`genimg trace`, as a user types it: a finished project, an older version in git, one only in the run cache."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from genimg_core.cli import main
from tests.project import Project
from tests.tracing.pictures import TEXTS, png
from tests.verbs.terminal import OnTerminal

PICTURE = "data/samples/greek/images/000003.png"


def trace(project: Project, *words: str, code: int = 0) -> str:
    done = project.run(sys.executable, "-m", "genimg_core.cli", "trace", *words, check=False)
    assert done.returncode == code and "Traceback" not in done.stderr, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_picture_that_says_nothing(tmp_path, capsys):
    png(tmp_path / "a.png", texts={"Title": "\x1b[2Jboo"})
    assert main(["trace", str(tmp_path / "a.png")]) == 2
    said = capsys.readouterr().err
    assert "does not say where it comes from" in said and "remedy:" in said


def test_hostile_texts_name_no_file_and_command_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/settings.json").write_text('{"sha256": "' + "a" * 64 + '"}')
    png(tmp_path / "a.png", texts=TEXTS | {"genimg:model": "../../secret", "genimg:class": "\x1b]0;x\x07[red]A[/red]"})
    assert main(["trace", "a.png"]) == 2
    told = capsys.readouterr().out
    assert "sample of class ?]0;x?[red]A[/red]" in told and "\x1b" not in told
    assert "what is missing" in told and f"version {'a' * 12}: neither the models here" in told
    assert main(["trace", "a.png", "--json"]) == 2
    tree, = json.loads(capsys.readouterr().out)
    assert tree["models"] == [] and not tree["complete"] and tree["origin"]["model"] == "../../secret"


@pytest.mark.slow
def test_the_way_back(finished_project: Project):
    told = trace(finished_project, PICTURE)
    report = json.loads((finished_project.root / "data/reports/collect-base/report.json").read_text())
    for words in ("model greek", "fine-tuned from latin", "model latin", "from scratch", "data set target",
                  "data set base", "glyphs latin_capitals: 400 files", report["digest"], "empty", "train"):
        assert words in told, words
    tree, = json.loads(trace(finished_project, PICTURE, "--json"))
    assert tree["complete"] and [model["model"] for model in tree["models"]] == ["greek", "latin"]
    base = tree["datasets"][1]
    assert base["collected"] == base["kept"] + sum(base["rejected"].values()) == 400
    assert sum(base["splits"].values()) == base["kept"] and base["source"]["files"] == 400
    assert base["source"]["bytes"] == report["bytes"]


@pytest.mark.slow
def test_the_command_that_draws_it_again(finished_project: Project, tmp_path):
    tree, = json.loads(trace(finished_project, PICTURE, "--json"))
    import shlex

    words = shlex.split(tree["redraw"])
    assert words[:2] == ["genimg", "sample"] and words[-2] == "--out"
    finished_project.genimg(*words[1:-1], str(tmp_path / "again"))
    again, = (tmp_path / "again").glob("*-000003.png")
    assert again.read_bytes() == (finished_project.root / PICTURE).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_tree_in_a_terminal(finished_project: Project, width):
    terminal = OnTerminal([sys.executable, "-m", "genimg_core.cli", "trace", PICTURE], finished_project.root,
                          finished_project.env, width)
    assert terminal.end() == 0
    screen = terminal.screen()
    assert any("├── model greek" in line for line in screen) and all(len(line) <= width for line in screen)


@pytest.mark.slow
def test_an_older_version_is_found_in_git_then_in_the_run_cache_then_not(own_project: Project, tmp_path):
    shutil.copy(own_project.root / PICTURE, tmp_path / "old.png")
    before, = json.loads(trace(own_project, str(tmp_path / "old.png"), "--json"))
    user = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    own_project.run("git", "add", "dvc.lock", "params.yaml")
    own_project.run("git", *user, "commit", "-qm", "first")
    first = own_project.run("git", "rev-parse", "HEAD").stdout.strip()
    params = own_project.params()
    params["pretrain"]["latin"]["seen_images"] = 640
    params["datasets"]["target"]["clean"]["max_luminance"] = 235  # another data set, with another version
    own_project.write_params(params)
    own_project.genimg("run", "finetune@greek")

    tree, = json.loads(trace(own_project, str(tmp_path / "old.png"), "--json"))
    assert tree["complete"] and tree["revision"] == first
    assert tree["restore"] == f"git checkout {first[:12]} dvc.lock params.yaml && dvc checkout"
    known = [{key: value for key, value in step.items() if key != "found"} for step in tree["models"]]
    assert known == [{k: v for k, v in step.items() if k != "found"} for step in before["models"]]
    assert [step["rejected"] for step in tree["datasets"]] == [step["rejected"] for step in before["datasets"]]
    assert f"git revision {first[:12]}" in trace(own_project, str(tmp_path / "old.png"))

    own_project.run("git", "update-ref", "-d", "HEAD")
    shutil.rmtree(own_project.root / ".git/logs")
    tree, = json.loads(trace(own_project, str(tmp_path / "old.png"), "--json"))
    assert tree["complete"] and tree["revision"] is None and "run cache" in tree["models"][0]["found"]
    assert [step["kept"] for step in tree["datasets"]] == [step["kept"] for step in before["datasets"]]

    shutil.rmtree(own_project.root / ".dvc/cache/runs")
    told = trace(own_project, str(tmp_path / "old.png"), code=2)
    assert f"the model greek, version {before['models'][0]['sha256'][:12]}: neither the models here" in told


@pytest.mark.slow
def test_the_restore_command_restores(own_project: Project, tmp_path):
    """And where the cache does not hold the old files, that is said."""
    shutil.copy(own_project.root / PICTURE, tmp_path / "old.png")
    own_project.run("git", "add", "dvc.lock", "params.yaml")
    own_project.run("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "first")
    shutil.rmtree(own_project.root / "data/models/greek")
    tree, = json.loads(trace(own_project, str(tmp_path / "old.png"), "--json"))
    own_project.run("bash", "-c", tree["restore"])
    tree, = json.loads(trace(own_project, str(tmp_path / "old.png"), "--json"))
    assert tree["restore"] is None and tree["complete"]
    shutil.rmtree(own_project.root / "data/models/greek")
    shutil.rmtree(own_project.root / ".dvc/cache/files")
    told = trace(own_project, str(tmp_path / "old.png"), code=2)
    assert "data/models/greek of git revision" in told and "not in DVC's cache here" in told and "dvc fetch" in told
