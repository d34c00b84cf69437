"""Each controller on a problem small enough to know the answer."""

import json
import math

import numpy as np
import pytest

from genimg_core.training.adapt import AugmentParams, KlParams, PenaltyParams, RateParams, StopParams
from genimg_core.training.augment import Augmentation
from genimg_core.training.controllers.augmentation import CERTAINTY, AugmentationControl
from genimg_core.training.controllers.kl import NATS, KlControl
from genimg_core.training.controllers.penalty import ADVERSARIAL, PenaltyControl
from genimg_core.training.controllers.rate import RateControl
from genimg_core.training.controllers.stop import StopControl

LINE = 1000
"""Images seen from line to line."""


def drive(controller, figures, lines=40):
    """Let it act on what `figures(line number)` gives; => its decisions."""
    told = [controller.observe({"seen_images": LINE * (n + 1), **figures(n)}) for n in range(lines)]
    return [decision for decision in told if decision is not None]


def augmentation(**changes):
    return AugmentationControl(AugmentParams(images=20_000, **changes), Augmentation(False))


def test_augmentation_settles_where_certainty_meets_the_target():
    control = augmentation()
    decided = drive(control, lambda n: {CERTAINTY: 0.95 - 0.7 * control.augmentation.strength})  # 0.6 at a half
    assert control.augmentation.strength == pytest.approx(0.5, abs=0.051)
    assert decided[0].before == {"augmentation": 0.0} and decided[0].after == {"augmentation": 0.05}
    assert decided[0].cause == "discriminator_too_sure" and "0.95, the target 0.60" in decided[0].detail


def test_augmentation_stays_off_where_nothing_is_known_by_heart():
    assert drive(control := augmentation(), lambda n: {CERTAINTY: 0.3}) == []
    assert control.augmentation.strength == 0


def test_augmentation_never_passes_its_cap_and_comes_back():
    control = augmentation(most=0.4)
    decided = drive(control, lambda n: {CERTAINTY: 1.0 if n < 20 else -1.0})
    assert max(decision.after["augmentation"] for decision in decided) == 0.4
    assert control.augmentation.strength == 0 and len(decided) == 16
    assert decided[-1].cause == "discriminator_unsure"


@pytest.mark.parametrize(("first", "factor"), [(0.02, 1.5), (1.2, 1 / 1.5), (0.5, 1)])
def test_the_penalty_moves_until_the_loss_is_in_its_band(first, factor):
    knobs = {}
    control = PenaltyControl(PenaltyParams(), knobs, guessing_costs=2.0)
    decided = drive(control, lambda n: {ADVERSARIAL: 2.0 * first * knobs["penalty"]})
    share = first * knobs["penalty"]
    assert 0.3 <= share <= 0.95
    assert bool(decided) == (first != 0.5)
    assert not decided or decided[0].after["penalty_factor"] == pytest.approx(factor)


def test_the_penalty_has_limits():
    knobs = {}
    control = PenaltyControl(PenaltyParams(most=4), knobs, guessing_costs=1.0)
    assert drive(control, lambda n: {ADVERSARIAL: 0.0})[-1].after == {"penalty_factor": 4}
    assert len(drive(control, lambda n: {ADVERSARIAL: 0.0})) == 0
    drive(control, lambda n: {ADVERSARIAL: 2.0})
    assert knobs["penalty"] == 0.25


def noisy_descent(control):
    """Stochastic descent on a parabola: it ends at a height that its rate decides. => held-out losses."""
    draws, place, losses = np.random.default_rng(0), np.full(50, 3.0), []
    for line in range(60):
        for _ in range(20):
            place -= 0.5 * (control.factor if control else 1.0) * (place + draws.normal(0, 1, 50))
        losses.append(float(np.mean(place**2)))
        if control:
            control.observe({"seen_images": line, "held_out_loss": losses[-1]})
    return losses


def test_a_plateau_lowers_the_rate_and_the_loss_falls_on():
    control = RateControl(RateParams(), "held_out_loss")
    assert np.mean(noisy_descent(control)[-5:]) < 0.3 * np.mean(noisy_descent(None)[-5:])
    assert 0.01 <= control.factor < 0.2


def test_the_rate_stays_while_there_is_gain_and_between_looks():
    control = RateControl(RateParams(patience=1), "kid")
    assert drive(control, lambda n: {"kid": 0.9**n}) == [] and drive(control, lambda n: {}) == []
    (decision, *_) = drive(control, lambda n: {"kid": 0.5})
    assert decision.cause == "plateau" and decision.after == {"rate_factor": 0.5}
    drive(control, lambda n: {"kid": 0.5})
    assert control.factor == 0.01  # and no lower


