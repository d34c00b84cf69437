"""Which controllers fit together, and what a run without any says."""

import json

import pytest

from genimg_core.errors import EmptyDatasetError, ParamsError
from genimg_core.params import parse
from genimg_core.stages.finetune import FinetuneParams, finetune
from genimg_core.stages.pretrain import PretrainParams
from genimg_core.training.adapt import AdaptParams
from tests.models.tiny import run_pretrain, tiny_params, write_dataset


def parsed(family, adapt, **more):
    return parse(PretrainParams, {"dataset": "base", "family": family, "adapt": adapt, **more}, "pretrain.m")


@pytest.mark.parametrize(("family", "adapt", "more", "told"), [
    ("flow", {"augment": {}}, {}, r"adapt\.augment: the family flow has nothing"),
    ("vae", {"penalty": {}}, {}, r"adapt\.penalty: the family vae has nothing"),
    ("gan", {"kl": {"target": 10}}, {}, r"adapt\.kl: the family gan has nothing"),
    ("gan", {"penalty": {}}, {"gan": {"loss": "wasserstein"}}, "no value for guessing"),
    ("gan", {"penalty": {}}, {"gan": {"network": "dcgan"}}, "no penalty"),
    ("gan", {"penalty": {"low": 0.9, "high": 0.5}}, {}, "low must be under high"),
    ("vae", {"kl": {"target": 10}}, {"vae": {"beta": 0}}, "a beta of 0 stays 0"),
    ("vae", {"kl": {"target": 10}, "rate": {}}, {}, "leave one of them out"),
    ("gan", {"stop": {}}, {"watch": {"looks": 0}}, r"let watch\.looks be over 0"),
    ("gan", {"augment": {"most": 0.9}}, {}, "less than or equal to 0.8"),
    ("gan", {"augmentation": {}}, {}, "did you mean 'augment'"),
    ("vae", {"kl": {}}, {}, r"adapt\.kl\.target' is missing")])
def test_what_makes_no_sense_is_refused(family, adapt, more, told):
    with pytest.raises(ParamsError, match=told):
        parsed(family, adapt, **more)


@pytest.mark.parametrize(("family", "adapt", "more"), [
    ("gan", {"augment": {}, "penalty": {}, "rate": {}, "stop": {}}, {}),
    ("gan", {"penalty": {}}, {"gan": {"loss": "hinge"}}), ("gan", {"augment": {}}, {"gan": {"loss": "wasserstein"}}),
    ("vae", {"kl": {"target": 10}, "stop": {"patience": None}}, {}), ("vae", {"rate": {}, "stop": {}}, {}),
    ("flow", {"rate": {}, "stop": {}}, {})])
def test_what_makes_sense_is_taken(family, adapt, more):
    assert parsed(family, adapt, **more).adapt.named == tuple(name for name in AdaptParams.model_fields
                                                              if name in adapt)


def test_a_fine_tuning_is_checked_against_its_parents_family(tmp_path):
    write_dataset(tmp_path / "data")
    run_pretrain(tmp_path, tiny_params("vae"), tmp_path / "data")
    params = FinetuneParams(**{"from": "m", "dataset": "base", "adapt": {"augment": {}}})
    with pytest.raises(ParamsError, match=r"child: adapt\.augment: the family vae has nothing"):
        finetune(parent=tmp_path / "model", dataset=tmp_path / "data", model=tmp_path / "child", report=tmp_path / "r",
                 resume=tmp_path / "resume", name="child", seed=0, threads=1, params=params)


def test_too_few_held_out_images_are_an_error_that_says_so(tmp_path):
    write_dataset(tmp_path / "data", count=12)
    with pytest.raises(EmptyDatasetError, match="12 images of base are held out") as caught:
        run_pretrain(tmp_path, tiny_params("gan", adapt={"stop": {}}), tmp_path / "data")
    assert "validation_share" in caught.value.remedy


def test_a_run_without_controllers_does_not_speak_of_them(tmp_path):
    """So the hashes of models trained before they came stand."""
    params = tiny_params("gan")
    assert "adapt" not in params.recorded() and params.recorded()["watch"]["looks"] == 20
    write_dataset(tmp_path / "data")
    run_pretrain(tmp_path, params, tmp_path / "data")
    assert "adapt" not in (tmp_path / "model" / "settings.json").read_text()
    assert "adapt" not in (tmp_path / "model" / "log.jsonl").read_text()
    assert not (tmp_path / "report" / "controls.png").exists()
    told = tiny_params("gan", adapt={"augment": {}}).recorded()["adapt"]
    assert told["augment"]["target"] == 0.6 and json.dumps(told)
