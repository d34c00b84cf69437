"""`imported.<name>` of params.yaml. Light to import: no torch."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import Field, field_validator

from genimg_core.training.pretrain_params import FamilyName, FamilySections

Class = Annotated[str, Field(min_length=1, max_length=200)]


class ImportParams(FamilySections):
    """A model from elsewhere: the folder of a model of genimg, which says all of itself, or a safetensors file."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """The model's folder or the file, inside the project (`genimg adopt` copies it there)."""
    family: FamilyName | None = None
    """Of a file: what its weights are of; its settings stand in the family's section, the image in `image`."""
    classes: Annotated[tuple[Class, ...], Field(max_length=100_000)] = ()
    """Of a file: the names of its classes in the order of their embeddings, so that finetune finds them again by name;
    none named means that none is known."""
    max_bytes: Annotated[int, Field(ge=1, le=10**12)] = 2_000_000_000
    """A larger file is refused."""

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in path:
            raise ValueError("it lies outside the project; `genimg adopt` copies it in")
        return path

    @field_validator("classes")
    @classmethod
    def _different(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) < len(classes):
            twice = next(name for name in classes if classes.count(name) > 1)
            raise ValueError(f"the class '{twice}' stands there twice")
        return classes
