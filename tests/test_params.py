"""params.yaml: what is wrong is named, with the nearest right thing."""

from pathlib import Path

import pytest

from genimg_core.errors import ParamsError
from genimg_core.params import ImageParams, Section, lookup, parse, read
from genimg_core.schema import load_params

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def tree():
    return read(ROOT / "params.yaml")


def test_the_repository_s_params_are_valid(tree):
    params = load_params(tree)
    assert set(params.generate) == {*params.pretrain, *params.finetune}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda t: t["datasets"]["base"].update(cleen={}), ["datasets.base.cleen", "did you mean 'clean'?"]),
        (
            lambda t: t["datasets"]["base"]["source"].update(imagse=3),
            ["datasets.base.source.imagse", "did you mean 'images'?"],
        ),
        (
            lambda t: t["pretrain"]["latin"].update(seen_image=3),
            ["pretrain.latin.seen_image", "did you mean 'seen_images'?"],
        ),
        (lambda t: t.update(evalute={}), ["'evalute'", "did you mean 'evaluate'?"]),
        (lambda t: t["image"].update(size=0), ["image.size", "0"]),
        (lambda t: t["image"].update(channels=2), ["image.channels", "2", "1, 3 or 4"]),
        (lambda t: t["datasets"]["base"].pop("clean"), ["datasets.base.clean", "missing"]),
        (lambda t: t["datasets"].update({"My Set": t["datasets"]["base"]}), ["My Set", "[a-z][a-z0-9_]*"]),
        (
            lambda t: t["pretrain"]["latin"].update(dataset="bass"),
            ["pretrain.latin.dataset", "bass", "did you mean 'base'?"],
        ),
        (lambda t: t["finetune"]["greek"].update({"from": "latn"}), ["finetune.greek.from", "did you mean 'latin'?"]),
        (lambda t: t["finetune"]["greek"].update({"from": "greek"}), ["starts from itself"]),
        (lambda t: t["generate"]["greek"].update(dataset="base"), ["generate.greek.dataset", "dataset: target"]),
        (lambda t: t["finetune"].update(latin=t["finetune"]["greek"]), ["under pretrain and under finetune"]),
        (lambda t: t.update(pretrain=None), ["'pretrain'"]),
        (lambda t: t["datasets"]["base"]["source"].update(kind="floder"), ["datasets.base.source"]),
    ],
)
def test_what_is_wrong_is_named(tree, edit, said):
    edit(tree)
    with pytest.raises(ParamsError) as caught:
        load_params(tree)
    for words in said:
        assert words in str(caught.value)


def test_one_data_set_and_one_model_are_enough(tree):
    tree["datasets"] = {"photos": tree["datasets"]["base"]}
    tree["pretrain"] = {"photos": {"dataset": "photos"}}
    tree["finetune"] = {}
    tree["generate"] = {"photos": {"dataset": "photos"}}
    tree["extractor"] = {"dataset": "photos"}
    assert list(load_params(tree).datasets) == ["photos"]


def test_a_file_that_is_no_yaml(tmp_path):
    (tmp_path / "params.yaml").write_text("a: [1, 2\nb: }")
    with pytest.raises(ParamsError, match=r"not valid YAML.*line"):
        read(tmp_path / "params.yaml")
    with pytest.raises(ParamsError, match="there is no"):
        read(tmp_path / "nothing.yaml")


def test_lookup_names_the_first_missing_key():
    with pytest.raises(ParamsError, match=r"'a\.clean' is missing") as caught:
        lookup({"a": {"cleen": 1}}, "a.clean.d")
    assert "did you mean 'cleen'?" in caught.value.remedy


def test_sections_are_frozen():
    image = parse(ImageParams, {"size": 16}, "image")
    assert isinstance(image, Section) and image.background_rgb == (255, 255, 255)
    with pytest.raises(ValueError, match="frozen"):
        image.size = 8
