"""Held-out looks tell copies from new images, and blur from copies."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from genimg_core.store.arrays import NormalizedDataset, write_normalized
from genimg_core.training.held_out import HeldOut
from tests.letters import draw_letters
from tests.models.tiny import tiny_params


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """Three letters: 600 images to learn from, 150 held out."""
    folder = tmp_path_factory.mktemp("letters")
    splits = {split: draw_letters("ABC", count, seed, 16)
              for split, count, seed in (("train", 600, 0), ("validation", 150, 1), ("test", 30, 2))}
    write_normalized(folder, dataset="base", images={split: pair[0] for split, pair in splits.items()},
                     labels={split: pair[1] for split, pair in splits.items()}, classes=("A", "B", "C"),
                     background="#ffffff")
    return NormalizedDataset(folder)


@pytest.fixture(scope="module")
def held_out(letters):
    return HeldOut(letters)


def new_letters(count, seed=9):
    return draw_letters("ABC", count, seed, 16)[0]


def blurred(images):
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    return avg_pool2d(pixels, 5, 1, 2).permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def test_new_images_score_best_and_noise_worst(held_out):
    count = len(held_out.labels)
    good, blur = held_out.look(new_letters(count)), held_out.look(blurred(new_letters(count)))
    noise = held_out.look(np.random.default_rng(0).integers(0, 256, (count, 16, 16, 1)).astype(np.uint8))
    assert abs(good["kid"]) < 0.1 * blur["kid"] < 0.1 * noise["kid"]
    assert good["nearest_ratio"] == pytest.approx(1, abs=0.25)


def test_copies_are_near_to_what_was_learnt_and_blurred_images_are_not(held_out, letters):
    count = len(held_out.labels)
    learnt = np.array(letters.images("train")[:count])
    assert held_out.look(learnt)["nearest_ratio"] < 0.01
    assert held_out.look(blurred(new_letters(count)))["nearest_ratio"] > 1
    half = np.concatenate([learnt[: count * 3 // 4], new_letters(count - count * 3 // 4)])
    assert held_out.look(half)["nearest_ratio"] < 0.1


def test_the_held_out_loss_repeats_itself_and_tells_a_trained_network_from_a_fresh_one(held_out):
    from genimg_core.models.family import FAMILIES, ModelSpec

    family = FAMILIES["vae"].load(ModelSpec(16, 1, 3), tiny_params("vae").family_params)
    torch.manual_seed(0)
    networks = family.build()
    first = held_out.loss(family, networks, 0)
    assert held_out.loss(family, networks, 0) == first
    optimiser = torch.optim.Adam(networks.parameters(), 1e-2)
    images, labels = draw_letters("ABC", 64, 5, 16)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    for step in range(20):
        optimiser.zero_grad()
        loss = family.loss(networks, "autoencoder", pixels, torch.from_numpy(labels),
                           torch.Generator().manual_seed(step), 1.0)
        loss.total.mean().backward()
        optimiser.step()
    assert held_out.loss(family, networks, 0)["held_out_loss"] < 0.8 * first["held_out_loss"]
