"""import: a model of another project in one step, a bare file by what params say; whatever is wrong is named."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genimg_core.errors import CorruptFileError, ParamsError, SourceError
from genimg_core.models.import_params import ImportParams
from genimg_core.models.model_file import ModelSettings, load_model
from genimg_core.params import ImageParams, parse
from genimg_core.stages.import_model import import_model
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.training.session import plan_from_parent
from tests.models.tiny import run_pretrain, tiny_params, write_dataset

IMAGE = {"size": 8, "channels": 1}
FLOW = {"family": "flow", "flow": {"width": 8}}


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The model of another project."""
    root = tmp_path_factory.mktemp("other")
    write_dataset(root / "data")
    run_pretrain(root, tiny_params("flow", seen_images=64), root / "data", name="latin")
    return root / "model"


@pytest.fixture
def project(tmp_path, other, monkeypatch):
    """A project with a copy of it in `imports/borrowed`, and of its weights in `imports/bare.safetensors`."""
    shutil.copytree(other, tmp_path / "imports/borrowed")
    shutil.copyfile(other / "weights.safetensors", tmp_path / "imports/bare.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def take(path, image=IMAGE, **entry):
    """Run the stage; the folder of the model and the report."""
    model = Path("model")
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    params = parse(ImportParams, {"path": path, **entry}, "imported.borrowed")
    told = import_model(source=Path(path), model=model, report=model, name="borrowed", image=ImageParams(**image),
                        params=params)
    return model, told


def test_a_model_of_another_project_needs_no_word(project, other):
    model, told = take("imports/borrowed")
    was, now = load_model(other).settings, load_model(model).settings
    assert (now.model, now.parent, now.parent_sha256) == ("borrowed", "latin", was.sha256) and now.sha256 != was.sha256
    assert now.weights_sha256 == was.weights_sha256 and now.classes == was.classes
    assert told.metrics["weights"] > 0 and told.checks[0].passed
    assert told.facts["source"]["sha256"] == was.weights_sha256


def test_finetune_starts_from_it(project):
    model, _ = take("imports/borrowed")
    data = write_dataset(project / "target", classes=("grey", "light"), name="target")
    plan = plan_from_parent(model, "borrowed", NormalizedDataset(data.folder).settings)
    assert plan.family == "flow" and plan.parent_sha256 == load_model(model).settings.sha256


def test_a_bare_file_by_its_family_and_settings(project, other):
    model, _ = take("imports/bare.safetensors", **FLOW, classes=["dark", "light"])
    settings = load_model(model).settings
    assert settings.weights_sha256 == load_model(other).settings.weights_sha256
    assert settings.classes == ("dark", "light") and settings.parent is None
    model, _ = take("imports/bare.safetensors", **FLOW)
    assert load_model(model).settings.classes == ("borrowed_0", "borrowed_1"), "counted, their names not known"


def test_half_precision_becomes_whole(project):
    weights = {name: tensor.half() for name, tensor in load_file("imports/bare.safetensors").items()}
    save_file(weights, "imports/half.safetensors")
    model, _ = take("imports/half.safetensors", **FLOW)
    assert all(weight.dtype == torch.float32 for weight in load_model(model).networks.parameters())


def changed(file, change):
    weights = load_file("imports/bare.safetensors")
    change(weights)
    save_file(weights, file)


def drop_a_layer(weights):
    del weights["network.head.bias"]


def add_a_layer(weights):
    weights["network.head.bais"] = torch.zeros(3)


def break_a_number(weights):
    weights["network.stem.weight"][0, 0, 0, 0] = float("nan")


def forget_the_network(weights):
    for name in list(weights):
        weights[name.removeprefix("network.")] = weights.pop(name)


@pytest.mark.parametrize(("change", "error", "said"), [
    (drop_a_layer, ParamsError, [r"has no 'network.head.bias' (4,)", "flow (width 8, blocks 1"]),
    (add_a_layer, ParamsError, ["'network.head.bais' (3,)", "did you mean 'network.head.bias'?"]),
    (break_a_number, CorruptFileError, ["'network.stem.weight'", "not finite"]),
    (forget_the_network, ParamsError, ["put 'network.' before the names of its tensors"])])
def test_weights_that_do_not_fit(project, change, error, said):
    changed("imports/changed.safetensors", change)
    with pytest.raises(error) as caught:
        take("imports/changed.safetensors", **FLOW)
    for words in said:
        assert words in str(caught.value)


@pytest.mark.parametrize(("entry", "image", "said"), [
    ({"family": "flow", "flow": {"width": 16}}, IMAGE, "'network.no_class'|is \\(8, 4, 3, 3\\) in imports/bare"),
    (FLOW, {"size": 8, "channels": 3}, r"'network\.stem\.weight' is \(8, 4, 3, 3\).*and \(8, 12, 3, 3\)"),
    ({**FLOW, "classes": ["a", "b", "c"]}, IMAGE, r"class_embedding\.weight' is \(2, 128\).*\(3, 128\).*3 class"),
    ({"family": "vae"}, IMAGE, "has no 'autoencoder"),
    ({}, IMAGE, "nothing says what it holds(?s:.*)family: flow"),
    ({**FLOW, "max_bytes": 1000}, IMAGE, "the limit is 1,000(?s:.*)max_bytes")])
def test_settings_that_do_not_fit(project, entry, image, said):
    with pytest.raises((ParamsError, SourceError), match=said):
        take("imports/bare.safetensors", image, **entry)


def test_no_pickle_is_opened(project):
    torch.save({"a": torch.zeros(1)}, "imports/model.pt")
    with pytest.raises(SourceError, match=r"is a pickle(?s:.*)weights_only=True"):
        take("imports/model.pt", **FLOW)


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 100, b"\x10" + bytes(7) + b"{" * 30])
def test_no_safetensors(project, content):
    Path("imports/odd.safetensors").write_bytes(content)
    with pytest.raises(SourceError, match="no whole safetensors file"):
        take("imports/odd.safetensors", **FLOW)


