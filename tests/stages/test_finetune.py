"""finetune: what is taken over from the parent, and what is refused."""

import json

import pytest
import torch

from genimg_core.errors import ParamsError
from genimg_core.models.family import FAMILIES
from genimg_core.models.model_file import load_model
from genimg_core.params import parse
from genimg_core.stages.finetune import FinetuneParams, finetune
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.training.session import mapped_classes, plan_from_parent
from tests.models.tiny import run_pretrain, tiny_params, write_dataset

CLASSES = ("grey", "light")
"""Of the second data set: `light` is known, `grey` is new, `dark` is gone."""


@pytest.fixture(scope="module", params=list(FAMILIES))
def parent(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("parent")
    write_dataset(root / "data")
    run_pretrain(root, tiny_params(request.param), root / "data", name="latin")
    return root / "model"


def run(root, parent, dataset, **changes):
    settings = {"dataset": "target", "from": "latin", "seen_images": 96, "batch": 32, "log_images": 32,
                "device": "cpu"}
    for folder in ("model", "report", "resume"):
        (root / folder).mkdir()
    return finetune(parent=parent, dataset=dataset, model=root / "model", report=root / "report",
                    resume=root / "resume", name="greek", seed=0, threads=1,
                    params=FinetuneParams(**{**settings, **changes}))


def test_the_same_name_keeps_its_row_and_a_new_one_gets_the_mean():
    table = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    mapped = mapped_classes(table, ("dark", "light"), ("grey", "light", "dark"))
    assert mapped.tolist() == [[2.0, 2.0], [3.0, 4.0], [1.0, 0.0]]


def test_the_run_starts_from_the_parent_s_weights(parent, tmp_path):
    data = write_dataset(tmp_path / "data", classes=CLASSES, name="target")
    plan = plan_from_parent(parent, "latin", data.settings)
    model = load_model(parent)
    old = model.networks.state_dict()
    for name, tensor in plan.start.items():
        if name in model.family.class_tables:
            assert torch.equal(tensor[1], old[name][1]) and torch.allclose(tensor[0], old[name].mean(dim=0))
        else:
            assert torch.equal(tensor, old[name])
    assert plan.parent_sha256 == model.settings.sha256 and plan.spec.classes == 2


def test_the_child(parent, tmp_path):
    write_dataset(tmp_path / "data", count=42, classes=("grey", "light", "white"), name="target")
    report = run(tmp_path, parent, tmp_path / "data")
    child, old = load_model(tmp_path / "model"), load_model(parent)
    assert child.settings.family == old.settings.family and child.settings.family_params == old.settings.family_params
    assert child.settings.classes == ("grey", "light", "white") and child.settings.class_counts == (14, 14, 14)
    assert (child.settings.parent, child.settings.parent_sha256) == ("latin", old.settings.sha256)
    assert child.settings.dataset == "target" and child.settings.seen_images == 96
    assert report.facts["parent"] == "latin" and all(check.passed for check in report.checks)
    moved = [name for name, tensor in child.networks.state_dict().items()
             if name not in child.family.class_tables and not torch.equal(tensor, old.networks.state_dict()[name])]
    assert moved


def test_a_child_of_a_child(parent, tmp_path):
    write_dataset(tmp_path / "data", classes=CLASSES, name="target")
    for generation, start in (("one", parent), ("two", tmp_path / "one" / "model")):
        (tmp_path / generation).mkdir()
        run(tmp_path / generation, start, tmp_path / "data")
    one, two = load_model(tmp_path / "one" / "model").settings, load_model(tmp_path / "two" / "model").settings
    assert two.parent_sha256 == one.sha256 != two.sha256


@pytest.mark.parametrize(("size", "channels"), [(12, 1), (8, 3)])
def test_other_images_are_refused(parent, tmp_path, size, channels):
    data = write_dataset(tmp_path / "data", size=size, channels=channels, name="target")
    with pytest.raises(ParamsError, match=rf"latin makes images of 8 px and 1 .*target has {size} px and {channels}"):
        plan_from_parent(parent, "latin", NormalizedDataset(data.folder).settings)


def test_params():
    params = parse(FinetuneParams, {"dataset": "target", "from": "latin"}, "finetune.greek")
    assert params.parent == "latin" and params.model_dump(by_alias=True)["from"] == "latin"
    with pytest.raises(ParamsError, match=r"unknown key 'finetune\.greek\.family'"):
        parse(FinetuneParams, {"dataset": "target", "from": "latin", "family": "gan"}, "finetune.greek")


def test_the_log_is_the_run_s_own(parent, tmp_path):
    write_dataset(tmp_path / "data", classes=CLASSES, name="target")
    run(tmp_path, parent, tmp_path / "data")
    lines = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert [line["seen_images"] for line in lines] == [32, 64, 96]
