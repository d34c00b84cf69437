"""What a log shows, and what it does not."""

import pytest

from genimg_core.training.health import diagnose, not_finite, suspicious
from genimg_core.training.params import WatchParams

WATCH = WatchParams()
CHANCE = 1.386


def log_of(count=12, **columns):
    """A healthy log of a GAN; a column is a list whose last entries replace those of the log's last lines."""
    usual = {"discriminator.gradient_norm": 1.0, "discriminator/adversarial": 1.2, "variety": 0.9, "coverage": 0.8}
    log = [dict(usual, seen_images=1000 * (line + 1)) for line in range(count)]
    for name, values in columns.items():
        key = {"norm": "discriminator.gradient_norm", "critic": "discriminator/adversarial"}.get(name, name)
        for line, value in zip(log[-len(values):], values, strict=True):
            line[key] = value
    return log


def cause(log, watch=WATCH, chance=CHANCE):
    found = diagnose(log, watch, chance)
    return found.cause if found else None


def test_a_healthy_log():
    assert cause(log_of()) is None and not suspicious(log_of(), WATCH)


def test_what_is_no_number():
    assert not_finite({"loss": 1.0, "network.gradient_norm": 2.0}) is None
    found = not_finite({"loss": float("nan"), "network.gradient_norm": float("inf")})
    assert found.cause == "not_finite" and "loss, network.gradient_norm" in found.detail


def test_an_exploding_gradient():
    found = diagnose(log_of(norm=[150.0]), WATCH, CHANCE)
    assert found.cause == "exploding_gradient" and "discriminator: 150, 150 times" in found.detail
    assert cause(log_of(norm=[50.0])) is None and suspicious(log_of(norm=[50.0]), WATCH)
    assert cause(log_of(norm=[150.0]), WatchParams(gradient_factor=200)) is None
    assert cause(log_of(4, norm=[150.0])) is None  # too early for a median


def test_a_discriminator_that_wins_or_loses_outright():
    assert cause(log_of(critic=[0.01] * 4)) == "discriminator_won"
    assert cause(log_of(critic=[0.01] * 3)) is None
    assert cause(log_of(critic=[0.01, 0.01, 0.5, 0.01])) is None
    assert cause(log_of(critic=[5.0] * 4)) == "discriminator_lost"
    assert cause(log_of(critic=[CHANCE] * 4)) is None  # a generator that nobody can tell from the data
    assert cause(log_of(critic=[0.01] * 4), chance=None) is None
    assert cause(log_of(critic=[0.01] * 4), WatchParams(critic_share=0)) is None


def test_a_collapse_takes_two_looks_and_both_figures():
    assert cause(log_of(variety=[0.5, 0.5], coverage=[0.4, 0.4])) == "collapse"
    assert cause(log_of(variety=[0.5], coverage=[0.4])) is None
    assert suspicious(log_of(variety=[0.5], coverage=[0.4]), WATCH)
    assert cause(log_of(variety=[0.5, 0.5])) is None
    assert cause(log_of(coverage=[0.4, 0.4])) is None
    assert cause(log_of(variety=[0.1, 0.9, 0.1], coverage=[0.1, 0.8, 0.1])) is None
    assert cause(log_of(variety=[0.5, 0.5], coverage=[0.4, 0.4]), WatchParams(collapse_share=0)) is None


def test_where_one_figure_fades_is_no_place_to_come_back_to():
    """A slow collapse is certain long after it began."""
    assert suspicious(log_of(variety=[0.6]), WATCH) and suspicious(log_of(coverage=[0.5]), WATCH)
    assert not suspicious(log_of(variety=[0.75], coverage=[0.7]), WATCH)
    assert not suspicious(log_of(variety=[0.1], coverage=[0.1]), WatchParams(collapse_share=0))
    later = log_of(variety=[0.6])
    later.append({"seen_images": 99_000, "discriminator.gradient_norm": 1.0, "discriminator/adversarial": 1.2})
    assert suspicious(later, WATCH)  # the next look may tell otherwise


def test_before_anything_is_covered_nothing_collapses():
    log = [{"seen_images": n, "variety": v, "coverage": 0.05 * v} for n, v in enumerate([1.0, 0.9, 0.1, 0.1])]
    assert cause(log, chance=None) is None


def test_only_a_line_with_a_look_is_judged_by_looks():
    log = log_of(variety=[0.5, 0.5], coverage=[0.4, 0.4])
    log.append({"seen_images": 99_000, "discriminator.gradient_norm": 1.0, "discriminator/adversarial": 1.2})
    assert cause(log) is None


@pytest.mark.parametrize("log", [[{"seen_images": 1}], log_of(1)])
def test_a_short_log(log):
    assert cause(log) is None and not suspicious(log, WATCH)


def test_what_was_before_the_settings_changed_is_no_measure():
    log = log_of(norm=[150.0])
    assert diagnose(log, WATCH, CHANCE, since=log[-3]["seen_images"]) is None
    assert diagnose(log, WATCH, CHANCE, since=log[2]["seen_images"]).cause == "exploding_gradient"
    assert not suspicious(log, WATCH, since=log[-3]["seen_images"])
