import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.metrics.features import KINDS, ExtractorSettings, load_extractors, save_extractor
from genimg_core.metrics.pixel_pca import COMPONENTS, fit_pixel_pca
from genimg_core.models.classifier.network import FEATURE_DIM, ClassifierNetwork
from tests.letters import draw_letters

SETTINGS = {"dataset": "base", "dataset_sha256": "d" * 64, "size": 16, "channels": 1}


def save(folder: Path) -> list[ExtractorSettings]:
    folder.mkdir(exist_ok=True)
    images = draw_letters("ABC", 200, 1, size=16)[0]
    return [save_extractor(folder, ClassifierNetwork(16, 1, 3).eval(), kind="domain_cnn", task="class",
                           classes=("A", "B", "C"), test_accuracy=0.5, test_split="test", seen_images=7, **SETTINGS),
            save_extractor(folder, ClassifierNetwork(16, 1, 1).eval(), kind="random_cnn", **SETTINGS),
            save_extractor(folder, fit_pixel_pca(images), kind="pixel_pca", **SETTINGS)]


def test_all_three_come_back_the_domain_cnn_first_and_each_names_kind_data_and_weights(tmp_path):
    written = save(tmp_path)
    loaded = load_extractors(tmp_path)
    assert [one.settings for one in loaded] == written
    assert [one.settings.kind for one in loaded] == ["domain_cnn", "random_cnn", "pixel_pca"]
    assert [one.id for one in written] == [f"{start}-base-{one.sha256[:8]}"
                                           for start, one in zip(("cnn", "random", "pca"), written, strict=True)]


def test_features_are_float64_and_the_same_bits_whatever_n_is(tmp_path):
    save(tmp_path)
    images, _ = draw_letters("ABC", 300, 0, size=16)
    for extractor, width in zip(load_extractors(tmp_path), (FEATURE_DIM, FEATURE_DIM, COMPONENTS), strict=True):
        features = extractor.features(images)
        assert (features.dtype, features.shape) == (np.float64, (300, width))
        assert extractor.settings.feature_dim == width
        assert np.array_equal(features[290:], extractor.features(images[290:]))


def test_only_the_domain_cnn_tells_classes_apart(tmp_path):
    save(tmp_path)
    images, _ = draw_letters("ABC", 5, 0, size=16)
    first, *others = load_extractors(tmp_path)
    assert first.probabilities(images).shape == (5, 3)
    for extractor in others:
        with pytest.raises(ValueError, match="tells no classes apart"):
            extractor.probabilities(images)


def test_images_of_another_kind_are_refused_clearly(tmp_path):
    save(tmp_path)
    for extractor in load_extractors(tmp_path):
        with pytest.raises(ParamsError, match="takes grey images of 16 x 16 pixels, these are RGB of 16 x 16"):
            extractor.features(draw_letters("A", 2, 0, size=16, channels=3)[0])
        with pytest.raises(ParamsError, match="these are grey of 32 x 32"):
            extractor.features(draw_letters("A", 2, 0, size=32)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", [
    lambda tree: tree.pop("id"), lambda tree: tree.update(surprise=1), lambda tree: tree.update(size="16"),
    lambda tree: tree.update(channels=2), lambda tree: tree.update(feature_dim=640),
    lambda tree: tree.update(classes=3), lambda tree: tree.update(size=-16), lambda tree: tree.update(size=10**9),
    lambda tree: tree.update(kind="inception")])
def test_settings_that_describe_no_extractor_are_refused(tmp_path, kind, spoil):
    save(tmp_path)
    path = tmp_path / kind / "settings.json"
    tree = json.loads(path.read_text())
    spoil(tree)
    path.write_text(json.dumps(tree))
    with pytest.raises(CorruptFileError, match=r"settings\.json does not describe") as caught:
        load_extractors(tmp_path)
    assert "\n" not in caught.value.cause


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_or_cut_file_is_refused(tmp_path, kind):
    save(tmp_path)
    weights, settings = tmp_path / kind / "weights.safetensors", tmp_path / kind / "settings.json"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CorruptFileError, match="sha256 differs"):
        load_extractors(tmp_path)
    settings.write_text('{"id": "cnn')
    with pytest.raises(CorruptFileError, match="does not describe"):
        load_extractors(tmp_path)
    settings.unlink()
    with pytest.raises(CorruptFileError, match="does not describe"):
        load_extractors(tmp_path)


def test_weights_of_another_extractor_are_refused(tmp_path):
    """Both files are whole, but not of one kind."""
    save(tmp_path)
    tree = json.loads((tmp_path / "random_cnn/settings.json").read_text())
    for kind in ("domain_cnn", "pixel_pca"):
        shutil.copy(tmp_path / "random_cnn/weights.safetensors", tmp_path / kind)
        path = tmp_path / kind / "settings.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": tree["sha256"]}))
    with pytest.raises(CorruptFileError, match="does not hold the weights"):
        load_extractors(tmp_path)
