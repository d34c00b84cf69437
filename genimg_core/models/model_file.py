"""A trained model on disk, and the samples it draws.

- weights.safetensors: the averaged weights of all networks
- settings.json: ModelSettings
- log.jsonl: the training log
- last.safetensors: the last weights, not averaged; only where `keep_last` asks for them
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.imaging.representation import to_uint8
from genimg_core.models.family import FAMILIES, SOLVER, Family, ModelSpec, SolverName
from genimg_core.progress import progress
from genimg_core.stages.contract import write_json
from genimg_core.training.generators import torch_generator

STEPS = 10
"""Of a sampler that has steps, unless told otherwise."""
GUIDANCE = 1.5
"""Classifier-free, for a family that has it, unless told otherwise."""
LAST, OF = "last.safetensors", "weights_sha256"
BATCH = 64
"""Images drawn at a time. Always this many: kernels choose their order of summation by the shape."""


@dataclass(frozen=True)
class ModelSettings:
    """What a model is, and where it comes from."""

    model: str
    """The entry's name."""
    family: str
    family_params: dict[str, Any]
    size: int
    """Side in pixels."""
    channels: int
    classes: tuple[str, ...]
    """A label is an index into it."""
    class_counts: tuple[int, ...]
    """Images of each class in the train split."""
    background: str
    dataset: str
    dataset_sha256: str
    parent: str | None
    """The model it was fine-tuned from."""
    parent_sha256: str | None
    """The parent's `sha256`: so a model's hash covers its whole line."""
    seen_images: int
    """In this run, without the parent's."""
    train_params: dict[str, Any]
    seed: int
    weights_sha256: str = ""
    """Of weights.safetensors."""
    sha256: str = ""
    """Of everything above: the version of the model."""

    @property
    def spec(self) -> ModelSpec:
        """The images it makes."""
        return ModelSpec(self.size, self.channels, len(self.classes))

    def hashed(self) -> str:
        """What `sha256` must be."""
        tree = asdict(self) | {"sha256": ""}
        return hashlib.sha256(json.dumps(tree, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class TrainedModel:
    """A model ready to draw.

    Args:
        settings: what it is.
        family: bound to the settings.
        networks: with the averaged weights, on `device`.
        device: where it computes.
    """

    def __init__(self, settings: ModelSettings, family: Family, networks: nn.ModuleDict, device: torch.device) -> None:
        self.settings = settings
        self.family = family
        self.networks = networks.eval().requires_grad_(False)
        self.device = device

    def sample(self, labels: np.ndarray, seed: int, first_index: int = 0, steps: int | None = None,
               guidance: float | None = None, batch: int = BATCH, solver: SolverName = SOLVER,
               what: str = "drawing samples") -> np.ndarray:
        """Draw one image per label.

        Sample i depends only on the model, `seed`, its index `first_index + i`, its label, `steps`, `guidance` and
        `solver`: its noise comes from a generator of its own, and it always has the same place in a batch of the same
        size.

        Args:
            labels: int (n,), each an index into `settings.classes`.
            seed: of the run.
            first_index: the first sample's index.
            steps: of the sampler; None takes 10.
            guidance: classifier-free guidance; None takes 1.5; 1 is none.
            batch: images at a time (another number may change the last bit of a sample).
            solver: of the sampler.
            what: for the progress line; empty shows none.

        Returns:
            uint8 (n, H, W, C).
        """
        steps = STEPS if steps is None else steps
        guidance = GUIDANCE if guidance is None else guidance
        labels = np.asarray(labels, dtype=np.int64)
        drawn = np.empty((len(labels), self.settings.size, self.settings.size, self.settings.channels), np.uint8)
        with progress(what, len(labels)) if what else nullcontext(lambda _: None) as advance:
            for start in range(first_index // batch * batch, first_index + len(labels), batch):
                here = slice(max(0, start - first_index), min(len(labels), start + batch - first_index))
                place = here.start + first_index - start
                padded = np.zeros(batch, np.int64)
                padded[place:place + here.stop - here.start] = labels[here]
                images = self._draw_batch(padded, seed, start, steps, guidance, solver)
                drawn[here] = images[place:place + here.stop - here.start]
                advance(here.stop - here.start)
        return drawn

    @torch.inference_mode()
    def _draw_batch(self, labels: np.ndarray, seed: int, start: int, steps: int, guidance: float,
                    solver: SolverName) -> np.ndarray:
        generators = [torch_generator(seed, f"sample/{start + place}") for place in range(len(labels))]

        def noise(*shape: int) -> Tensor:
            return torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(self.device)

        images = self.family.sample(self.networks, torch.from_numpy(labels).to(self.device), noise, steps, guidance,
                                    solver)
        return to_uint8(images).cpu().numpy()


def save_model(folder: Path, networks: nn.ModuleDict, settings: ModelSettings) -> ModelSettings:
    """Write weights and settings.

    Args:
        folder: exists.
        networks: with the averaged weights.
        settings: its hashes are filled in here.

    Returns:
        The settings as written.
    """
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in networks.state_dict().items()})
    (folder / "weights.safetensors").write_bytes(data)
    settings = dataclasses.replace(settings, weights_sha256=hashlib.sha256(data).hexdigest(), sha256="")
    settings = dataclasses.replace(settings, sha256=settings.hashed())
    write_json(folder / "settings.json", asdict(settings))
    return settings


def load_model(folder: Path, device: torch.device | str = "cpu") -> TrainedModel:
    """Read what `save_model` wrote; the hashes are checked before a weight is read.

    Raises:
        CorruptFileError: a file is missing, was changed, or does not hold what the settings describe.
    """
    remedy = _again(folder)
    settings = read_settings(folder / "settings.json", remedy)
    path = folder / "weights.safetensors"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read ({error.strerror})", remedy) from None
    if hashlib.sha256(data).hexdigest() != settings.weights_sha256:
        raise CorruptFileError(f"{path} is not the file that settings.json names (its sha256 differs)", remedy)
    try:
        entry = FAMILIES[settings.family]
        family = entry.load(settings.spec, entry.params(**settings.family_params))
        networks = family.build()
        networks.load_state_dict(load(data))
    except (KeyError, ValidationError, SafetensorError, RuntimeError) as error:
        raise CorruptFileError(f"{path} does not hold the weights that settings.json describes ({_first_line(error)})",
                               remedy) from None
    networks = networks.to(device, memory_format=torch.channels_last)
    return TrainedModel(settings, family, networks, torch.device(device))


def save_last(folder: Path, networks: nn.ModuleDict, settings: ModelSettings) -> None:
    """Write the last weights beside the averaged ones.

    Args:
        folder: where `save_model` wrote.
        networks: with the last weights.
        settings: as `save_model` gave them back.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in networks.state_dict().items()}
    (folder / LAST).write_bytes(save(tensors, {OF: settings.weights_sha256}))


def load_last(folder: Path, model: TrainedModel) -> dict[str, Tensor]:
    """What `save_last` wrote, by name.

    Args:
        folder: of the model.
        model: as `load_model` read it.

    Raises:
        ParamsError: it kept none.
        CorruptFileError: they are not this model's.
    """
    path, name = folder / LAST, model.settings.model
    if not path.is_file():
        raise ParamsError(f"`start: last` needs the last weights of {name}, which keeps only the averaged ones",
                          f"set `keep_last: true` in the entry of {name}, or `start: average`")
    try:
        with safe_open(path, "pt") as stream:
            of = (stream.metadata() or {}).get(OF)
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}
    except (OSError, SafetensorError) as error:
        raise CorruptFileError(f"{path} cannot be read ({_first_line(error)})", _again(folder)) from None
    known = model.networks.state_dict()
    fits = tensors.keys() == known.keys() and all(tensors[key].shape == known[key].shape for key in known)
    if of != model.settings.weights_sha256 or not fits:
        raise CorruptFileError(f"{path} does not hold the last weights of this version of {name}", _again(folder))
    return tensors


def _again(folder: Path) -> str:
    return f"delete {folder} and run `dvc checkout`, or `genimg run` to train it again"


def read_settings(path: Path, remedy: str) -> ModelSettings:
    """A model's settings.json.

    Raises:
        CorruptFileError: it cannot be read, or was changed after it was written.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf8"))
        tree = {key: tuple(value) if isinstance(value, list) else value for key, value in tree.items()}
        settings = ModelSettings(**tree)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CorruptFileError(f"{path} is not a model's readable settings ({_first_line(error)})", remedy) from None
    if settings.hashed() != settings.sha256:
        raise CorruptFileError(f"{path} was changed after it was written (its sha256 differs)", remedy)
    return settings


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
