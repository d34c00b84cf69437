"""Training the classifier: on the CPU on purpose, so that a machine with a GPU gets the same weights.

The caller sets the threads and the deterministic kernels (`training.devices.computing`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from genimg_core.imaging.representation import to_float
from genimg_core.models.classifier.augment import augmented, mixed
from genimg_core.models.classifier.examples import Examples
from genimg_core.models.classifier.infer import features, probabilities
from genimg_core.models.classifier.network import ClassifierNetwork
from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.progress import progress
from genimg_core.seeds import generator
from genimg_core.training.generators import weights_from

WARM_UP = 0.05
"""Part of the budget over which the learning rate rises."""


def fit(examples: Examples, classes: int, settings: ClassifierSettings, seed: int, purpose: str) -> ClassifierNetwork:
    """Train a classifier to the end of its budget, by the negative log-likelihood of the softmax.

    Args:
        examples: at least one.
        classes: how many there are, at least as many as the examples name.
        settings: the budget, the optimiser, and how images are changed as they are shown.
        seed: of the run.
        purpose: names the generators (weights, order, shifts, augment), `label`.

    Returns:
        The network, in eval mode.
    """
    first, _ = examples.take(np.arange(1))
    size, channels = first.shape[2:]
    with weights_from(seed, f"{purpose}/weights"):
        network = ClassifierNetwork(size, channels, classes)
    optimiser = _optimiser(network, settings)
    steps = math.ceil(settings.seen_images / settings.batch)
    order = _endless_order(len(examples), settings.batch, generator(seed, f"{purpose}/order"))
    shifts, changes = generator(seed, f"{purpose}/shifts"), generator(seed, f"{purpose}/augment")
    with progress("training the classifier", steps * settings.batch) as advance:
        for step in range(steps):
            images, labels = examples.take(next(order))
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _rate(step, steps)
            batch, truth = to_float(torch.from_numpy(shifted(images, shifts))), torch.from_numpy(labels)
            if settings.augment.any:
                batch = augmented(batch, settings.augment, changes)
            if settings.augment.mixup:
                batch, truth = mixed(batch, truth, classes, settings.augment.mixup, changes)
            loss = functional.cross_entropy(network(batch), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            advance(settings.batch, note=f"loss {loss.item():.3f}")
    return network.eval()


def _optimiser(network: ClassifierNetwork, settings: ClassifierSettings) -> torch.optim.Optimizer:
    given = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=settings.momentum, nesterov=settings.nesterov, **given)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), **given)


def accuracy(network: ClassifierNetwork, examples: Examples, chunk: int = 4096) -> float:
    """Share of examples whose likeliest class is theirs, in [0, 1]; `chunk` of them are in memory at a time."""
    right = 0
    for start in range(0, len(examples), chunk):
        images, labels = examples.take(np.arange(start, min(start + chunk, len(examples))))
        right += int((probabilities(network, images).argmax(axis=1) == labels).sum())
    return right / len(examples)


@torch.no_grad()
def scale_features(network: ClassifierNetwork, examples: Examples, most: int = 4096) -> None:
    """Bring the features to a mean square of 1 over (the first `most` of) the examples; the answers stay the same.

    A ReLU lets a factor through, so the feature layer is divided by it and the head multiplied. Without it the scale of
    features is an accident of training, and the cubic kernel of KID, made for features of about 1, would magnify it.
    """
    images, _ = examples.take(np.arange(len(examples))[:most])
    scale = float(np.sqrt(np.mean(features(network, images)**2)))
    if scale > 0:
        for weights in network.feature.parameters():
            weights.div_(scale)
        network.head.weight.mul_(scale)


def shifted(images: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Each image moved by up to 1/16 of its side in each direction, edge pixels repeated. No flips: letters have none.

    Args:
        images: uint8 (B, S, S, C).
        draws: the generator of the shifts.
    """
    side = images.shape[1]
    reach = max(1, side // 16)
    moves = draws.integers(-reach, reach + 1, size=(2, len(images), 1))
    down, right = np.clip(np.arange(side) + moves, 0, side - 1)
    return images[np.arange(len(images))[:, None, None], down[:, :, None], right[:, None, :]]


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to zero; in (0, 1]."""
    risen = min(1.0, (step + 1) / max(1.0, WARM_UP * steps))
    return risen * 0.5 * (1 + math.cos(math.pi * step / steps))


def _endless_order(count: int, batch: int, draws: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of indices: one shuffled epoch after another, batches running over their ends."""
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < batch:
            waiting = np.concatenate([waiting, draws.permutation(count)])
        yield waiting[:batch]
        waiting = waiting[batch:]
