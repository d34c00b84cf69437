"""What select and recipe decided, as a file that the training stage reads: data/selection/M/selected.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from genimg_core.errors import CorruptFileError
from genimg_core.params import Section
from genimg_core.stages.contract import write_json
from genimg_core.training.finetune_params import Recipe

T = TypeVar("T", bound="Selection")


class Selection(Section):
    """What both say."""

    how: Literal["pinned", "trials"]
    """`pinned`: params.yaml says it, and nothing was tried."""
    learning_rate: float = Field(gt=0, le=1)


class SelectedFamily(Selection):
    """What pretrain trains."""

    family: str
    family_params: dict[str, Any]
    """All of the family's settings."""


class SelectedRecipe(Selection, Recipe):
    """How finetune trains."""


def write_selection(path: Path, selection: Selection) -> None:
    """As JSON; equal decisions give equal bytes."""
    write_json(path, selection.model_dump(mode="json"))


def read_selection(path: Path, kind: type[T], stage: str) -> T:
    """What `write_selection` wrote.

    Args:
        path: selected.json.
        kind: SelectedFamily or SelectedRecipe.
        stage: that wrote it, `select@latin`, for the remedy.

    Raises:
        CorruptFileError: it cannot be read as that.
    """
    try:
        return kind(**json.loads(path.read_text(encoding="utf8")))
    except (OSError, ValueError, TypeError, ValidationError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else " ".join(str(error).split())
        raise CorruptFileError(f"{path} does not say what was selected ({told})", f"run `genimg run {stage}`") from None
