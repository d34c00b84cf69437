"""generate: PNGs, table and grid, the same bytes each time."""

import json

import numpy as np
import pytest
from PIL import Image

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.params import parse
from genimg_core.stages.generate import CHECKS, GenerateParams, generate
from tests.models.tiny import run_pretrain, tiny_params, write_dataset


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    root = tmp_path_factory.mktemp("model")
    write_dataset(root / "data", count=45, classes=("dark", "light", "rare"))
    run_pretrain(root, tiny_params("flow"), root / "data")
    return root / "model"


def run(root, model, **changes):
    for folder in ("samples", "report"):
        (root / folder).mkdir(parents=True)
    params = GenerateParams(**{"dataset": "base", "images": 10, "steps": 2, "batch": 8, "device": "cpu", **changes})
    return generate(model=model, samples=root / "samples", report=root / "report", name="m", seed=0, threads=1,
                    params=params)


def pixels(root):
    return [np.asarray(Image.open(path)) for path in sorted((root / "samples/images").iterdir())]


def test_what_is_written(model, tmp_path):
    report = run(tmp_path, model)
    assert report.metrics == {"images": 10, "classes": 3}
    assert report.facts["classes"] == {"dark": 4, "light": 3, "rare": 3}
    assert [check.name for check in report.checks] == [name for name, *_ in CHECKS] and report.checks[0].passed
    written = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert written == ["grid.png", "images", "samples.csv", "settings.json"]
    assert (tmp_path / "report/samples.png").read_bytes() == (tmp_path / "samples/grid.png").read_bytes()
    with Image.open(tmp_path / "samples/images/000003.png") as picture:
        assert picture.size == (8, 8) and picture.info["genimg:class"] == "dark"
    settings = json.loads((tmp_path / "samples/settings.json").read_text())
    assert settings["model_sha256"] == report.facts["model_sha256"] and settings["images"] == 10


def test_equal_runs_give_equal_bytes_and_more_images_change_none(model, tmp_path):
    run(tmp_path / "a", model, images=9)
    run(tmp_path / "b", model, images=9)
    run(tmp_path / "c", model, images=21)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    for number in range(9):
        name = f"samples/images/{number:06}.png"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_only_the_named_classes(model, tmp_path):
    assert run(tmp_path, model, images=4, classes=("light",)).facts["classes"] == {"light": 4}
    with pytest.raises(ParamsError, match="no class 'ligth'") as caught:
        run(tmp_path / "wrong", model, classes=("ligth",))
    assert "light" in caught.value.remedy


def test_steps_and_guidance_count(model, tmp_path):
    run(tmp_path / "a", model)
    run(tmp_path / "b", model, steps=5)
    run(tmp_path / "c", model, guidance=4.0)
    plain, steps, guided = (np.stack(pixels(tmp_path / name)) for name in "abc")
    assert (plain != steps).any() and (plain != guided).any()


@pytest.mark.parametrize("entry", [{"images": 0}, {"steps": 0}, {"guidance": -1}, {"image": 5}])
def test_what_is_wrong_in_params_is_named(entry):
    with pytest.raises(ParamsError) as caught:
        parse(GenerateParams, {"dataset": "base", **entry}, "generate.m")
    assert f"generate.m.{next(iter(entry))}" in caught.value.cause


def test_no_model(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(CorruptFileError):
        run(tmp_path, tmp_path / "model")
