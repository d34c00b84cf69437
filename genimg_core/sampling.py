"""Direct use of a trained model: `load("latin").sample("A", n=16)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from PIL import Image

from genimg_core import params as params_file
from genimg_core.errors import ParamsError
from genimg_core.models.family import SOLVER, SolverName
from genimg_core.models.model_file import GUIDANCE, STEPS, ModelSettings, TrainedModel, load_model
from genimg_core.models.samples import class_weights, origin_texts, sample_labels
from genimg_core.params import nearest
from genimg_core.reports.pictures import as_image
from genimg_core.training.devices import computing

MODELS = Path("data/models")
MOST_BYTES = 4 * 2**30
"""Of pixels in one call: they are held in memory."""
BOUNDS: dict[str, tuple[float, float]] = {
    "n": (1, 10_000_000), "seed": (0, 2**31 - 1), "first_index": (0, 2**53), "steps": (1, 1_000), "guidance": (0, 20)}
"""Of the settings of a draw, both ends among them."""


@dataclass(frozen=True)
class Drawing:
    """Samples, and all it takes to draw them again."""

    images: np.ndarray  # uint8 (n, H, W, C)
    labels: np.ndarray  # int64 (n,), each an index into the model's classes
    settings: ModelSettings
    seed: int
    first_index: int
    steps: int
    guidance: float
    solver: SolverName = SOLVER

    def texts(self, place: int) -> dict[str, str]:
        """The text chunks for the PNG of `images[place]`; the stage `generate` writes the same."""
        return origin_texts(self.settings, self.seed, self.first_index + place, int(self.labels[place]), self.steps,
                            self.guidance, self.solver)


class Model:
    """A trained model.

    Args:
        trained: weights and settings.
        threads: CPU threads.
    """

    def __init__(self, trained: TrainedModel, threads: int) -> None:
        self._trained = trained
        self._threads = threads

    def __repr__(self) -> str:
        known = self.settings
        return (f"<genimg model {known.model}: {known.family}, {known.size} px, {len(known.classes)} classes, "
                f"version {known.sha256[:12]}>")

    @property
    def settings(self) -> ModelSettings:
        """What it is, and what it comes from."""
        return self._trained.settings

    @property
    def classes(self) -> tuple[str, ...]:
        """What it can draw."""
        return self.settings.classes

    def sample(self, classes: str | Sequence[str] | None = None, n: int = 1, seed: int = 0, first_index: int = 0,
               steps: int | None = None, guidance: float | None = None,
               solver: SolverName = SOLVER) -> list[Image.Image]:
        """Draw images.

        Image i depends only on the model, the seed, its index `first_index + i`, its class, steps, guidance and
        solver: the first 16 of 100 are the 16 of 16, and they are what the stage `generate` draws under that seed.

        Args:
            classes: a class, several, or None for all. Of several each has its share, in proportion to the images that
                the model learned from.
            n: how many.
            seed: another seed, other images.
            first_index: of the first image, to go on where an earlier call ended.
            steps: of the sampler, 1 to 1,000; None takes the usual number.
            guidance: classifier-free, 0 to 20, 1 is none; None takes the usual.
            solver: of a flow: `euler`, `midpoint` or `heun`.

        Returns:
            n images, `L` or `RGB`; `image.info` says where each comes from.

        Raises:
            ParamsError: an unknown class (the nearest is named), or a number out of range.
        """
        drawing = self.draw(classes, n, seed, first_index, steps, guidance, solver)
        images = [as_image(image) for image in drawing.images]
        for place, image in enumerate(images):
            image.info.update(drawing.texts(place))
        return images

    def draw(self, classes: str | Sequence[str] | None = None, n: int = 1, seed: int = 0, first_index: int = 0,
             steps: int | None = None, guidance: float | None = None, solver: SolverName = SOLVER) -> Drawing:
        """As `sample`, as arrays: uint8 (n, H, W, C), and the label of each."""
        steps = STEPS if steps is None else steps
        guidance = GUIDANCE if guidance is None else guidance
        given = {"n": n, "seed": seed, "first_index": first_index, "steps": steps, "guidance": guidance}
        for name, value in given.items():
            _check_range(name, value)
        if solver not in get_args(SolverName):
            raise ParamsError(f"there is no solver '{solver}'", f"take one of {', '.join(get_args(SolverName))}")
        settings = self.settings
        if n * settings.size ** 2 * settings.channels > MOST_BYTES:
            raise ParamsError(f"{n:,} images of {settings.size} px are too many to hold in memory",
                              "draw them in parts: the next one begins at first_index = the images drawn so far")
        wanted = (classes,) if isinstance(classes, str) else tuple(classes or ())
        # Dealt out from index 0, so that a part of a row is the same whichever part is asked for.
        weights = class_weights(settings, wanted)
        labels = (np.full(n, weights.argmax()) if np.count_nonzero(weights) == 1
                  else sample_labels(weights, _in_one_row(first_index + n))[first_index:])
        with computing(self._trained.device.type, self._threads):
            images = self._trained.sample(labels, seed, first_index, steps, guidance, solver=solver)
        return Drawing(images, labels, settings, seed, first_index, steps, float(guidance), solver)


def load(model: str | Path, device: str = "auto", threads: int | None = None) -> Model:
    """A trained model, ready to draw.

    Args:
        model: the name of one in data/models here, or a model's folder anywhere.
        device: `auto` (the GPU where there is one), `cpu` or `cuda`.
        threads: CPU threads; None takes those of params.yaml here, else torch's own number. The last bit of an image
            may depend on it.

    Raises:
        ParamsError: there is no such model; the nearest name is given.
        CorruptFileError: it cannot be read, or was changed.
        SetupError: `cuda` where there is none.
    """
    folder = find_model(model)
    if device not in ("auto", "cpu", "cuda"):
        raise ParamsError(f"device is '{device}'", "choose auto, cpu or cuda")
    threads = threads or _project_threads() or torch.get_num_threads()
    with computing(device, threads) as chosen:
        return Model(load_model(folder, chosen), threads)


def find_model(model: str | Path) -> Path:
    """The folder of a model: itself, or the one of that name in data/models here.

    Raises:
        ParamsError: there is none.
    """
    for folder in (Path(model), MODELS / model):
        if (folder / "settings.json").is_file():
            return folder
    known = sorted(path.parent.name for path in MODELS.glob("*/settings.json"))
    if not known:
        raise ParamsError(f"there is no model '{model}': no folder of that name holds one, and {MODELS} has none here",
                          "`genimg run` trains the models of params.yaml; or name a model's folder")
    raise ParamsError(f"there is no model '{model}'", f"{nearest(str(model), known)} (or name a model's folder)")


def _in_one_row(images: int) -> int:
    if images > BOUNDS["n"][1]:
        raise ParamsError(f"several classes are dealt out up to the index {BOUNDS['n'][1]:,}",
                          "ask for one class, or for another seed")
    return images


def _check_range(name: str, value: float) -> None:
    low, high = BOUNDS[name]
    whole = name == "guidance" or isinstance(value, (int, np.integer))
    if not whole or isinstance(value, bool) or not low <= value <= high:
        kind = "a number" if name == "guidance" else "a whole number"
        raise ParamsError(f"{name} is {value!r}", f"give {kind} from {low:,} to {high:,}")


def _project_threads() -> int | None:
    """`threads` of params.yaml, which the stages draw with."""
    try:
        found = params_file.read().get("threads")
    except ParamsError:
        return None
    return found if isinstance(found, int) and 1 <= found <= 256 else None
