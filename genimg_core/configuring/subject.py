"""A data set with its model, and a training: what the proposal is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from genimg_core.configuring.survey import Survey


@dataclass(frozen=True)
class Subject:
    """A data set and the model that learns from it."""

    survey: Survey
    source: dict[str, Any]
    model: str


class Run(NamedTuple):
    """A training."""

    section: str
    name: str
    subject: Subject
    part: float  # of the training time
    parent: str | None = None
    control: bool = False
