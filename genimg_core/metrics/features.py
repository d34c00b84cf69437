"""The feature extractor that scores are measured with: a classifier of our own training, with an id and a sha256.

    extractor/
      weights.safetensors
      settings.json         ExtractorSettings

Scores of different extractors are never compared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.models.classifier import infer
from genimg_core.models.classifier.files import load_weights, save_weights
from genimg_core.models.classifier.network import FEATURE_DIM, ClassifierNetwork
from genimg_core.stages.contract import write_json

REMEDY = "run `dvc checkout`, or `genimg run extractor` to train it again"


@dataclass(frozen=True)
class ExtractorSettings:
    """What a feature extractor is."""

    id: str
    """`cnn-<dataset>-<first 8 digits of sha256>`"""
    sha256: str
    """Of weights.safetensors."""
    dataset: str
    dataset_sha256: str
    """The version of the data set it was trained on."""
    task: str
    """`class`, or `rotation` where the data set has one class only."""
    classes: tuple[str, ...]
    """Of the task: a logit's index is an index into it."""
    size: int
    """Side of the images in pixels."""
    channels: int
    feature_dim: int
    seen_images: int
    test_accuracy: float
    """Share of the images of `test_split` that it tells right, in [0, 1]."""
    test_split: str
    """`test`; `validation`, then `train` where the data set holds out none."""


class Extractor:
    """uint8 images => features.

    Args:
        settings: what it is.
        network: its weights, in eval mode.
    """

    def __init__(self, settings: ExtractorSettings, network: ClassifierNetwork) -> None:
        self.settings, self._network = settings, network

    def features(self, images: np.ndarray) -> np.ndarray:
        """Penultimate features: float64 (N, feature_dim), at least 0, mean square about 1; row i is the same for any N.

        Args:
            images: uint8 (N, size, size, channels).

        Raises:
            ParamsError: images of another size, or grey instead of RGB or the reverse.
        """
        self._check(images)
        return infer.features(self._network, images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """The softmax over `settings.classes`: float64 (N, classes). Arguments and errors as of `features`."""
        self._check(images)
        return infer.probabilities(self._network, images)

    def _check(self, images: np.ndarray) -> None:
        size, channels = self.settings.size, self.settings.channels
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(f"images must be uint8 (N, S, S, C), not {images.dtype} {images.shape}")
        if images.shape[1:] != (size, size, channels):
            height, width, depth = images.shape[1:]
            raise ParamsError(f"the extractor {self.settings.id} takes {_kind(channels)} images of {size} x {size} "
                              f"pixels, these are {_kind(depth)} of {width} x {height}",
                              "run `genimg run`: the extractor and the samples come from different `image` params")


def save_extractor(folder: Path, network: ClassifierNetwork, **settings: object) -> ExtractorSettings:
    """Write weights and settings.

    Args:
        folder: exists.
        network: what to save.
        settings: the fields of ExtractorSettings that the weights do not say.
    """
    sha256 = save_weights(network, folder / "weights.safetensors")
    name = f"cnn-{settings['dataset']}-{sha256[:8]}"
    written = ExtractorSettings(id=name, sha256=sha256, feature_dim=FEATURE_DIM, **settings)
    write_json(folder / "settings.json", asdict(written))
    return written


def load_extractor(folder: Path) -> Extractor:
    """Read what `save_extractor` wrote.

    Raises:
        CorruptFileError: a file is missing, cut short, or not the one that settings.json names.
    """
    path = folder / "settings.json"
    try:
        tree = json.loads(path.read_text(encoding="utf8"))
        settings = ExtractorSettings(**{**tree, "classes": tuple(tree["classes"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = " ".join(str(error).split())
        raise CorruptFileError(f"{path} does not describe a feature extractor ({cause})", REMEDY) from None
    wrong = [field.name for field in fields(settings)
             if field.type in ("int", "str") and type(getattr(settings, field.name)).__name__ != field.type]
    if wrong or settings.channels not in (1, 3) or settings.size < 8 or settings.feature_dim != FEATURE_DIM:
        raise CorruptFileError(f"{path} does not describe a feature extractor of this version", REMEDY)
    return Extractor(settings, load_weights(folder / "weights.safetensors", settings.size, settings.channels,
                                            len(settings.classes), settings.sha256, REMEDY))


def _kind(channels: int) -> str:
    return {1: "grey", 3: "RGB"}.get(channels, f"{channels}-channel")
