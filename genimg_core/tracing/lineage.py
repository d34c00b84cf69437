"""The way back from a sample: its model, the models before it, their data sets, and where those came from."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genimg_core.tracing.texts import Origin
from genimg_core.tracing.versions import Unreadable, Version, as_json, settings_of, versions_with

LONGEST_CHAIN = 100


@dataclass(frozen=True)
class ModelStep:
    """A model on the way."""

    model: str
    sha256: str
    found: str
    """Where this version of it is."""
    family: str
    size: int
    channels: int
    classes: int
    seen_images: int
    """In its own training, without its parent's."""
    train_images: int
    seed: int
    dataset: str
    dataset_sha256: str
    parent: str | None
    parent_sha256: str | None


@dataclass(frozen=True)
class DatasetStep:
    """A data set that a model learned from."""

    dataset: str
    sha256: str
    found: str
    source: dict[str, Any]
    """kind, path, files, bytes, digest: as far as they are known."""
    collected: int | None
    kept: int | None
    rejected: dict[str, int]
    """Reason => images."""
    labels: dict[str, int]
    """given, predicted, decided."""
    splits: dict[str, int]


@dataclass
class Lineage:
    """The way back, as far as it could be gone."""

    file: str
    origin: Origin
    models: list[ModelStep] = field(default_factory=list)
    """The one that drew the sample first; the one that began from nothing last."""
    datasets: list[DatasetStep] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What was not found, in words."""
    revision: str | None = None
    """The commit that names the model, if it is not the one that stands here."""
    restore: str | None = None
    """How to bring that version back."""
    redraw: str | None = None
    """The command that draws the same image again."""

    @property
    def complete(self) -> bool:
        """Down to the sources."""
        return not self.missing

    def tree(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"complete": self.complete}


def trace(root: Path, file: str, origin: Origin) -> Lineage:
    """Go back from a sample as far as this project knows.

    Args:
        root: the project.
        file: the picture's name, for the result.
        origin: what it says of itself.
    """
    result = Lineage(file, origin)
    sha256: str | None = origin.model_sha256
    name: str | None = origin.model
    seen: set[str] = set()
    while sha256 and sha256 not in seen and len(seen) < LONGEST_CHAIN:
        seen.add(sha256)
        found = _find(root, sha256, result, first=not result.models)
        if found is None:
            result.missing.insert(0, f"the model {name}, version {sha256[:12]}: neither the models here, nor any "
                                  "dvc.lock of git's history, nor DVC's run cache hold it")
            return result
        version, settings = found
        _check_claim(origin, settings, result)
        result.models.append(_model_step(version, settings))
        _add_dataset(version, settings, result)
        name, sha256 = settings["parent"], settings["parent_sha256"]
    result.redraw = _redraw(origin, result)
    return result


def _find(root: Path, sha256: str, result: Lineage, first: bool) -> tuple[Version, dict[str, Any]] | None:
    """The first version that holds the model and its data set; else the first that holds the model."""
    unreadable = Unreadable([])
    best: tuple[Version, dict[str, Any]] | None = None
    for version, name in versions_with(root, sha256, unreadable):
        settings = settings_of(version, name)
        if not settings:
            continue
        best = best or (version, settings)
        if _normalized(version, settings["dataset"]).get("sha256") == settings["dataset_sha256"]:
            best = version, settings
            break
    if best is None:
        result.missing += [f"{place} (`dvc fetch --all-commits` may bring it)" for place in unreadable.places]
    elif first:
        result.revision, result.restore = best[0].revision, best[0].remedy
    return best


def _model_step(version: Version, settings: dict[str, Any]) -> ModelStep:
    kept = ("model", "sha256", "family", "size", "channels", "seen_images", "seed", "dataset", "dataset_sha256",
            "parent", "parent_sha256")
    return ModelStep(**{key: settings[key] for key in kept}, found=version.told, classes=len(settings["classes"]),
                     train_images=sum(settings["class_counts"]))


def _add_dataset(version: Version, settings: dict[str, Any], result: Lineage) -> None:
    name, sha256 = settings["dataset"], settings["dataset_sha256"]
    if any(step.sha256 == sha256 for step in result.datasets):
        return
    normalized = _normalized(version, name)
    if normalized.get("sha256") != sha256:
        other = f"; what is there is version {normalized['sha256'][:12]}" if normalized.get("sha256") else ""
        result.missing.append(f"the data set {name}, version {sha256[:12]}, that {settings['model']} learned from: it "
                              f"is not beside the model ({version.told}){other}")
        return
    result.datasets.append(_dataset_step(version, name, normalized))


def _dataset_step(version: Version, name: str, normalized: dict[str, Any]) -> DatasetStep:
    def told(stage: str) -> dict[str, Any]:
        return as_json(version.read(f"data/reports/{stage}-{name}/report.json"))

    collected, cleaned, labelled, normal = told("collect"), told("clean"), told("label"), told("normalize")
    lock = as_json(version.read(f"data/datasets/{name}/source.lock"))
    if lock.get("digest") != collected.get("digest"):  # a source that was scanned again since
        lock = {}
    source = {key: value for key, value in {
        "kind": collected.get("kind"), "path": _source_path(version, name),
        "files": lock.get("files", collected.get("collected")), "bytes": lock.get("bytes", collected.get("bytes")),
        "digest": collected.get("digest")}.items() if value is not None}
    metrics = labelled.get("metrics", {})
    return DatasetStep(
        dataset=name, sha256=normalized["sha256"], found=version.told, source=source,
        collected=collected.get("collected"), kept=normal.get("kept", cleaned.get("kept")),
        rejected=labelled.get("rejected", cleaned.get("rejected", {})),
        labels={key: metrics[key] for key in ("given", "predicted", "decided") if key in metrics},
        splits=normalized.get("counts", {}))


def _normalized(version: Version, dataset: str) -> dict[str, Any]:
    return as_json(version.read(f"data/datasets/{dataset}/normalized/settings.json"))


def _source_path(version: Version, dataset: str) -> str | None:
    """Of params.yaml as it was; a glyph source has a script instead, a table its file, a store its URL."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe").load((version.read("params.yaml") or b"").decode("utf8"))
        source = tree["datasets"][dataset]["source"]
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return None
    if not isinstance(source, dict):
        return None
    return next((str(source[key]) for key in ("path", "url", "script", "file") if source.get(key) is not None), None)


def _check_claim(origin: Origin, settings: dict[str, Any], result: Lineage) -> None:
    """What the picture says beside the model's hash must fit that model."""
    if result.models:
        return
    for told, known, what in ((origin.model, settings["model"], "model"),
                              (origin.dataset_sha256, settings["dataset_sha256"], "data set's version")):
        if told != known:
            result.missing.append(f"the picture names the {what} {told[:40]}, the model of that version has "
                                  f"{known[:40]}: its texts were changed")
    if origin.label not in settings["classes"]:
        result.missing.append(f"the picture's class '{origin.label[:40]}' is not one of the model's: its texts were "
                              "changed")


def _redraw(origin: Origin, result: Lineage) -> str | None:
    if result.missing or not result.models:
        return None
    words = ["genimg", "sample", "--model", result.models[0].model, f"--class={origin.label}", "-n", "1", "--seed",
             str(origin.seed), "--first-index", str(origin.index)]
    if origin.steps is not None:
        words += ["--steps", str(origin.steps)]
    if origin.guidance is not None:
        words += ["--guidance", f"{origin.guidance:g}"]
    if origin.solver is not None:
        words += ["--solver", origin.solver]
    return shlex.join([*words, "--out", "again"])
