"""Extractor."""

from __future__ import annotations

from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.params import Name


class ExtractorParams(ClassifierSettings):
    """Which data set the feature network learns from, and how long."""

    dataset: Name = "base"
    """The entry of `datasets` whose train split it learns from."""
