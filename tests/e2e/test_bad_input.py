"""Bad input gets one clear line with the remedy and exit code 2, a failed gate 3; earlier outputs stand again."""

import shutil
import zipfile

import pytest
from PIL import Image

from tests.project import TINY, make_project

pytestmark = pytest.mark.slow


def with_source(source):
    return TINY | {
        "datasets": {"base": {"source": source}},
        "pretrain": {"m": {"dataset": "base", "seen_images": 64, "batch": 16}},
        "finetune": {},
        "generate": {"m": {"dataset": "base", "images": 16}},
        "extractor": {"dataset": "base", "seen_images": 64},
    }


def refused(done, *said, code=2):
    assert done.returncode == code, done.stdout + done.stderr
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text
    for words in (*said, "remedy:"):
        assert words in text, text


@pytest.fixture
def pictures(tmp_path):
    """A folder of 24 different pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(24):
        image = Image.effect_noise((24, 24), 40 + i).convert("RGB")
        image.paste((10 * i, 255 - 10 * i, 90), (i % 12, 3, i % 12 + 9, 15))
        image.save(folder / f"{i:02}.png")
    return folder


def test_a_missing_folder(tmp_path):
    project = make_project(tmp_path / "project", with_source({"kind": "folder", "path": "nowhere"}))
    refused(project.genimg("run", check=False), "nowhere")


def test_an_empty_folder(tmp_path):
    project = make_project(tmp_path / "project", with_source({"kind": "folder", "path": "../nothing"}))
    (tmp_path / "nothing").mkdir()
    refused(project.genimg("run", check=False), "nothing")


def test_a_csv_without_the_column(tmp_path, pictures):
    (tmp_path / "labels.csv").write_text("file,sort\n00.png,a\n")
    source = {
        "kind": "folder",
        "path": str(pictures),
        "labels": {"csv": str(tmp_path / "labels.csv"), "label_column": "sorte"},
    }
    project = make_project(tmp_path / "project", with_source(source))
    refused(project.genimg("run", check=False), "sorte", "sort")


def test_a_csv_of_other_files(tmp_path, pictures):
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"pictures/{i:02}.png,a\n" for i in range(24)))
    project = make_project(
        tmp_path / "project",
        with_source({"kind": "folder", "path": str(pictures), "labels": {"csv": str(tmp_path / "labels.csv")}}),
    )
    refused(project.genimg("run", check=False), "labels.csv", "folder")


def test_an_unknown_key_and_a_size_of_0(fresh_project):
    params = fresh_project.params()
    params["datasets"]["base"]["clean"]["min_side"] = 4
    fresh_project.write_params(params)
    refused(fresh_project.genimg("run", check=False), "datasets.base.clean.min_side", "did you mean 'min_side_px'?")
    del params["datasets"]["base"]["clean"]["min_side"]
    params["image"]["size"] = 0
    fresh_project.write_params(params)
    refused(fresh_project.genimg("run", check=False), "image.size")
    refused(fresh_project.genimg("profile", "base", "--raw", ".", "--profile", "x", check=False), "image.size")


@pytest.mark.parametrize("member", ["../outside.png", "/outside.png"])
def test_an_archive_member_outside(tmp_path, pictures, member):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(pictures / "00.png", "good.png")
        info = zipfile.ZipInfo("other")
        info.filename = member  # the constructor would make it safe
        archive.writestr(info, (pictures / "01.png").read_bytes())
    project = make_project(tmp_path / "project", with_source({"kind": "archive", "path": str(tmp_path / "a.zip")}))
    refused(project.genimg("run", check=False), "outside.png")
    assert not (tmp_path / "outside.png").exists()


def test_no_git_and_no_dvc(tmp_path):
    project = make_project(tmp_path / "project")
    shutil.rmtree(project.root / ".dvc")
    refused(project.genimg("run", check=False), "dvc init")
    shutil.rmtree(project.root / ".git")
    refused(project.genimg("run", check=False), "git init")
    only_python = tmp_path / "bin"
    only_python.mkdir()
    refused(
        project.run(
            project.env["PATH"].split(":")[0] + "/python",
            "-m",
            "genimg_core.cli",
            "run",
            check=False,
            PATH=str(only_python),
        ),
        "install git",
    )


def test_all_images_rejected_and_then_mended(tmp_path, pictures):
    """The first run is good; then every image is spoiled: the run fails and the first run's outputs stand again."""
    project = make_project(tmp_path / "project", with_source({"kind": "folder", "path": str(pictures)}))
    project.genimg("run", "clean@base")
    before = (project.root / "data/datasets/base/clean/clean.parquet").read_bytes()
    for path in pictures.iterdir():
        Image.new("RGB", (24, 24), "grey").save(path)
    refused(project.genimg("run", check=False), "clean@base")
    assert (project.root / "data/datasets/base/clean/clean.parquet").read_bytes() == before


def test_a_failed_gate(tmp_path, pictures):
    project = make_project(tmp_path / "project", with_source({"kind": "folder", "path": str(pictures)}))
    project.genimg("run", "validate@base")
    before = (project.root / "data/datasets/base/validated.json").read_bytes()
    for i in range(6):
        (pictures / f"{i:02}.png").write_bytes(b"no picture")
    done = project.genimg("run", check=False)
    refused(done, "observed 0.25", "0.05", "validate@base", code=3)
    assert (project.root / "data/datasets/base/validated.json").read_bytes() == before
    assert (project.root / ".genimg/gates/validate-base/report.json").is_file()
    params = project.params()
    params["datasets"]["base"]["validate"] = {"max_unreadable_share": 0.3}
    project.write_params(params)
    project.genimg("run", "validate@base")
    assert not (project.root / ".genimg/gates/validate-base").exists()


def test_corrupt_weights(own_project):
    weights = own_project.root / "data/models/latin/weights.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:1000])
    done = own_project.genimg(
        "generate",
        "latin",
        "--model",
        "data/models/latin",
        "--samples",
        "data/samples/latin",
        "--report",
        "data/reports/generate-latin",
        check=False,
    )
    refused(done, "weights.safetensors")
    assert len(list((own_project.root / "data/samples/latin/images").iterdir())) == 64


def test_a_command_that_is_not_there(fresh_project):
    refused(fresh_project.genimg("rum", check=False), "did you mean 'run'?")
