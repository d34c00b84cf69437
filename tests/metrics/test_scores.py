"""Each spoilt generator must move the right score the right way, by each extractor; real letters stand for a good one.

The extractors are those of the extractor stage. With 250 letters in five classes a good generator reaches, by the
domain CNN: precision .97, recall .97, density 1, coverage .97.
"""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from genimg_core.metrics.features import KINDS, load_extractors
from genimg_core.metrics.scores import NOTES, RANGES, Score, Scorer, score_features
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.store.arrays import write_normalized
from genimg_core.training.devices import computing
from tests.letters import draw_letters

LETTERS, N = "AGKRT", 250
LABELS = np.arange(N) % len(LETTERS)


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    place = tmp_path_factory.mktemp("scores")
    for name in ("normalized", "extractor"):
        (place / name).mkdir()
    images, labels = draw_letters(LETTERS, 600, 1, size=16)
    write_normalized(place / "normalized", dataset="base", classes=tuple(LETTERS), background="#ffffff",
                     images={"train": images, "validation": images[:5], "test": images[:20]},
                     labels={"train": labels, "validation": labels[:5], "test": labels[:20]})
    extractor(dataset=place / "normalized", extractor=place / "extractor", report=place, seed=0, threads=1,
              params=ExtractorParams(seen_images=6000))
    return dict(zip(KINDS, load_extractors(place / "extractor"), strict=True))


@pytest.fixture(scope="module")
def features(eyes):
    known = {}

    def measure(kind: str, images: np.ndarray) -> np.ndarray:
        key = kind, images.tobytes()
        if key not in known:
            with computing("cpu", 1):
                known[key] = eyes[kind].features(images)
        return known[key]
    return measure


@pytest.fixture(scope="module")
def score(features):
    known = {}

    def measure(kind: str, generated: np.ndarray) -> dict[str, Score]:
        key = kind, generated.tobytes()
        if key not in known:
            real, floor = (draw_letters(LETTERS, N, seed, size=16)[0] for seed in (2, 3))
            known[key] = score_features(*(features(kind, images) for images in (real, generated, floor)),
                                        real_labels=LABELS, generated_labels=LABELS, k=5, resamples=60,
                                        probability=0.95, draws=np.random.default_rng(0))
        return known[key]
    return measure


def good() -> np.ndarray:
    return draw_letters(LETTERS, N, 4, size=16)[0]


def noisy(images: np.ndarray) -> np.ndarray:
    return np.clip(images + np.random.default_rng(0).normal(0, 40, images.shape), 0, 255).astype(np.uint8)


