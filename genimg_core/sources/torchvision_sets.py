"""Data sets of torchvision that lie on the disk as IDX files. torchvision itself is only asked to download."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section, nearest
from genimg_core.sources.idx import IdxParams, IdxPart, IdxSource
from genimg_core.sources.source import SourceFile

_DIGITS = tuple("0123456789")
_SMALL = tuple("abcdefghijklmnopqrstuvwxyz")
_BALANCED = (*_DIGITS, *"ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
_EMNIST = {
    "byclass": (*_DIGITS, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *_SMALL),
    "bymerge": _BALANCED,
    "balanced": _BALANCED,
    # Its classes are numbered from 1.
    "letters": ("N/A", *_SMALL),
    "digits": _DIGITS,
    "mnist": _DIGITS,
}
CLASSES = {
    "MNIST": _DIGITS,
    "FashionMNIST": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "KMNIST": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    **{f"EMNIST-{subset}": names for subset, names in _EMNIST.items()},
}  # fmt: skip
"""The data sets that can be read, and the names of their classes as torchvision has them (without `0 - zero`)."""

PICKLED = frozenset({"CIFAR10", "CIFAR100"})
_FOLDERS = frozenset(
    "Caltech101 Caltech256 Country211 DTD EuroSAT FGVCAircraft Flowers102 Food101 GTSRB ImageFolder ImageNet "
    "Imagenette INaturalist LFWPeople OxfordIIITPet Places365 RenderedSST2 StanfordCars SUN397 CelebA".split()
)


class TorchvisionParams(Section):
    """A data set of torchvision, by its name."""

    kind: Literal["torchvision"] = "torchvision"
    name: Annotated[str, StringConstraints(min_length=1)]
    """MNIST, FashionMNIST, KMNIST, or EMNIST-byclass, -bymerge, -balanced, -letters, -digits, -mnist."""
    path: Annotated[str, StringConstraints(min_length=1)]
    """torchvision's `root`: the folder that holds `MNIST/raw/…`; from the working directory."""
    download: bool = False
    """Whether it is fetched into `path` where it is not there."""


class TorchvisionSource:
    """Reads what TorchvisionParams describe: the train split and the test split."""

    def __init__(self, params: TorchvisionParams) -> None:
        self.params = params

    @property
    def origin(self) -> str:
        """That of the IDX files."""
        return self._idx().origin

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every image of both splits; see `Source.scan`.

        Raises:
            SourceError: no such data set, one whose files are pickles, not there, or damaged; a download that failed.
        """
        return self._idx().scan(earlier)

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The PNG of each of `paths` that is there."""
        return self._idx().contents(paths)

    def _idx(self) -> IdxSource:
        check_name(self.params.name)
        family, _, subset = self.params.name.partition("-")
        raw = Path(self.params.path) / family / "raw"
        names = {"train": "train", "test": "test" if subset else "t10k"}
        if subset:
            names = {split: f"emnist-{subset}-{name}" for split, name in names.items()}
        wanted = [raw / f"{name}-{what}-ubyte" for name in names.values() for what in ("images-idx3", "labels-idx1")]
        if self.params.download and not all(_plain_or_packed(path) for path in wanted):
            _download(self.params.path, family, subset)
        found = {path: _plain_or_packed(path) for path in wanted}
        if not any(found.values()):
            raise SourceError(
                f"there is no {self.params.name} in {self.params.path} (no folder {raw})",
                "correct `path` in params.yaml, or set `download: true`",
            )
        parts = {}
        for split, name in names.items():
            images, labels = raw / f"{name}-images-idx3-ubyte", raw / f"{name}-labels-idx1-ubyte"
            # An absent one is named by who opens it.
            parts[split] = IdxPart(images=str(found[images] or images), labels=str(found[labels] or labels))
        return IdxSource(IdxParams(parts=parts, class_names=CLASSES[self.params.name], transposed=bool(subset)))


def check_name(name: str) -> None:
    """Refuse what cannot be read, with the way that can.

    Raises:
        SourceError: an unknown name, or a data set in another form.
    """
    if name in CLASSES:
        return
    if name in PICKLED:
        raise SourceError(
            f"the files of {name} are pickles, which run what they say when they are read: genimg does not",
            "where you trust them, save the images as PNGs in a folder per class once, and use `kind: folder`",
        )
    if name in _FOLDERS:
        raise SourceError(
            f"torchvision keeps {name} as image files in folders",
            "use `kind: folder`, with the folder that its images lie in as `path`",
        )
    raise SourceError(f"there is no torchvision data set {name!r} that genimg reads", nearest(name, list(CLASSES)))


def _plain_or_packed(path: Path) -> Path | None:
    packed = path.with_name(f"{path.name}.gz")
    return path if os.path.isfile(path) else packed if os.path.isfile(packed) else None


def _download(root: str, family: str, subset: str) -> None:
    """As torchvision does it, with its check of the MD5. Its constructor is left out: it may load a `.pt` file."""
    import torchvision.datasets

    dataset = object.__new__(getattr(torchvision.datasets, family))
    dataset.root, dataset.train = root, True
    if subset:
        dataset.split = subset
    try:
        with contextlib.redirect_stdout(sys.stderr):
            dataset.download()
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{family} could not be fetched ({' '.join(str(error).split())[:300] or type(error).__name__})",
            f"look at the network, or put its files into {Path(root) / family / 'raw'} yourself",
        ) from None
