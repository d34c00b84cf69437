"""A look at the averaged weights with images that the run does not learn from: for controllers that ask for it.

A glance, as in looks.py: in small pictures' pixels, a few samples; the scores proper are evaluate's. The images are
those of the validation split, so that the test split stays untouched.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from genimg_core.errors import EmptyDatasetError
from genimg_core.imaging.representation import to_float
from genimg_core.metrics.kernel import kernel_distance
from genimg_core.metrics.memorization import MIN_HELD_OUT, nearest_of_train
from genimg_core.models.family import Family
from genimg_core.reports.pictures import even_strides
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.training.generators import torch_generator
from genimg_core.training.looks import small

SAMPLES = 192
"""Drawn at a look: three batches."""
MOST_HELD_OUT = 512
MOST_TRAIN = 20_000
"""Images that are compared with; of more, evenly spread ones."""


class HeldOut:
    """The images of the validation split, and what samples and losses are held against.

    Args:
        data: its validation split is not learnt from.

    Raises:
        EmptyDatasetError: under MIN_HELD_OUT different images there.
    """

    def __init__(self, data: NormalizedDataset) -> None:
        train, train_labels = data.images("train"), data.labels("train")
        images, labels = data.images("validation"), data.labels("validation")
        order = np.argsort(labels, kind="stable")
        chosen = order[even_strides(len(order), MOST_HELD_OUT)]
        self._images, self._labels = np.array(images[chosen]), np.array(labels[chosen])
        self._real = small(self._images) if len(chosen) else np.empty((0, 1))
        if len(np.unique(self._real, axis=0)) < MIN_HELD_OUT:
            raise EmptyDatasetError(
                f"{len(chosen)} images of {data.settings.dataset} are held out for validation, controllers need "
                f"{MIN_HELD_OUT} different ones", f"raise datasets.{data.settings.dataset}.normalize.validation_share, "
                                                  f"or leave out adapt.stop and adapt.rate")
        of_class = np.argsort(train_labels, kind="stable")
        self.labels = np.asarray(train_labels)[of_class[even_strides(len(of_class), SAMPLES)]]
        """int64 (n,), n at most SAMPLES: the classes to draw, in proportion to the data."""
        self._train = np.array(train[even_strides(len(train), MOST_TRAIN)])
        self._usual = self._ratio(self._real, others=True)

    def look(self, drawn: np.ndarray) -> dict[str, float]:
        """`kid` against the held-out images, and `nearest_ratio`.

        The latter is how far samples lie from the nearest training image over how far from the nearest held-out one,
        over the same of held-out images (medians): 1 for samples that are no nearer to what was learnt from than new
        images are, 0 for copies. Blurred or bad samples, which lie as far from both, have over 1.

        Args:
            drawn: uint8 (n, H, W, C), of the classes `labels`.
        """
        points = small(drawn)
        return {"kid": kernel_distance(self._real / _SCALE, points / _SCALE),
                "nearest_ratio": self._ratio(points, others=False) / self._usual}

    @torch.no_grad()
    def loss(self, family: Family, networks: nn.ModuleDict, seed: int) -> dict[str, float]:
        """`held_out_loss`: the last player's, with the same random draws each time.

        Args:
            family: bound to its settings.
            networks: averaged.
            seed: of the run.
        """
        device = next(networks.parameters()).device
        images, labels = to_float(torch.from_numpy(self._images).to(device)), torch.from_numpy(self._labels).to(device)
        loss = family.loss(networks, family.players[-1].name, images, labels,
                           torch_generator(seed, "train/held_out", device), 1.0)
        return {"held_out_loss": loss.total.double().mean().item()}

    def _ratio(self, points: np.ndarray, others: bool) -> float:
        """Median distance to the nearest training image over that to the nearest held-out one (another, if asked)."""
        learnt = np.median(nearest_of_train(points, self._train, small).distance)
        distances = np.sqrt(((points[:, None] - self._real[None]) ** 2).mean(axis=2))
        if others:
            np.fill_diagonal(distances, np.inf)
        new = np.median(distances.min(axis=1))
        return float(max(learnt, _NEAR) / max(new, _NEAR))


_SCALE = 127.5
"""Of the pixels' 0 to 255, so that the kernel's products are about 1."""
_NEAR = 1e-3
"""Grey levels: what is nearer is a copy."""
