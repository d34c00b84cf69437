"""recipe: a pin is noted; `auto` tries on the target's own images, and finetune follows."""

import json

import pytest

from genimg_core.errors import ParamsError
from genimg_core.params import parse
from genimg_core.stages.finetune import finetune
from genimg_core.stages.recipe import recipe
from genimg_core.training.finetune_params import FinetuneParams
from tests.models.tiny import run_pretrain, tiny_params, write_dataset
from tests.trials.tiny import make_ground

ENTRY = {"dataset": "target", "from": "latin", "seen_images": 64, "batch": 16, "log_images": 32, "device": "cpu"}
TRIALS = {"images": 32, "samples": 16, "candidates": ["frozen", {"recipe": "small", "learning_rate": 0.01}]}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    root = tmp_path_factory.mktemp("ground")
    make_ground(root)
    write_dataset(root / "target", count=24, classes=("light", "new"), name="target")
    run_pretrain(root / "parent", tiny_params("flow", seen_images=64), root / "data", name="latin")
    return root


def choose(ground, folder, params):
    folder.mkdir(parents=True)
    return recipe(parent=ground / "parent/model", dataset=ground / "target", extractor=ground / "extractor",
                  selected=folder / "selected.json", report=folder, name="greek", seed=0, threads=1, params=params)


def test_a_pinned_recipe_is_noted(ground, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = choose(ground, tmp_path / "out", parse(FinetuneParams, {
        **ENTRY, "recipe": "frozen", "freeze": ["network.stem"]}, "finetune.greek"))
    found = json.loads((tmp_path / "out/selected.json").read_text())
    assert found == {"how": "pinned", "recipe": "frozen", "freeze": ["network.stem"], "start": "average",
                     "learning_rate": 2e-3}
    assert told.facts == {"how": "pinned", "chosen": "frozen"} and not (tmp_path / ".genimg").exists()


def test_auto_tries_on_the_target_and_finetune_follows(ground, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = parse(FinetuneParams, {**ENTRY, "recipe": "auto", "select": TRIALS}, "finetune.greek")
    told = choose(ground, tmp_path / "out", params)
    facts = told.facts
    assert [row["label"] for row in facts["candidates"]] == ["frozen", "small, learning rate 0.01"]
    assert facts["dataset"] == "target" and "(24) and of the train split (6, from which" in facts["judged_by"]
    frozen, small = facts["candidates"]
    assert frozen["kid"] != small["kid"], "they were really trained in different ways"
    found = json.loads((tmp_path / "out/selected.json").read_text())
    assert found["recipe"] == facts["chosen"].partition(",")[0] and found["how"] == "trials"
    assert found["learning_rate"] == (0.01 if found["recipe"] == "small" else 2e-3)
    for folder in ("model", "report", "resume"):
        (tmp_path / folder).mkdir()
    given = {"parent": ground / "parent/model", "dataset": ground / "target", "model": tmp_path / "model",
             "report": tmp_path / "report", "resume": tmp_path / "resume", "name": "greek", "seed": 0, "threads": 1}
    with pytest.raises(ParamsError, match=r"finetune\.greek\.recipe' is auto(?s:.*)genimg run recipe@greek"):
        finetune(**given, params=params)
    done = finetune(**given, params=params, selected=tmp_path / "out/selected.json")
    assert done.facts["transfer"]["recipe"] == found["recipe"]
    assert done.facts["train_params"]["learning_rate"] == found["learning_rate"]
    pinned = parse(FinetuneParams, ENTRY, "finetune.greek")
    with pytest.raises(ParamsError, match=r"\(trials\), 'finetune\.greek\.recipe' is full"):
        finetune(**given, params=pinned, selected=tmp_path / "out/selected.json")
