"""Direct use of a model: the same image whatever is asked for around it, and the same as the stage's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import genimg_core
from genimg_core.errors import ParamsError
from genimg_core.models.model_file import load_model
from genimg_core.sampling import find_model
from genimg_core.stages.generate import GenerateParams, generate
from tests.models.tiny import run_pretrain, tiny_params, write_dataset

CLASSES = ("dark", "light", "../γ x")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A project with one trained model, m."""
    root = tmp_path_factory.mktemp("sampling")
    write_dataset(root / "normalized", classes=CLASSES)
    run_pretrain(root / "run", tiny_params("flow"), root / "normalized")
    (root / "data/models").mkdir(parents=True)
    (root / "run/model").rename(root / "data/models/m")
    (root / "params.yaml").write_text("threads: 1\n")
    return root


@pytest.fixture
def model(place, monkeypatch):
    monkeypatch.chdir(place)
    return genimg_core.load("m", device="cpu")


def test_importing_the_package_is_cheap():
    code = "import sys, genimg_core; genimg_core.load; sys.exit(bool({'torch', 'PIL', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_or_a_folder(model, place, monkeypatch, tmp_path):
    assert model.classes == CLASSES and "m" in repr(model)
    monkeypatch.chdir(tmp_path)
    assert genimg_core.load(place / "data/models/m", threads=1).settings == model.settings
    with pytest.raises(ParamsError, match="there is no model 'm'"):
        genimg_core.load("m")


def test_the_nearest_names(model):
    with pytest.raises(ParamsError, match="did you mean 'm'"):
        genimg_core.load("mm")
    with pytest.raises(ParamsError, match="did you mean 'light'"):
        model.sample("ligth")


def test_images_that_know_where_they_come_from(model):
    images = model.sample("dark", n=2, seed=3, first_index=5, steps=3, guidance=2)
    assert len(images) == 2 and all(isinstance(image, Image.Image) and image.size == (8, 8) for image in images)
    assert images[1].info["genimg:index"] == "6" and images[1].info["genimg:class"] == "dark"
    assert images[1].info["genimg:steps"] == "3" and images[1].info["genimg:guidance"] == "2.0"
    assert images[1].info["genimg:dataset"] == "base"


@pytest.mark.parametrize("classes", [None, "light", ["dark", "light"]])
def test_a_sample_is_the_same_whatever_is_drawn_with_it(model, classes):
    whole = model.draw(classes, n=100, seed=4, steps=2)
    first = model.draw(classes, n=7, seed=4, steps=2)
    later = model.draw(classes, n=9, seed=4, first_index=60, steps=2)
    assert np.array_equal(whole.images[:7], first.images) and np.array_equal(whole.labels[:7], first.labels)
    assert np.array_equal(whole.images[60:69], later.images) and np.array_equal(whole.labels[60:69], later.labels)
    assert not np.array_equal(whole.images, model.draw(classes, n=100, seed=5, steps=2).images)


def test_the_stage_draws_the_same(model, place, tmp_path):
    for folder in ("samples", "report"):
        (tmp_path / folder).mkdir()
    generate(model=place / "data/models/m", samples=tmp_path / "samples", report=tmp_path / "report", name="m", seed=9,
             threads=1, params=GenerateParams(dataset="base", images=70, steps=3, guidance=1.2, device="cpu"))
    ours = model.draw(n=70, seed=9, steps=3, guidance=1.2)
    for index in (0, 1, 2, 65, 69):
        with Image.open(tmp_path / f"samples/images/{index:06d}.png") as picture:
            assert np.array_equal(np.asarray(picture), ours.images[index, ..., 0])
            assert picture.info == ours.texts(index)
    one = model.draw(CLASSES[ours.labels[69]], n=1, seed=9, first_index=69, steps=3, guidance=1.2)
    assert np.array_equal(one.images[0], ours.images[69]) and one.texts(0) == ours.texts(69)


def test_the_usual_steps_and_guidance_are_the_model_s(model):
    expected = load_model(find_model("m")).sample(np.array([0, 0]), seed=0)
    assert np.array_equal(model.draw("dark", n=2).images, expected)


@pytest.mark.parametrize(("setting", "value"), [
    ("n", 0), ("n", 1.5), ("n", 10**8), ("seed", -1), ("seed", True), ("first_index", -1), ("steps", 0),
    ("steps", 1001), ("guidance", 21), ("guidance", float("nan"))])
def test_numbers_out_of_range(model, setting, value):
    with pytest.raises(ParamsError, match=setting):
        model.sample("dark", **{setting: value})


def test_more_than_memory_holds(model, monkeypatch):
    monkeypatch.setattr("genimg_core.sampling.MOST_BYTES", 8 * 8 * 10)
    assert len(model.sample("dark", n=10, steps=1)) == 10
    with pytest.raises(ParamsError, match="in parts"):
        model.sample("dark", n=11, steps=1)
