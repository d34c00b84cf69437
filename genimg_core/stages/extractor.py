"""Extractor: the feature extractors that scores are measured with (a normalized data set => extractor)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.models.classifier.settings import ClassifierSettings
from genimg_core.params import Name
from genimg_core.stages.contract import Check, Picture, Stage, StageReport
from genimg_core.training.params import Seed, Threads

if TYPE_CHECKING:
    from genimg_core.models.classifier.examples import Examples
    from genimg_core.models.classifier.network import ClassifierNetwork
    from genimg_core.store.arrays import NormalizedDataset

SHOWN = 48
"""Images on the contact sheet."""

CHECKS = (
    ("accuracy_above_chance", "share of held-out images told right; chance is the commonest answer's share", False),
)
"""Name, description, blocking."""


class ExtractorParams(ClassifierSettings):
    """Which data set the feature network learns from, and how long."""

    dataset: Name = "base"
    """The entry of `datasets` whose train split it learns from."""


def extractor(*, dataset: Path, extractor: Path, report: Path, seed: int, threads: int,
              params: ExtractorParams) -> StageReport:
    """Three extractors, all from the train split only, so that no held-out image has shaped what it is judged by.

    The first is a classifier trained on it, whose penultimate layer is the feature. Where the train split shows fewer
    than two classes it learns to tell by how many right angles an image is turned (task `rotation`): features of the
    images all the same, if not as sharp. The second is the same network with random weights, the third the principal
    components of the pixels.

    Raises:
        CorruptFileError: the data set cannot be read.
        EmptyDatasetError: its train split is empty.
        ParamsError: images are to be turned so far that the rotation task makes no sense.
    """
    from dataclasses import asdict

    import numpy as np

    from genimg_core.errors import EmptyDatasetError, ParamsError
    from genimg_core.metrics.features import save_extractor
    from genimg_core.metrics.pixel_pca import fit_pixel_pca
    from genimg_core.models.classifier.fit import accuracy, fit, scale_features
    from genimg_core.store.arrays import NormalizedDataset
    from genimg_core.training.devices import computing

    data = NormalizedDataset(dataset)
    if not len(data.labels("train")):
        raise EmptyDatasetError(f"the train split of {data.settings.dataset} is empty",
                                "lower its normalize.test_share, or add images")
    task, classes = _task(data)
    if task == "rotation" and (turned := params.augment.rotate_degrees) >= 45:
        raise ParamsError(f"extractor.augment.rotate_degrees is {turned:g}, but {params.dataset} has one class, so the "
                          "feature network learns to tell right angles apart", "keep it under 45")
    tested = next(split for split in ("test", "validation", "train") if len(data.labels(split)))
    with computing("cpu", threads):
        network = fit(_examples(data, "train", task), len(classes), params, seed, "extractor")
        scale_features(network, _examples(data, "train", task))
        right = accuracy(network, _examples(data, tested, task))
        pictures = _picture_of_the_hardest(report, network, _examples(data, tested, task), classes)
        random, principal = _random_network(data, seed), fit_pixel_pca(data.images("train"))
    counts = np.bincount(data.labels(tested), minlength=2) if task == "class" else np.ones(len(classes))
    chance = float(counts.max() / counts.sum())
    settings = {"dataset": data.settings.dataset, "dataset_sha256": data.settings.sha256, "size": data.settings.size,
                "channels": data.settings.channels}
    written = [save_extractor(extractor, network, kind="domain_cnn", task=task, classes=classes, test_split=tested,
                              seen_images=params.seen_images, test_accuracy=right, **settings),
               save_extractor(extractor, random, kind="random_cnn", **settings),
               save_extractor(extractor, principal, kind="pixel_pca", **settings)]
    (name, description, blocking), = CHECKS
    return StageReport(facts={"extractor": asdict(written[0]), "extractors": [asdict(one) for one in written]},
                       metrics={"test_accuracy": right, "classes": len(classes)},
                       checks=(Check(name, right > chance, right, chance, description, blocking),), pictures=pictures)


def _random_network(data: NormalizedDataset, seed: int) -> ClassifierNetwork:
    """The classifier's network as it begins, but of other draws, its features on the same scale as the trained one's.

    It needs no answers: it gets one, and none is read.
    """
    from genimg_core.models.classifier.fit import scale_features
    from genimg_core.models.classifier.network import ClassifierNetwork
    from genimg_core.training.generators import weights_from

    with weights_from(seed, "extractor/random"):
        network = ClassifierNetwork(data.settings.size, data.settings.channels, 1).eval()
    scale_features(network, _examples(data, "train", "class"))
    return network


def _task(data: NormalizedDataset) -> tuple[str, tuple[str, ...]]:
    """What to learn, and the names of the answers."""
    from genimg_core.models.classifier.examples import ROTATIONS

    shown = sum(1 for count in data.settings.class_counts["train"] if count)
    return ("class", data.settings.classes) if shown > 1 else ("rotation", ROTATIONS)


def _examples(data: NormalizedDataset, split: str, task: str) -> Examples:
    from genimg_core.models.classifier.examples import LabelledImages, RotatedImages

    if task == "rotation":
        return RotatedImages(data.images(split))
    return LabelledImages(data.images(split), data.labels(split))


def _picture_of_the_hardest(report: Path, network: ClassifierNetwork, examples: Examples,
                            classes: tuple[str, ...]) -> tuple[Picture, ...]:
    """The held-out images whose true class it finds least likely."""
    import numpy as np

    from genimg_core.models.classifier.infer import probabilities
    from genimg_core.reports.pictures import contact_sheet, save_png

    images, labels = examples.take(np.arange(len(examples))[:4096])
    scores = probabilities(network, images)
    said, of_truth = scores.argmax(axis=1), scores[np.arange(len(labels)), labels]
    shown = np.argsort(of_truth, kind="stable")[:SHOWN]
    mistaken = {i: f"\nas {classes[said[i]]}" for i in shown if said[i] != labels[i]}
    captions = [f"{classes[labels[i]]}\n{of_truth[i]:.2f}{mistaken.get(i, '')}" for i in shown]
    save_png(contact_sheet(list(images[shown]), captions, columns=12), report / "hardest.png")
    return (Picture("hardest.png", "Held-out images it finds hardest: class, its probability, what it was taken for"),)


STAGE = Stage(
    name="extractor",
    summary="train the feature networks that scores are measured with",
    inputs=("dataset",),
    outputs=("extractor",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("extractor", ExtractorParams)},
    run=extractor,
    named=False,
)
