"""A folder of samples, as the generate stage writes it, of images that are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genimg_core.models import samples
from genimg_core.models.model_file import ModelSettings


def write_samples(folder: Path, images: np.ndarray, labels: list[str], dataset: str = "base",
                  model: str = "latin") -> None:
    """uint8 (N, S, S, C) and the names of their classes."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = tuple(sorted(set(labels)))
    settings = ModelSettings(
        model=model, family="flow", family_params={}, size=images.shape[1], channels=images.shape[3], classes=classes,
        class_counts=(1,) * len(classes), background="#ffffff", dataset=dataset, dataset_sha256="d" * 64, parent=None,
        parent_sha256=None, seen_images=0, train_params={}, seed=0, weights_sha256="w" * 64, sha256="m" * 64)
    samples.write_samples(folder, settings, images, np.array([classes.index(name) for name in labels]), 0)
