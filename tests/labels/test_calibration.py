import numpy as np
import pytest

from genimg_core.labels.calibration import (
    LEAST_HELD_OUT,
    Bin,
    Scaling,
    calibrate,
    calibration_error,
    fit_scaling,
    reliability,
    softmax,
)


def honest(count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and classes drawn from their softmax: such a classifier is as sure as it should be."""
    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 2, (count, classes))
    return logits, (softmax(logits).cumsum(axis=1) < draws.uniform(size=(count, 1))).sum(axis=1)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_temperature_undoes_what_was_done_to_honest_logits(factor):
    logits, truth = honest(20_000, 6)
    fitted = fit_scaling(factor * logits, truth)
    assert fitted.temperature == pytest.approx(factor, rel=0.03)
    assert fitted.error_share < 0.005


@pytest.mark.parametrize("share", [0.03, 0.15])
def test_wrong_labels_are_counted_and_do_not_pull_the_temperature(share):
    logits, truth = honest(9000, 6)
    draws = np.random.default_rng(1)
    given = np.where(draws.uniform(size=9000) < share, draws.integers(0, 6, 9000), truth)
    fitted = fit_scaling(3 * logits, given)
    assert fitted.temperature == pytest.approx(3, rel=0.06)
    assert fitted.error_share == pytest.approx(share, abs=0.012)


def test_no_other_scaling_is_likelier():
    logits, given = honest(3000, 4)
    given = np.where(np.arange(3000) % 20 == 0, (given + 1) % 4, given)
    logits *= 2.5

    def cross_entropy(temperature: float, share: float) -> float:
        return -np.log(Scaling(temperature, share).of_label(logits)[np.arange(3000), given]).mean()

    fitted = fit_scaling(logits, given)
    best = min(cross_entropy(t, e) for t in np.geomspace(1, 6, 60) for e in np.linspace(0.001, 0.2, 60))
    assert cross_entropy(*fitted) <= best + 1e-4


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_calibration_lowers_the_error_of_a_classifier_that_is_too_sure_or_not_sure_enough(factor):
    logits, truth = honest(2000, 6)
    found = calibrate(factor * logits, truth, np.arange(2000) % 5)
    assert found.ece_before > 0.15
    assert found.ece_after < 0.03
    assert found.examples == 2000
    assert sum(one.count for one in found.before) == sum(one.count for one in found.after) == 2000
    fresh, fresh_truth = honest(4000, 6, seed=1)
    scores = found.scaling.of_class(factor * fresh)
    right = scores.argmax(axis=1) == fresh_truth
    assert calibration_error(reliability(scores.max(axis=1), right)) < 0.03, "and on images that shaped nothing"


def test_each_fold_is_judged_at_the_scaling_of_the_others():
    logits, truth = honest(4000, 6)
    folds = np.arange(4000) % 2
    logits[folds == 1] *= 10  # so the temperature that suits the other fold is ten times too low or too high
    found = calibrate(logits, truth, folds)
    assert found.ece_after > 0.1


def test_all_right_is_not_certainty():
    logits, given = np.array([[3.0, 0.0, 0.0]] * 60), np.zeros(60, int)
    fitted = fit_scaling(logits, given)
    assert fitted.of_class(logits)[0, 0] == pytest.approx(61 / 62, abs=1e-3)
    assert 1 / 62 <= fitted.error_share < 2 / 62


def test_answers_that_are_always_wrong_are_not_believed():
    logits, given = np.array([[5.0, 0.0]] * 60), np.ones(60, int)
    fitted = fit_scaling(logits, given)
    assert fitted.of_label(logits)[0, 0] < 0.6
    assert fitted.of_class(logits)[0, 0] < 0.6


def test_a_label_is_right_or_an_accident():
    scaling = Scaling(1.0, 0.1)
    logits = np.log([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    by_hand = [0.9 * 0.9 / (0.9 * 0.9 + 0.05), 0.9 * 0.1 / (0.9 * 0.1 + 0.05), 0.45 / 0.5]
    assert scaling.right(logits, np.array([0, 1, 0])) == pytest.approx(by_hand)
    assert scaling.of_label(logits)[0] == pytest.approx([0.86, 0.14])


def test_too_few_images_calibrate_nothing():
    logits, truth = honest(LEAST_HELD_OUT, 3)
    assert calibrate(logits, truth, np.arange(LEAST_HELD_OUT) % 5) is not None
    assert calibrate(logits[1:], truth[1:], np.arange(LEAST_HELD_OUT - 1) % 5) is None


def test_the_expected_calibration_error_by_hand():
    confidence = np.array([0.9, 0.91, 0.5, 0.52, 1.0, 1 / 15])
    right = np.array([True, False, True, True, True, False])
    bins = reliability(confidence, right)
    assert [one.count for one in bins] == [1, 2, 2, 1]
    assert bins[0] == Bin(1, 1 / 15, 0.0), "a bin holds its upper edge"
    by_hand = (1 / 15 + 2 * abs(0.905 - 0.5) + 2 * (1 - 0.51) + 0) / 6
    assert calibration_error(bins) == pytest.approx(by_hand)