@pytest.mark.parametrize("target", [5.0, 60.0])
@pytest.mark.parametrize("power", [0.3, 1.0])
def test_beta_brings_the_latent_to_its_target(target, power):
    """The less what is carried costs, the more is carried: here by a power law."""
    knobs = {}
    control = KlControl(KlParams(target=target), knobs)
    decided = drive(control, lambda n: {NATS: 20 * knobs["beta"] ** -power})
    if power == 1.0:
        assert 20 * knobs["beta"] ** -power == pytest.approx(target, rel=0.025)
        assert 0 < len(decided) < 20  # then it rests
    else:
        assert abs(math.log(20 * knobs["beta"] ** -power / target)) < abs(math.log(20 / target)) / 10
    assert decided[0].cause == ("carries_too_much" if target < 20 else "carries_too_little")


def test_a_latent_that_carries_nothing_gets_a_lower_beta_down_to_a_limit():
    knobs = {}
    drive(KlControl(KlParams(target=10, most=8), knobs), lambda n: {NATS: 0.0})
    assert knobs["beta"] == pytest.approx(1 / 8)


def kids(values, ratios=None):
    return lambda n: {"kid": values[min(n, len(values) - 1)],
                      "nearest_ratio": 1.0 if ratios is None else ratios[min(n, len(ratios) - 1)]}


def test_a_run_that_no_longer_gains_stops_and_keeps_its_best():
    control = StopControl(StopParams(patience=3), budget=40 * LINE)
    figures = kids([0.5, 0.4, 0.3, 0.2, 0.1, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17])
    line = {}
    for n in range(40):
        line = {"seen_images": LINE * (n + 1), **figures(n)}
        decision = control.observe(line)
        assert control.newly_best == (n < 5)
        if control.stopped:
            break
    assert n == 9 and decision.cause == "no_gain"  # a quarter of the budget is always spent
    kept = control.at_the_end(line)
    assert kept.after == {"weights_at": 5 * LINE} and kept.before == {"weights_at": 10 * LINE}


def test_what_is_learnt_by_heart_is_never_the_best():
    """KID falls on, but since the fourth look samples lie near to what was learnt."""
    control = StopControl(StopParams(patience=4, after=0), budget=40 * LINE)
    (decision,) = drive(control, kids([0.5, 0.4, 0.3, 0.2, 0.1, 0.05], [1.0, 0.95, 0.9, 0.6, 0.4, 0.2]), 7)
    assert decision.cause == "memorizing" and "0.20 times" in decision.detail
    assert control.at_the_end({"seen_images": 7 * LINE}).after == {"weights_at": 3 * LINE}


def test_without_patience_the_budget_is_spent_and_lines_without_a_look_do_not_count():
    control = StopControl(StopParams(patience=None), budget=40 * LINE)
    assert drive(control, kids([0.1, 0.2])) == [] and not control.stopped
    control = StopControl(StopParams(patience=1), budget=40 * LINE)
    assert drive(control, lambda n: {}) == [] and control.at_the_end({"seen_images": 40 * LINE}) is None


def test_a_run_that_still_gains_at_its_end_says_that_more_would_help():
    """Underfitting: nothing is changed, but told."""
    control = StopControl(StopParams(), budget=4 * LINE)
    assert drive(control, kids([0.5, 0.4, 0.3, 0.2]), 4) == []
    told = control.at_the_end({"seen_images": 4 * LINE, "kid": 0.2})
    assert told.cause == "underfitted" and "33% better" in told.detail and told.after == {}
    control = StopControl(StopParams(), budget=4 * LINE)
    drive(control, kids([0.5, 0.4, 0.3, 0.299]), 4)
    assert control.at_the_end({"seen_images": 4 * LINE, "kid": 0.299}) is None


def figures_of_any(n):
    """What all of them read, up and down."""
    wave = math.sin(n / 3)
    return {CERTAINTY: 0.6 + wave / 3, ADVERSARIAL: 1.0 + wave, NATS: 20 + 15 * wave, "kid": 1.5 + wave,
            "nearest_ratio": 0.9, "held_out_loss": 1.5 + wave}


MADE = {
    "augment": augmentation, "penalty": lambda: PenaltyControl(PenaltyParams(), {}, 1.0),
    "rate": lambda: RateControl(RateParams(), "held_out_loss"),
    "kl": lambda: KlControl(KlParams(target=20), {}),
    "stop": lambda: StopControl(StopParams(patience=None), 10**6)}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("at", [0, 1, 13])
def test_a_controller_goes_on_from_its_state_as_if_nothing_had_been(name, at):
    straight, first, second = (MADE[name]() for _ in range(3))
    told = []
    for n in range(40):
        line = {"seen_images": LINE * (n + 1), **figures_of_any(n)}
        if n == at:
            second.restore(json.loads(json.dumps(first.state)))
        told.append((straight.observe(line), (first if n < at else second).observe(line)))
    assert all(one == other for one, other in told) and straight.state == second.state
    assert straight.in_force == second.in_force
    if name != "stop":
        assert sum(one is not None for one, _ in told) > 3
