"""What null stands for, and which settings make no sense together."""

import pytest
from pydantic import ValidationError

from genimg_core.models.family import ModelSpec
from genimg_core.models.gan import GanParams
from genimg_core.models.gan.family import GanFamily


@pytest.mark.parametrize(("settings", "penalties"), [
    ({}, (1.0, 0.0, 0.0)),
    ({"loss": "relativistic"}, (1.0, 1.0, 0.0)),
    ({"loss": "wasserstein"}, (0.0, 0.0, 10.0)),
    ({"network": "dcgan"}, (0.0, 0.0, 0.0)),
    ({"network": "fully_connected", "r1": 2}, (2.0, 0.0, 0.0)),
    ({"r1": 0, "r2": 0.5}, (0.0, 0.5, 0.0)),
])
def test_what_null_stands_for(settings, penalties):
    assert tuple(GanParams(**settings).penalties.values()) == penalties


@pytest.mark.parametrize(("settings", "words"), [
    ({"network": "dcgan", "r1": 1}, "batch normalisation"),
    ({"network": "dcgan", "loss": "wasserstein"}, "gradient_penalty: dcgan's"),
    ({"loss": "wasserstein", "gradient_penalty": 0}, "no bound"),
])
def test_what_makes_no_sense(settings, words):
    with pytest.raises(ValidationError, match=words):
        GanParams(**settings)


def test_the_classics_have_the_classics_adam():
    for network in ("dcgan", "fully_connected"):
        for player in GanFamily(ModelSpec(8, 1, 1), GanParams(network=network)).players:
            assert player.betas == (0.5, 0.999)
            assert 4e-3 * player.learning_rate_scale == pytest.approx(2e-4)


def test_the_generator_waits_for_the_critic():
    critic, generator = GanFamily(ModelSpec(8, 1, 1), GanParams(critic_steps=5)).players
    assert (critic.every, generator.every) == (1, 5)
