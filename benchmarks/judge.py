"""The judge of first_run: a CNN that never saw the pipeline, trained on letters drawn for it alone.

Its letters come from the same type faces with the same jitter, but from random streams of their own (another seed), and
none of them is spoiled; it is believed only if it is right on LEAST_ACCURACY of still other fresh letters.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from genimg_core.errors import GenimgError
from genimg_core.imaging.fit import ImageForm, to_form
from genimg_core.progress import progress
from genimg_core.seeds import generator
from genimg_core.sources.typefaces import SCRIPTS, face_files
from genimg_core.stages.contract import write_json

LEAST_ACCURACY = 0.98
"""On fresh letters; below it no share is reported."""
LETTERS_SEED = 730_001
"""Of every fresh letter. The pipeline's own sources are drawn with other seeds."""


class JudgeError(GenimgError):
    """The judge is not good enough to judge."""


def fresh_letters(script: str, side: int, form: dict[str, Any], count: int,
                  stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Letters that nothing in the pipeline was trained or scored on, each class as often as the others.

    Args:
        script: of typefaces.SCRIPTS.
        side: at which they are drawn, in pixels.
        form: params.yaml's `image`: what an image is to the models.
        count: how many.
        stream: names the random draws; another stream, other letters.

    Returns:
        uint8 (count, S, S, C), and int64 (count,), an index into the sorted class names.
    """
    from genimg_core.sources.glyph_drawing import Pen

    drawn = SCRIPTS[script]
    pen = Pen(drawn.letters, face_files(script), side, LETTERS_SEED)
    place = {name: index for index, name in enumerate(sorted(drawn.names))}
    into = ImageForm(**form)
    images = np.empty((count, into.size, into.size, into.channels), np.uint8)
    labels = np.empty(count, np.int64)
    with progress(f"drawing fresh letters ({stream})", count) as advance:
        for number in range(count):
            letter = number % len(drawn.letters)
            picture = pen.draw(letter, generator(LETTERS_SEED, f"benchmarks/{script}/{stream}/{number}"))
            images[number] = np.asarray(to_form(picture.convert("RGB"), into)).reshape(images.shape[1:])
            labels[number] = place[drawn.names[letter]]
            advance(1)
    return images, labels


def train_judge(folder: Path, *, script: str, side: int, form: dict[str, Any], train_letters: int, test_letters: int,
                seen_images: int, learning_rate: float, seed: int, threads: int) -> None:
    """Train, measure on other fresh letters, and write `weights.safetensors` and `judge.json` to `folder`."""
    from safetensors.torch import save_file

    from genimg_core.models.classifier.examples import LabelledImages
    from genimg_core.models.classifier.fit import accuracy, fit
    from genimg_core.models.classifier.settings import ClassifierSettings
    from genimg_core.training.devices import computing

    classes = sorted(SCRIPTS[script].names)
    settings = ClassifierSettings(seen_images=seen_images, learning_rate=learning_rate)
    with computing("cpu", threads):
        learnt = LabelledImages(*fresh_letters(script, side, form, train_letters, "judge/train"))
        network = fit(learnt, len(classes), settings, seed, f"benchmarks/judge/{script}")
        right = accuracy(network, LabelledImages(*fresh_letters(script, side, form, test_letters, "judge/test")))
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()},
              folder / "weights.safetensors")
    write_json(folder / "judge.json", {
        "script": script, "classes": classes, "size": form["size"], "channels": form["channels"],
        "train_letters": train_letters, "test_letters": test_letters, "seen_images": seen_images,
        "accuracy": right})


class Judge:
    """Says which letter an image shows.

    Args:
        folder: what `train_judge` wrote.
        least_accuracy: that it must have reached on fresh letters, in [0, 1].

    Raises:
        JudgeError: it did not.
    """

    def __init__(self, folder: Path, least_accuracy: float = LEAST_ACCURACY) -> None:
        from safetensors.torch import load_file

        from genimg_core.models.classifier.network import ClassifierNetwork

        self.told = json.loads((folder / "judge.json").read_text(encoding="utf8"))
        self.accuracy: float = self.told["accuracy"]
        self.classes: tuple[str, ...] = tuple(self.told["classes"])
        if self.accuracy < least_accuracy:
            raise JudgeError(f"the judge of {self.told['script']} is right on {self.accuracy:.2%} of fresh letters, "
                             f"{least_accuracy:.0%} are required", "train it longer: JUDGE in benchmarks/first_run.py")
        self._network = ClassifierNetwork(self.told["size"], self.told["channels"], len(self.classes)).eval()
        self._network.load_state_dict(load_file(folder / "weights.safetensors"))

    def recognised(self, images: np.ndarray, names: list[str]) -> np.ndarray:
        """Whether each image is taken for the class that was asked for: bool (N,).

        Args:
            images: uint8 (N, S, S, C).
            names: the class of each, (N,).
        """
        from genimg_core.models.classifier.infer import probabilities

        said = probabilities(self._network, images).argmax(axis=1)
        return np.array([self.classes[k] for k in said]) == np.array(names)
