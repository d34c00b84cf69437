"""Label."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.params import Share


class LabelParams(ClassifierSettings):
    """Where missing labels come from, and when a predicted one is too uncertain to be used."""

    min_confidence: Share = 0.5
    """A predicted label below this probability rejects its image (`label_uncertain`): it is more likely wrong than right."""
    max_uncertain_share: Share = 0.2
    """A warning when more of the unlabelled images than this are rejected for it."""
    held_out_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Part of each class's labelled images the labeller is tested on instead of trained on."""
