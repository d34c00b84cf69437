"""The feature extractors that scores are measured with: three opinions, each with an id and a sha256.

    extractor/
      domain_cnn/           a classifier of our own training on the train split
      random_cnn/           the same network with random weights: it cannot have learnt what to overlook
      pixel_pca/            principal components of the train split's pixels: what differs there, differs
        weights.safetensors
        settings.json       ExtractorSettings

Scores of different extractors are never compared.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import nn

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.metrics.pixel_pca import COMPONENTS, PixelPca
from genimg_core.models.classifier import infer
from genimg_core.models.classifier.files import fill, save_weights
from genimg_core.models.classifier.network import FEATURE_DIM, ClassifierNetwork
from genimg_core.params import CHANNEL_NAMES
from genimg_core.stages.contract import write_json

KINDS = {"domain_cnn": "cnn", "random_cnn": "random", "pixel_pca": "pca"}
"""Kind, also the name of its folder => the beginning of its id. The first is the one that leads."""
REMEDY = "run `dvc checkout`, or `genimg run extractor` to make it again"


@dataclass(frozen=True)
class ExtractorSettings:
    """What a feature extractor is."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")

    id: str
    """`cnn-<dataset>-<first 8 digits of sha256>`, `random-…`, `pca-…`"""
    sha256: str
    """Of weights.safetensors."""
    kind: str
    """One of KINDS."""
    dataset: str
    dataset_sha256: str
    """The version of the data set that it was fitted to (random weights: only scaled to)."""
    size: int
    """Side of the images in pixels."""
    channels: int
    feature_dim: int
    task: str | None = None
    """Of the domain CNN: `class`, or `rotation` where the data set has one class only."""
    classes: tuple[str, ...] = ()
    """Of the task: a logit's index is an index into it."""
    seen_images: int = 0
    test_accuracy: float | None = None
    """Share of the images of `test_split` that it tells right, in [0, 1]."""
    test_split: str | None = None
    """`test`; `validation`, then `train` where the data set holds out none."""


class Extractor:
    """uint8 images => features.

    Args:
        settings: what it is.
        network: its weights, in eval mode.
    """

    def __init__(self, settings: ExtractorSettings, network: ClassifierNetwork | PixelPca) -> None:
        self.settings, self._network = settings, network

    def features(self, images: np.ndarray) -> np.ndarray:
        """Features: float64 (N, feature_dim), mean square about 1 on the train split; row i is the same for any N.

        Args:
            images: uint8 (N, size, size, channels).

        Raises:
            ParamsError: images of another size, or grey instead of RGB or the reverse.
        """
        self._check(images)
        return infer.features(self._network, images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """The softmax over `settings.classes`: float64 (N, classes). Arguments and errors as of `features`.

        Raises:
            ValueError: the extractor has no classes.
        """
        if not self.settings.classes:
            raise ValueError(f"{self.settings.id} tells no classes apart")
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


def save_extractor(folder: Path, network: nn.Module, **settings: object) -> ExtractorSettings:
    """Write weights and settings into `folder/<kind>/`.

    Args:
        folder: exists.
        network: what to save.
        settings: the fields of ExtractorSettings that the weights do not say.
    """
    place = folder / str(settings["kind"])
    place.mkdir()
    sha256 = save_weights(network, place / "weights.safetensors")
    name = f"{KINDS[settings['kind']]}-{settings['dataset']}-{sha256[:8]}"
    width = len(network.axes) if isinstance(network, PixelPca) else FEATURE_DIM
    written = ExtractorSettings(id=name, sha256=sha256, feature_dim=width, **settings)
    write_json(place / "settings.json", asdict(written))
    return written


def load_extractors(folder: Path) -> tuple[Extractor, ...]:
    """Read what `save_extractor` wrote, one of each kind; the domain CNN comes first.

    Raises:
        CorruptFileError: a file is missing, cut short, or not the one that settings.json names.
    """
    return tuple(_load(folder / kind, kind) for kind in KINDS)


def _load(folder: Path, kind: str) -> Extractor:
    path = folder / "settings.json"
    try:
        settings = TypeAdapter(ExtractorSettings).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        cause = " ".join(str(error).split())
        raise CorruptFileError(f"{path} does not describe a feature extractor ({cause})", REMEDY) from None
    fits = settings.feature_dim <= COMPONENTS if kind == "pixel_pca" else settings.feature_dim == FEATURE_DIM
    if settings.kind != kind or settings.channels not in CHANNEL_NAMES or not 8 <= settings.size <= 4096 or not fits:
        raise CorruptFileError(f"{path} does not describe a feature extractor of this version", REMEDY)
    if kind == "pixel_pca":
        network = PixelPca(settings.size, settings.channels, max(1, settings.feature_dim))
    else:
        network = ClassifierNetwork(settings.size, settings.channels, max(1, len(settings.classes)))
    return Extractor(settings, fill(network, folder / "weights.safetensors", settings.sha256, REMEDY))


def _kind(channels: int) -> str:
    return CHANNEL_NAMES.get(channels, f"{channels}-channel")
