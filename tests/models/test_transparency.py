"""Images with four channels keep their transparency from the file to the sample, through the real stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from genimg_core.errors import ParamsError
from genimg_core.metrics.features import load_extractors
from genimg_core.metrics.samples import read_samples
from genimg_core.models.family import FAMILIES
from genimg_core.models.model_file import load_model
from genimg_core.models.samples import write_samples
from genimg_core.params import ImageParams
from genimg_core.stages.clean import CleanParams, clean
from genimg_core.stages.evaluate import EvaluateParams, evaluate
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.stages.label import LabelParams, label
from genimg_core.stages.normalize import NormalizeParams, normalize
from genimg_core.store.arrays import NormalizedDataset
from tests.models.tiny import dark_and_light, run_pretrain, tiny_params, write_dataset
from tests.pictures import encoded, run_profile, write_raw
from tests.samples import write_samples as write_given_samples

FORM = ImageParams(size=16, channels=4, background="#102030")
FEW = 48


def sprite(number: int) -> Image.Image:
    """A disc or a square on nothing, with a secret under the transparency."""
    draws = np.random.default_rng(number)
    image = Image.new("RGBA", (40, 40), (255, 0, 255, 0))
    x, y, side = (*draws.integers(2, 14, 2).tolist(), int(draws.integers(14, 24)))
    colour = (*draws.integers(0, 256, 3).tolist(), int(draws.integers(120, 256)))
    shape = ImageDraw.Draw(image)
    (shape.ellipse if number % 2 else shape.rectangle)((x, y, x + side, y + side), fill=colour)
    return image


@pytest.fixture(scope="module")
def normalized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sprites of two classes, through profile, clean, label and normalize."""
    root = tmp_path_factory.mktemp("sprites")
    names = {f"{'disc' if i % 2 else 'square'}/{i:02d}.png": i for i in range(FEW)}
    write_raw(root / "raw", {name: encoded(sprite(i)) for name, i in names.items()},
              labels={name: name.partition("/")[0] for name in names})
    run_profile(root / "raw", root / "profile", FORM)
    for folder in ("clean", "labels", "normalized", "report"):
        (root / folder).mkdir()
    clean(name="base", profile=root / "profile", validated=root, clean=root / "clean", report=root / "report",
          settings=CleanParams())
    label(name="base", profile=root / "profile", clean=root / "clean", labels=root / "labels", report=root / "report",
          seed=0, threads=1, params=LabelParams())
    told = normalize(name="base", profile=root / "profile", labels=root / "labels", normalized=root / "normalized",
                     report=root / "report", image=FORM, settings=NormalizeParams())
    assert not told.failed
    return root / "normalized"


def test_arrays_hold_straight_alpha_and_no_secret(normalized: Path) -> None:
    data = NormalizedDataset(normalized)
    images = np.concatenate([data.images(split) for split in ("train", "validation", "test")])
    assert data.settings.channels == 4 and images.shape == (FEW, 16, 16, 4)
    alpha = images[..., 3]
    assert (alpha == 0).mean() > 0.3 and alpha.max() > 200
    assert (images[alpha == 0][:, :3] == (0x10, 0x20, 0x30)).all()
    solid = images[alpha > 110]
    assert len(solid) and len(np.unique(solid[:, :3], axis=0)) > FEW / 2, "colours are not those of one background"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_training_and_its_samples_have_four_channels(normalized: Path, tmp_path: Path, family: str) -> None:
    report = run_pretrain(tmp_path, tiny_params(family), normalized)
    assert not report.failed and report.facts["channels"] == 4
    model = load_model(tmp_path / "model", "cpu")
    drawn = model.sample(np.array([0, 1, 0]), seed=0)
    assert drawn.shape == (3, 16, 16, 4)
    (tmp_path / "samples").mkdir()
    write_samples(tmp_path / "samples", model.settings, drawn, np.array([0, 1, 0]), 0)
    assert np.array_equal(read_samples(tmp_path / "samples").images, drawn)
    with Image.open(tmp_path / "samples/images/000000.png") as written:
        assert written.mode == "RGBA"


def test_features_of_four_channels_and_a_plain_word_for_three(normalized: Path, tmp_path: Path) -> None:
    (tmp_path / "extractor").mkdir()
    (tmp_path / "report").mkdir()
    extractor(dataset=normalized, extractor=tmp_path / "extractor", report=tmp_path / "report", seed=0, threads=1,
              params=ExtractorParams(seen_images=200))
    images = NormalizedDataset(normalized).images("train")
    for network in load_extractors(tmp_path / "extractor"):
        assert len(network.features(images)) == len(images)
        with pytest.raises(ParamsError, match="takes RGBA images"):
            network.features(np.ascontiguousarray(images[..., :3]))


def test_samples_of_four_channels_are_scored(tmp_path: Path) -> None:
    write_dataset(tmp_path / "normalized", size=16, channels=4, count=120)
    for folder in ("extractor", "evaluation", "report"):
        (tmp_path / folder).mkdir()
    extractor(dataset=tmp_path / "normalized", extractor=tmp_path / "extractor", report=tmp_path / "report", seed=0,
              threads=1, params=ExtractorParams(seen_images=1000))
    images, labels = dark_and_light(120, 16, 4, seed=9)
    write_given_samples(tmp_path / "samples", images, [("dark", "light")[label] for label in labels])
    report = evaluate(samples=tmp_path / "samples", extractor=tmp_path / "extractor", dataset=tmp_path / "normalized",
                      evaluation=tmp_path / "evaluation", report=tmp_path / "report", name="m", seed=0, threads=1,
                      params=EvaluateParams(require_better_than_baseline=False))
    assert abs(report.metrics["kid"] - report.metrics["kid_floor"]) < 0.05 and report.metrics["coverage"] > 0.5
    for picture in report.pictures:
        with Image.open(tmp_path / "report" / picture.file) as shown:
            assert shown.width > 100
