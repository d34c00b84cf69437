"""Tiny images of two plain classes, tiny networks and tiny runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genimg_core.models.family import FAMILIES
from genimg_core.stages.contract import StageReport
from genimg_core.stages.pretrain import PretrainParams, pretrain
from genimg_core.store.arrays import NormalizedDataset, write_normalized

NARROW: dict[str, dict[str, int]] = {name: {"width": 8} for name in FAMILIES}
"""The settings of each family for tests; a family that has no `width` puts its own line here."""


needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler: g++")


def dark_and_light(count: int, size: int, channels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy dark images of class 0 and light ones of class 1: uint8 (count, size, size, channels), int64 (count,)."""
    labels = np.arange(count) % 2
    noise = np.random.default_rng(seed).integers(-30, 30, (count, size, size, channels))
    return (np.where(labels == 0, 40, 200)[:, None, None, None] + noise).astype(np.uint8), labels


def write_dataset(folder: Path, size: int = 8, channels: int = 1, count: int = 40,
                  classes: tuple[str, ...] = ("dark", "light"), name: str = "base") -> NormalizedDataset:
    """A normalized data set of dark and light images; labels go round the classes."""
    folder.mkdir(parents=True)
    images, labels = {}, {}
    for seed, split in enumerate(("train", "validation", "test")):
        images[split], _ = dark_and_light(count, size, channels, seed)
        labels[split] = np.arange(count) % len(classes)
    write_normalized(folder, dataset=name, images=images, labels=labels, classes=classes, background="#ffffff")
    return NormalizedDataset(folder)


def tiny_params(family: str, **changes: Any) -> PretrainParams:
    """Some ten steps."""
    settings = {"dataset": "base", "family": family, "seen_images": 320, "batch": 32, "log_images": 64,
                "snapshot_images": 64, "device": "cpu"}
    return PretrainParams(**{**settings, family: NARROW[family], **changes})


def run_pretrain(root: Path, params: PretrainParams, dataset: Path, name: str = "m") -> StageReport:
    """The stage's function; model and report land in `root/model` and `root/report`."""
    for folder in ("model", "report", "resume"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return pretrain(dataset=dataset, model=root / "model", report=root / "report", resume=root / "resume", name=name,
                    seed=0, threads=1, params=params)
