"""Copies are found in pixels and in the features of a real classifier; what is no copy is not."""

import numpy as np
import pytest

from genimg_core.metrics.copies import PAIRS, CopyStudy, study_copies
from genimg_core.metrics.features import load_extractors
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.store.arrays import NormalizedDataset, write_normalized
from tests.letters import draw_letters

LETTERS = "ABCDEGHKMNPRSTVXYZ"


def dataset(folder, train: int, validation: int, test: int) -> NormalizedDataset:
    folder.mkdir()
    drawn = {split: draw_letters(LETTERS, count, seed, size=32)
             for seed, (split, count) in enumerate((("train", train), ("validation", validation), ("test", test)))}
    write_normalized(folder, dataset="base", classes=tuple(LETTERS), background="#ffffff",
                     images={split: images for split, (images, _) in drawn.items()},
                     labels={split: labels for split, (_, labels) in drawn.items()})
    return NormalizedDataset(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("copies")
    dataset(place / "normalized", 360, 20, 180)
    (place / "extractor").mkdir()
    extractor(dataset=place / "normalized", extractor=place / "extractor", report=place, seed=0, threads=1,
              params=ExtractorParams(seen_images=6000))
    return place


@pytest.fixture(scope="module")
def study(place):
    eyes = load_extractors(place / "extractor")[0]

    def look(images: np.ndarray, data: NormalizedDataset | None = None, seed: int = 0, **changes) -> CopyStudy:
        settings = {"most": 1000, "resamples": 40, "probability": 0.95} | changes
        return study_copies(data or NormalizedDataset(place / "normalized"), eyes, images,
                            np.arange(len(images)) % len(LETTERS), seed=seed, **settings)
    return look


@pytest.fixture(scope="module")
def good():
    return draw_letters(LETTERS, 180, 9, size=32)[0]


def test_a_good_generator_passes_and_the_copycat_does_not(study, good):
    found = study(good)
    assert (found.train_images, found.held_out_images, found.why) == (360, 200, None)
    assert found.copied_share < 0.08
    assert found.copycat_share == 1 and found.caught
    for space in ("pixels", "features"):
        assert found.copycat[space].copied_share.value > 0.9
        assert found.copycat[space].distance_ratio.value < 0.3
        assert found.model[space].distance_ratio.value == pytest.approx(1, abs=0.15)
        assert found.model[space].expected_share == 0.01


def test_memorized_images_are_found_by_their_share(study, place, good):
    train = NormalizedDataset(place / "normalized").images("train")
    found = study(np.concatenate([train[:45], good[45:]]))
    for space in ("pixels", "features"):
        assert found.model[space].copied_share.value == pytest.approx(0.25, abs=0.06)
    pairs = found.pairs["pixels"]
    assert pairs.ratio.shape == (PAIRS,) and (pairs.ratio == 0).all()
    assert (pairs.generated == pairs.train).all()
    assert (pairs.held_out != pairs.train).any()


def test_blur_and_noise_are_no_copies(study, good):
    soft = sum(np.roll(good.astype(float), (i, j), (1, 2)) for i in range(-1, 2) for j in range(-1, 2)) / 9
    noise = np.random.default_rng(0).integers(0, 256, good.shape).astype(np.uint8)
    for images in (soft.astype(np.uint8), noise):
        assert study(images).copied_share < 0.03


def test_the_form_of_the_figures(study, good):
    found = study(good)
    tree, control = found.described(), found.copycat_described()
    assert set(tree) == {"train_images", "held_out_images", "pixels", "features"}
    assert set(control) == {"noise_std", "caught", "pixels", "features"} and control["caught"] is True
    for space in ("pixels", "features"):
        assert set(tree[space]["distance_ratio"]) == {"value", "low", "high"}
        assert set(tree[space]["copied_share"]) == {"value", "low", "high", "expected"}
        assert set(control[space]) == {"distance_ratio", "copied_share"}
        assert found.pairs[space].threshold > 0


def test_too_little_held_out_or_trained_on_is_said(study, good, tmp_path):
    found = study(good, dataset(tmp_path / "few", 100, 5, 14))
    assert found.described() == {"train_images": 100, "held_out_images": 19, "why": found.why}
    assert "19 held-out images are too few" in found.why
    assert (found.copied_share, found.copycat_described(), found.caught) == (None, None, False)
    assert found.pairs["pixels"].threshold is None and len(found.pairs["pixels"].held_out) == PAIRS
    assert study(good, dataset(tmp_path / "none", 100, 0, 0)).pairs["features"].held_out is None
    found = study(good, dataset(tmp_path / "two", 2, 5, 50))
    assert "2 training images are too few" in found.why and not found.pairs


def test_only_held_out_images_of_the_classes_asked_for_and_no_more_than_allowed(study):
    two = study(draw_letters(LETTERS, 2, 9, size=32)[0])
    assert two.why is not None or two.held_out_images < 30
    assert study(draw_letters(LETTERS, 36, 9, size=32)[0], most=50).held_out_images == 50


def test_copies_among_the_held_out_images_make_the_alarm_untrustworthy_and_the_control_says_so(study, good, tmp_path):
    images, labels = draw_letters(LETTERS, 180, 0, size=32)
    (tmp_path / "leaky").mkdir()
    write_normalized(tmp_path / "leaky", dataset="base", classes=tuple(LETTERS), background="#ffffff",
                     images={split: images for split in ("train", "validation", "test")},
                     labels={split: labels for split in ("train", "validation", "test")})
    found = study(good, NormalizedDataset(tmp_path / "leaky"))
    assert not found.caught and found.copycat_share == 0


def test_the_seed_decides(study, good):
    one, two, three = (study(good, seed=seed) for seed in (0, 0, 1))
    assert one.described() == two.described() != three.described()
    assert one.copycat_described() == two.copycat_described()
