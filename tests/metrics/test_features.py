import json
from pathlib import Path

import numpy as np
import pytest

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.metrics.features import ExtractorSettings, load_extractor, save_extractor
from genimg_core.models.classifier.network import FEATURE_DIM, ClassifierNetwork
from tests.letters import draw_letters


def save(folder: Path, channels: int = 1) -> ExtractorSettings:
    folder.mkdir(exist_ok=True)
    return save_extractor(folder, ClassifierNetwork(16, channels, 3).eval(), dataset="base", dataset_sha256="d" * 64,
                          task="class", classes=("A", "B", "C"), size=16, channels=channels, seen_images=0,
                          test_accuracy=0.5, test_split="test")


def test_the_id_names_data_and_weights(tmp_path):
    settings = save(tmp_path)
    assert settings.id == f"cnn-base-{settings.sha256[:8]}"
    assert load_extractor(tmp_path).settings == settings


def test_features_are_float64_and_the_same_bits_whatever_n_is(tmp_path):
    save(tmp_path)
    extractor, (images, _) = load_extractor(tmp_path), draw_letters("ABC", 300, 0, size=16)
    features = extractor.features(images)
    assert (features.dtype, features.shape) == (np.float64, (300, FEATURE_DIM))
    assert np.array_equal(features[290:], extractor.features(images[290:]))
    assert extractor.probabilities(images).shape == (300, 3)


def test_images_of_another_kind_are_refused_clearly(tmp_path):
    save(tmp_path)
    extractor = load_extractor(tmp_path)
    with pytest.raises(ParamsError, match="takes grey images of 16 x 16 pixels, these are RGB of 16 x 16"):
        extractor.features(draw_letters("A", 2, 0, size=16, channels=3)[0])
    with pytest.raises(ParamsError, match="these are grey of 32 x 32"):
        extractor.features(draw_letters("A", 2, 0, size=32)[0])


@pytest.mark.parametrize("spoil", [
    lambda tree: tree.pop("classes"), lambda tree: tree.update(surprise=1), lambda tree: tree.update(size="16"),
    lambda tree: tree.update(channels=2), lambda tree: tree.update(feature_dim=64), lambda tree: tree.update(classes=3),
    lambda tree: tree.update(size=-16)])
def test_settings_that_describe_no_extractor_are_refused(tmp_path, spoil):
    save(tmp_path)
    tree = json.loads((tmp_path / "settings.json").read_text())
    spoil(tree)
    (tmp_path / "settings.json").write_text(json.dumps(tree))
    with pytest.raises(CorruptFileError, match=r"settings\.json does not describe"):
        load_extractor(tmp_path)


def test_a_missing_or_cut_file_is_refused(tmp_path):
    save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CorruptFileError, match="sha256 differs"):
        load_extractor(tmp_path)
    (tmp_path / "settings.json").write_text('{"id": "cnn')
    with pytest.raises(CorruptFileError, match="does not describe"):
        load_extractor(tmp_path)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(CorruptFileError, match="does not describe"):
        load_extractor(tmp_path)