def blurred(images: np.ndarray) -> np.ndarray:
    soft = [Image.fromarray(image[..., 0]).filter(ImageFilter.GaussianBlur(1.2)) for image in images]
    return np.stack(soft)[..., None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_generator_reaches_the_floor(score, kind):
    found = score(kind, good())
    assert list(found) == list(NOTES) == list(RANGES)
    for name, one in found.items():
        assert one.low <= one.value <= one.high, name
        assert one.low <= one.floor <= one.high, name
    for name in ("precision", "recall", "coverage"):
        assert found[name].value > 0.85


def test_noise_and_blur_worsen_every_score(score):
    """By the domain CNN: noise by a little, as the letters stay legible; blur, which it never saw, by nearly all."""
    clean = score("domain_cnn", good())
    losses = {noisy: {"precision": 0.05, "recall": 0.05, "density": 0.25, "coverage": 0.1},
              blurred: {"precision": 0.7, "recall": 0.9, "density": 0.9, "coverage": 0.9}}
    for spoil, loss in losses.items():
        spoilt = score("domain_cnn", spoil(good()))
        assert spoilt["kid"].low > max(clean["kid"].high, spoilt["kid"].floor)
        assert spoilt["fd"].low > max(clean["fd"].high, spoilt["fd"].floor)
        for name, by in loss.items():
            assert spoilt[name].high < clean[name].low
            assert spoilt[name].value < clean[name].value - by


def test_pixels_alone_would_praise_blur(score):
    """A blurred image lies amid the others: so density by pixels rises far over 1, and recall tells."""
    spoilt = score("pixel_pca", blurred(good()))
    assert spoilt["precision"].value == 1 and spoilt["density"].value > 4
    assert spoilt["recall"].value < 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", [noisy, blurred])
def test_noise_and_blur_raise_kid_or_fd_for_every_extractor(score, kind, spoil):
    clean, spoilt = score(kind, good()), score(kind, spoil(good()))
    assert spoilt["kid"].low > clean["kid"].high or spoilt["fd"].low > clean["fd"].high


def test_more_noise_is_worse(score):
    little, much = score("domain_cnn", noisy(good())), score("domain_cnn", noisy(noisy(good())))
    assert (much["kid"].value, much["fd"].value) > (little["kid"].value, little["fd"].value)


def test_a_dropped_class_lowers_recall_and_coverage_by_about_its_share_and_leaves_precision(score):
    """One class of five is a share of 0.2."""
    clean = score("domain_cnn", good())
    spoilt = score("domain_cnn", draw_letters(LETTERS[:-1], N, 4, size=16)[0])
    assert spoilt["kid"].low > spoilt["kid"].floor
    assert spoilt["fd"].low > spoilt["fd"].floor
    for name in ("recall", "coverage"):
        assert clean[name].value - 0.3 < spoilt[name].value < clean[name].value - 0.12
    assert spoilt["precision"].value == pytest.approx(clean["precision"].value, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_collapse_with_ten_outliers_is_told_by_coverage(score, kind):
    """A few images over and over: precision sees nothing wrong with them."""
    few = good()
    collapsed = score(kind, np.concatenate([np.repeat(few[:5], (N - 10) // 5, axis=0), few[-10:]]))
    assert collapsed["coverage"].high < 0.6 * collapsed["coverage"].floor
    assert collapsed["precision"].value > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_ten_copies_of_each_image_lower_recall_and_coverage_and_not_precision(score, kind):
    clean, doubled = score(kind, good()), score(kind, np.repeat(good()[:25], 10, axis=0))
    assert doubled["recall"].value < clean["recall"].value - 0.4
    assert doubled["coverage"].value < clean["coverage"].value - 0.25
    assert doubled["precision"].value > clean["precision"].value - 0.12


def test_no_score_knows_that_images_are_copies_of_training_images(score):
    """Which is why memorization is measured apart (test_memorization.py, test_copies.py)."""
    clean, copies = score("domain_cnn", good()), score("domain_cnn", draw_letters(LETTERS, 600, 1, size=16)[0][:N])
    for name in NOTES:
        assert clean[name].low <= copies[name].value <= clean[name].high


def test_one_scorer_scores_several_as_one_each(features):
    real, floor = (features("pixel_pca", draw_letters(LETTERS, N, seed, size=16)[0]) for seed in (2, 3))
    settings = {"real_labels": LABELS, "k": 5, "resamples": 20, "probability": 0.95}
    scorer = Scorer(real, floor, draws=np.random.default_rng(0), **settings)
    spoilt = features("pixel_pca", noisy(good()))
    first, second = scorer.score(features("pixel_pca", good()), LABELS), scorer.score(spoilt, LABELS)
    alone = score_features(real, spoilt, floor, generated_labels=LABELS, draws=np.random.default_rng(0), **settings)
    assert {name: (one.value, one.floor) for name, one in second.items()} == {
        name: (one.value, one.floor) for name, one in alone.items()}
    assert first["fd"].floor == second["fd"].floor and first["fd"].value < second["fd"].value


def test_the_same_draws_give_the_same_scores(features):
    settings = {"real_labels": LABELS, "generated_labels": LABELS, "k": 5, "resamples": 20, "probability": 0.95}
    sets = [features("domain_cnn", draw_letters(LETTERS, N, seed, size=16)[0]) for seed in (2, 4, 3)]
    one, two, three = (score_features(*sets, draws=np.random.default_rng(seed), **settings) for seed in (0, 0, 1))
    assert one == two != three
