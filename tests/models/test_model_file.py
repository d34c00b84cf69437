"""A model that is not what was written is refused in one clear line."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save

from genimg_core.errors import CorruptFileError
from genimg_core.models.model_file import load_model, save_model
from tests.models.tiny import run_pretrain, tiny_params, write_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("model")
    write_dataset(root / "data")
    run_pretrain(root, tiny_params("vae", seen_images=64), root / "data")
    return root / "model"


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "model")


def refused(folder, *words):
    with pytest.raises(CorruptFileError) as caught:
        load_model(folder)
    assert "\n" not in caught.value.cause
    assert all(word in caught.value.cause for word in words), caught.value.cause
    assert "genimg run" in caught.value.remedy


def test_weights_that_are_missing(folder):
    (folder / "weights.safetensors").unlink()
    refused(folder, "weights.safetensors", "cannot be read")


@pytest.mark.parametrize("keep", [0, 1000, -1])
def test_weights_that_were_cut(folder, keep):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    refused(folder, "weights.safetensors", "sha256")


def test_weights_with_one_other_bit(folder):
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    refused(folder, "weights.safetensors", "sha256")


def test_another_model_s_weights(folder):
    model = load_model(folder)
    other = {name: tensor[:-1] if tensor.ndim > 1 else tensor for name, tensor in model.networks.state_dict().items()}
    save_model(folder, torch.nn.ModuleDict(), model.settings)
    settings = load_settings(folder)
    assert settings["weights_sha256"] != model.settings.weights_sha256
    refused(folder, "does not hold the weights")
    (folder / "weights.safetensors").write_bytes(save({name: tensor.contiguous() for name, tensor in other.items()}))
    refused(folder, "sha256")


def load_settings(folder):
    return json.loads((folder / "settings.json").read_text())


@pytest.mark.parametrize(("key", "value"),
                         [("classes", ["a", "b"]), ("parent_sha256", "0" * 64), ("seen_images", 1), ("sha256", "")])
def test_settings_that_were_changed(folder, key, value):
    settings = load_settings(folder)
    assert settings[key] != value
    (folder / "settings.json").write_text(json.dumps(settings | {key: value}))
    refused(folder, "settings.json", "sha256")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"family": "flow"}'])
def test_settings_that_are_none(folder, text):
    (folder / "settings.json").write_text(text)
    refused(folder, "settings.json")


def test_no_model_at_all(tmp_path):
    refused(tmp_path, "settings.json")


def test_the_settings_say_where_the_model_comes_from(written):
    settings = load_settings(written)
    assert (settings["model"], settings["dataset"], settings["family"]) == ("m", "base", "vae")
    assert settings["classes"] == ["dark", "light"] and settings["class_counts"] == [20, 20]
    assert settings["parent"] is None and settings["seen_images"] == 64
    assert len(settings["dataset_sha256"]) == len(settings["weights_sha256"]) == len(settings["sha256"]) == 64


def test_no_label_is_no_sample(written):
    assert load_model(written).sample(np.zeros(0, np.int64), seed=0).shape == (0, 8, 8, 1)
