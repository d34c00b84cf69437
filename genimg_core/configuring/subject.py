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

    @property
    def place(self) -> str:
        """Where the images lie, as params.yaml has it."""
        if "parts" in self.source:
            return " and ".join(part["images"] for part in self.source["parts"].values())
        return str(self.source["path"])


class Run(NamedTuple):
    """A training."""

    section: str
    name: str
    subject: Subject
    part: float  # of the training time
    parent: str | None = None
    control: bool = False
