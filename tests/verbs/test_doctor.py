"""`genimg doctor` on set-ups broken in every way it knows: it says so, names the cure, and never falls over."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from genimg_core.cli import main
from genimg_core.verbs.doctor import diagnose
from tests.project import ROOT, make_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = make_project(tmp_path / "project")
    shutil.copy(ROOT / "requirements.lock", made.root)
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return made


def found(project, level=None, subject=None, **options):
    findings = diagnose(project.root, **options)
    return [f for f in findings if level in (None, f.level) and subject in (None, f.subject)]


def test_a_whole_set_up_has_no_problem(project):
    # Run as the project's own program: from another one, dvc.yaml would be judged by other code.
    done = project.genimg("doctor", check=False)
    assert done.returncode == 0, done.stdout
    for subject in ("Python", "packages", "git", "DVC", "dvc.yaml", "params.yaml", "source of base", "disk", "memory"):
        assert subject in done.stdout
    assert "0 problems" in done.stdout and "\x1b" not in done.stdout


def test_it_is_quick_and_imports_no_torch(project):
    code = ("import sys; from genimg_core.cli import main; main(['doctor']);"
            "print([m for m in ('torch', 'dvc', 'pandas', 'great_expectations') if m in sys.modules])")
    started = time.monotonic()
    done = project.run(sys.executable, "-c", code)
    assert done.stdout.rstrip().endswith("[]") and time.monotonic() - started < 20  # 2 s on a quiet machine


def test_outside_of_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 2
    out = capsys.readouterr().out
    assert "neither params.yaml nor dvc.yaml" in out and "Traceback" not in out


def test_another_python_s_packages(project):
    lock = project.root / "requirements.lock"
    lock.write_text(lock.read_text().replace("rich==", "rich==0.0.1 # ") + "nowhere-to-be-found==1.0\n")
    (finding,) = found(project, subject="packages")
    assert finding.level == "warning" and "nowhere-to-be-found missing (locked: 1.0)" in finding.told
    assert "make setup" in finding.cure
    lock.unlink()
    assert found(project, "warning", "packages")


def test_params_that_are_missing_broken_or_wrong(project, capsys):
    for text, told in ((None, "no "), ("a: [1\n", "not valid YAML"), ("seed: 0\n", "missing"), ("\0\n", "not valid")):
        path = project.root / "params.yaml"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        (finding,) = found(project, "problem", "params.yaml")
        assert told in finding.told and finding.cure
        assert main(["doctor"]) == 2
    assert "Traceback" not in capsys.readouterr().out


def test_threads_and_devices_that_are_not_there(project, monkeypatch):
    from genimg_core.configuring import machine

    monkeypatch.setattr(machine, "gpu_present", lambda: False)
    monkeypatch.setattr(machine, "cpu_has_bf16", lambda: False)
    params = project.params()
    params["threads"] = 250
    params["pretrain"]["latin"] |= {"device": "cuda", "precision": "bf16"}
    project.write_params(params)
    assert "250" in found(project, "warning", "threads")[0].told
    assert "pretrain.latin" in found(project, "problem", "device")[0].told
    assert "slower" in found(project, "warning", "precision")[0].told


def test_no_git_and_no_dvc(project):
    shutil.rmtree(project.root / ".git")
    shutil.rmtree(project.root / ".dvc")
    assert "git init" in found(project, "problem", "git")[0].cure
    assert "dvc init" in found(project, "problem", "DVC")[0].cure


def test_no_git_program(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project.root))
    assert "install git" in found(project, "problem", "git")[0].cure
    assert found(project, "warning", "commands")


def test_unsafe_settings_of_dvc(project):
    (project.root / ".dvc/config").write_text('[cache]\n    type = "hardlink,copy"\n[\'remote "far"\']\n    url = x\n')
    (project.root / ".dvcignore").write_text("__pycache__\n")
    assert "hardlink" in found(project, "problem", "DVC")[0].told
    told = " ".join(finding.told for finding in found(project, "warning", "DVC"))
    assert "statistics" in told and ".genimg" in told
    assert found(project, subject="DVC remote")[0].told == "far"
    (project.root / ".dvc/config").write_text("no section\n")
    assert "could not be examined" in found(project, "warning", "DVC")[0].told


def test_dvc_yaml_that_lists_other_code(project):
    path = project.root / "dvc.yaml"
    path.write_text(path.read_text().replace("- genimg_core/imaging/phash.py", "- genimg_core/cli.py", 1))
    done = project.genimg("doctor", check=False)
    assert done.returncode == 2 and "make wiring" in done.stdout
    for text in ("stages: 3\n", "a: [", ""):
        path.write_text(text)
        assert found(project, "problem", "dvc.yaml")


def test_a_table_is_looked_for_and_no_server_is_asked(project, monkeypatch):
    params = project.params()

    def finding(**source):
        params["datasets"]["base"]["source"] = {"kind": "table", "url_column": "url"} | source
        project.write_params(params)
        return found(project, subject="source of base")[0]

    assert finding(file="t.csv").level == "problem" and "t.csv" in finding(file="t.csv").told
    (project.root / "t.csv").write_text("url\nhttp://127.0.0.1:1/a.png\n")
    assert "t.csv was never scanned" in finding(file="t.csv").told
    monkeypatch.delenv("NO_SUCH_DB", raising=False)
    assert "NO_SUCH_DB is not set" in finding(database="$NO_SUCH_DB", query="SELECT url FROM t").told
    lock = project.root / "data/datasets/base/source.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"schema": 1, "kind": "table", "files": 1234, "bytes": 1, "digest": "sha256:0"}))
    assert "1,234 files when it was scanned" in finding(file="t.csv").told
    assert finding(file="t.csv", root="no_such_root").level == "problem"


def test_sources_that_moved_and_changed(project, tmp_path):
    params = project.params()
    (tmp_path / "in").mkdir()
    for i in range(12):
        (tmp_path / f"in/{i}.png").write_bytes(bytes([i]))
        os.utime(tmp_path / f"in/{i}.png", (1, 1))
    params["datasets"]["base"]["source"] = {"kind": "folder", "path": "../in"}
    project.write_params(params)
    assert "never scanned" in found(project, subject="source of base")[0].told
    project.genimg("scan")
    assert found(project, "ok", "source of base")
    (tmp_path / "in/3.png").write_bytes(b"other")
    (tmp_path / "in/4.png").unlink()
    (tmp_path / "in/new.png").write_bytes(b"new")
    assert "2 files changed or gone and 1 file new" in found(project, subject="source of base")[0].told
    shutil.rmtree(tmp_path / "in")
    assert "../in" in found(project, "problem", "source of base")[0].told
    (project.root / "data/datasets/base/source.lock").write_text("{")
    assert found(project, "problem", "disk")  # it reads the lock too, and says that it is none


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "store", "url": "s3://bucket/images"},
        {"kind": "webdataset", "path": "shards/*.tar"},
        {"kind": "idx", "parts": {"all": {"images": "images-idx3-ubyte"}}},
        {"kind": "torchvision", "name": "MNIST", "path": "root"},
    ],
)
def test_sources_that_only_a_scan_can_look_at(project, source):
    params = project.params()
    params["datasets"]["base"]["source"] = source
    project.write_params(params)
    (finding,) = found(project, "information", "source of base")
    assert "never scanned" in finding.told and source["kind"] in finding.told
    path = project.root / "data/datasets/base/source.lock"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": 1, "kind": source["kind"], "files": 7, "bytes": 8, "digest": "sha256:0"}))
    assert "7 files when it was scanned" in found(project, subject="source of base")[0].told


def test_labels_in_a_file_of_any_kind(project, tmp_path):
    params = project.params()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"a")
    os.utime(tmp_path / "in/a.png", (1, 1))
    (tmp_path / "in/labels.jsonl").write_text('{"file": "a.png", "label": "x"}\n')
    for labels in ({"csv": "gone.csv"}, {"jsonl": "gone.jsonl"}, {"label_studio": "gone.json"}):
        params["datasets"]["base"]["source"] = {"kind": "folder", "path": "../in", "labels": labels}
        project.write_params(params)
        (told,) = found(project, "problem", "source of base")
        assert "there is no labels file gone." in told.told and "datasets.base.source.labels" in told.cure
    params["datasets"]["base"]["source"]["labels"] = {"jsonl": "../in/labels.jsonl"}
    project.write_params(params)
    project.genimg("scan")
    assert found(project, "ok", "source of base"), "the file of labels is no new image"


def test_locks_of_the_living_the_dead_and_of_others(project):
    tmp = project.root / ".dvc/tmp"
    tmp.mkdir(exist_ok=True)

    def held_by(pid, command="dvc repro"):
        (tmp / "rwlock").write_text(json.dumps({"write": {"x": {"pid": pid, "cmd": command}}, "read": {"y": []}}))
        return [(finding.level, finding.told) for finding in found(project, subject="locks")]

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ((level, told),) = held_by(ended.pid)
    assert level == "information" and "gone" in told
    ((level, told),) = held_by(os.getpid())
    assert level == "problem" and "another program" in told
    living = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "/bin/dvc"])
    try:
        ((level, told),) = held_by(living.pid)
        assert level == "information" and "at work" in told
    finally:
        living.kill()
        living.wait()
    for text in ("{", "[1]", '{"write": {"x": {"pid": "?"}}}'):
        (tmp / "rwlock").write_text(text)
        assert "delete" in found(project, "problem", "locks")[0].cure


def test_what_interrupted_runs_left(project):
    (project.root / ".genimg/resume/pretrain-latin/abc/000000040960").mkdir(parents=True)
    (project.root / ".genimg/gates/clean-base").mkdir(parents=True)
    assert "40,960 images" in found(project, "information", "half-finished")[0].told
    assert "clean-base" in found(project, "warning", "gates")[0].told


def test_a_home_of_dagster_that_is_none(project, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "relative")
    assert found(project, "problem", "DAGSTER_HOME")


@pytest.mark.slow
def test_deep_compares_the_outputs(own_project):
    assert found(own_project, "ok", "outputs", deep=True)
    (own_project.root / "data/metrics/clean-base.json").unlink()
    assert "clean@base" in found(own_project, "information", "outputs", deep=True)[0].told
