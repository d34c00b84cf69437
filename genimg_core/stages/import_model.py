"""Import: a model from elsewhere, checked, as one of this project's versioned models (a file or folder => a model)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.models.import_params import ImportParams
from genimg_core.params import ImageParams
from genimg_core.stages.contract import Check, Stage, StageReport

if TYPE_CHECKING:
    from genimg_core.models.model_file import ModelSettings

CHECKS = (("weights_are_finite", "weights of the imported model that are numbers, of those that the networks have",
           True),)
"""(name, description, blocking)"""
SETTINGS, WEIGHTS = "settings.json", "weights.safetensors"
LARGEST_SETTINGS = 20_000_000


def import_model(*, source: Path, model: Path, report: Path, name: str, image: ImageParams,
                 params: ImportParams) -> StageReport:
    """Check every weight of `source` and write it as a model of this project.

    Raises:
        ParamsError: the path leads out of the project, or the weights do not fit what params.yaml says of them.
        SourceError: no safetensors file, or too large a one.
        CorruptFileError: damaged settings, or weights that are not finite.
    """
    from genimg_core.models.family import FAMILIES
    from genimg_core.models.foreign import check_file, read_weights, shapes_of
    from genimg_core.models.model_file import save_model

    _check_place(source, name)
    file = source / WEIGHTS if source.is_dir() else source
    check_file(file, params.max_bytes)
    described = _of_folder(source, name, params, image) if source.is_dir() else _of_file(file, name, params, image)
    entry = FAMILIES[described.family]
    family = entry.load(described.spec, entry.params(**described.family_params))
    told = ", ".join(f"{key} {value}" for key, value in described.family_params.items() if value is not None)
    weights = read_weights(file, shapes_of(family), f"{described.family} ({told}), {described.size} px, "
                           f"{described.channels} channel(s), {len(described.classes)} class(es)")
    networks = family.build()
    networks.load_state_dict(weights)
    settings = save_model(model, networks, described)
    count = sum(weight.numel() for weight in networks.parameters())
    (check, description, blocking), = CHECKS
    return StageReport(
        facts={"model": name, "family": settings.family, "family_params": settings.family_params,
               "size": settings.size, "channels": settings.channels, "classes": list(settings.classes),
               "model_sha256": settings.sha256, "parent": settings.parent, "parent_sha256": settings.parent_sha256,
               "source": {"path": params.path, "sha256": _sha256(file), "bytes": file.stat().st_size}},
        metrics={"weights": count, "classes": len(settings.classes)},
        checks=(Check(check, True, count, count, description, blocking),))


def _check_place(source: Path, name: str) -> None:
    """Inside the project, symbolic links followed."""
    from genimg_core.errors import ParamsError

    root = Path.cwd().resolve()
    for path in (source, *([source / WEIGHTS, source / SETTINGS] if source.is_dir() else [])):
        if root not in path.resolve().parents:
            raise ParamsError(f"'imported.{name}.path' leads to {path.resolve()}, outside the project",
                              f"`genimg adopt {path.resolve()} --as {name}` copies it in")


def _of_folder(source: Path, name: str, params: ImportParams, image: ImageParams) -> ModelSettings:
    """A model of genimg says what it is; here it gets its new name, and the version it was becomes its parent."""
    import dataclasses
    import json

    from pydantic import TypeAdapter, ValidationError

    from genimg_core.errors import CorruptFileError, ParamsError, SourceError
    from genimg_core.models.family import FAMILIES
    from genimg_core.models.model_file import ModelSettings, read_settings
    from genimg_core.params import CHANNEL_NAMES

    path = source / SETTINGS
    if params.family is not None or params.classes:
        raise ParamsError(f"'imported.{name}' names a model's folder and says what is in it, too",
                          "leave out `family` and `classes`: settings.json in the folder says them")
    if path.is_file() and path.stat().st_size > LARGEST_SETTINGS:
        raise SourceError(f"{path} has {path.stat().st_size:,} bytes: no model's settings", "name a model's folder")
    known = read_settings(path, f"copy the model's folder again: {WEIGHTS} and {SETTINGS}, both as they were written")
    try:
        TypeAdapter(ModelSettings).validate_json(json.dumps(dataclasses.asdict(known)), strict=True)
        FAMILIES[known.family].params(**known.family_params)
        counted = len(known.classes) == len(known.class_counts)
    except (KeyError, ValidationError, TypeError):
        counted = False
    if not counted or known.channels not in CHANNEL_NAMES or not 8 <= known.size <= 1024 or known.size % 4:
        raise CorruptFileError(f"{path} describes no model that this version can make (family {known.family})",
                               "bring this project to the version of genimg that made it")
    if (known.size, known.channels) != (image.size, image.channels):
        raise ParamsError(f"the model in {source} makes images of {known.size} px and {known.channels} channel(s), "
                          f"this project has {image.size} px and {image.channels}",
                          f"set `image: {{size: {known.size}, channels: {known.channels}}}` in params.yaml")
    return dataclasses.replace(known, model=name, parent=known.model, parent_sha256=known.sha256, weights_sha256="",
                               sha256="")


def _of_file(file: Path, name: str, params: ImportParams, image: ImageParams) -> ModelSettings:
    """A bare file: params.yaml says what it is."""
    from genimg_core.errors import ParamsError
    from genimg_core.models.family import FAMILIES, ModelSpec
    from genimg_core.models.foreign import header_shapes
    from genimg_core.models.model_file import ModelSettings

    if params.family is None:
        raise ParamsError(f"'imported.{name}' is a file, and nothing says what it holds",
                          f"add `family: {' | '.join(FAMILIES)}` and its settings; or import a model's whole folder")
    own = getattr(params, params.family)
    classes = params.classes
    if not classes:
        family = FAMILIES[params.family].load(ModelSpec(image.size, image.channels, 1), own)
        shapes = header_shapes(file)
        table = next((shapes[key] for key in family.class_tables if key in shapes), (1,))
        classes = tuple(f"{name}_{number}" for number in range(max(1, table[0])))
    return ModelSettings(
        model=name, family=params.family, family_params=own.recorded(), size=image.size,
        channels=image.channels, classes=classes, class_counts=(0,) * len(classes), background=image.background,
        dataset="unknown", dataset_sha256="unknown", parent=None, parent_sha256=None, seen_images=0, train_params={},
        seed=0)


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


STAGE = Stage(
    name="import",
    summary="check a model from elsewhere, and take it into this project",
    inputs=("source",),
    outputs=("model",),
    params={"image": ("image", ImageParams), "params": ("imported.{name}", ImportParams)},
    run=import_model,
)