def test_a_cut_file(project):
    whole = Path("imports/bare.safetensors").read_bytes()
    Path("imports/bare.safetensors").write_bytes(whole[:-100])
    with pytest.raises(SourceError, match="no whole safetensors file"):
        take("imports/bare.safetensors", **FLOW)


@pytest.mark.parametrize("path", ["/etc/model.safetensors", "../model.safetensors", "a/../../b"])
def test_a_path_out_of_the_project_is_refused_when_params_are_read(path):
    with pytest.raises(ParamsError, match=r"imported\.borrowed\.path.*outside the project; `genimg adopt`"):
        parse(ImportParams, {"path": path}, "imported.borrowed")


def test_a_link_out_of_the_project_is_refused(project, other):
    Path("imports/link").symlink_to(other)
    with pytest.raises(ParamsError, match=r"leads to .*outside the project(?s:.*)genimg adopt"):
        take("imports/link")


def test_a_folder_that_was_changed_or_does_not_fit(project):
    with pytest.raises(ParamsError, match=r"8 px and 1 channel(?s:.*)image: \{size: 8, channels: 1\}"):
        take("imports/borrowed", {"size": 16, "channels": 1})
    with pytest.raises(ParamsError, match="leave out `family`"):
        take("imports/borrowed", **FLOW)
    settings = Path("imports/borrowed/settings.json")
    tree = json.loads(settings.read_text())
    for strange in ({"classes": [1, 2]}, {"size": "8"}, {"family": "oracle"}, {"family_params": {"width": 10**6}},
                    {"class_counts": [1]}):
        read = {key: tuple(value) if isinstance(value, list) else value for key, value in (tree | strange).items()}
        settings.write_text(json.dumps(tree | strange | {"sha256": ModelSettings(**read).hashed()}))
        with pytest.raises(CorruptFileError, match="describes no model that this version can make"):
            take("imports/borrowed")
    settings.write_text(json.dumps({**tree, "seed": 7}))
    with pytest.raises(CorruptFileError, match="was changed after it was written"):
        take("imports/borrowed")
