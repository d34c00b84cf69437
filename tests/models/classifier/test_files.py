import hashlib
from pathlib import Path

import pytest
import torch

from genimg_core.errors import CorruptFileError
from genimg_core.models.classifier.files import load_weights, save_weights
from genimg_core.models.classifier.network import ClassifierNetwork


def write(folder: Path, data: bytes) -> tuple[Path, str]:
    path = folder / "weights.safetensors"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


def load(path: Path, sha256: str, classes: int = 3) -> ClassifierNetwork:
    return load_weights(path, 16, 1, classes, sha256, "train it again")


def test_what_was_saved_comes_back(tmp_path):
    network, path = ClassifierNetwork(16, 1, 3), tmp_path / "weights.safetensors"
    loaded = load(path, save_weights(network, path))
    images = torch.rand(4, 1, 16, 16)
    assert torch.equal(network(images), loaded(images))
    assert not loaded.training


def test_saving_twice_gives_the_same_bytes(tmp_path):
    network = ClassifierNetwork(16, 1, 3)
    assert save_weights(network, tmp_path / "a") == save_weights(network, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_spoilt_weights_are_refused_in_one_line(tmp_path):
    network, path = ClassifierNetwork(16, 1, 3), tmp_path / "weights.safetensors"
    sha256 = save_weights(network, path)
    data = path.read_bytes()
    for spoilt in (data[:-100], b"", data[:200] + bytes([data[200] ^ 1]) + data[201:]):
        path.write_bytes(spoilt)
        with pytest.raises(CorruptFileError, match="sha256 differs") as caught:
            load(path, sha256)
        assert "\n" not in caught.value.cause
    path.unlink()
    with pytest.raises(CorruptFileError, match="cannot be read"):
        load(path, sha256)


def test_a_file_of_another_network_or_of_no_network_is_refused(tmp_path):
    network, path = ClassifierNetwork(16, 1, 5), tmp_path / "weights.safetensors"
    with pytest.raises(CorruptFileError, match="does not hold the weights"):
        load(path, save_weights(network, path))
    with pytest.raises(CorruptFileError, match="does not hold the weights"):
        load(*write(tmp_path, b"not a safetensors file at all"))


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    network, path = ClassifierNetwork(16, 1, 3), tmp_path / "weights.safetensors"
    with torch.no_grad():
        network.head.bias[0] = torch.nan
    with pytest.raises(CorruptFileError, match="no numbers"):
        load(path, save_weights(network, path))
