"""How fast this machine trains, draws and starts: a few real steps of the real model, timed.

What the images show does not change what a step costs, so they are noise.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from genimg_core.configuring.sizing import choose_network

if TYPE_CHECKING:
    import torch

    from genimg_core.models.family import Family
    from genimg_core.training.loop import Trainer

SECONDS = 2.0
"""Of training steps, per precision."""
SLICES = 4
"""Precisions take turns: what else the machine does then slows both alike."""
BUSY = 0.7
"""Of the processor time asked for; with less, other work is in the way and the figures are too low."""
WARM_UP_STEPS = 4
FASTER = 1.15
"""bf16 is proposed where it is at least this many times as fast: less is within what a busy machine varies."""
SLOW = 0.6
"""bf16 is not compiled where it is less than this many times as fast as fp32: the processor does not know it."""
CPU_BATCH, GPU_BATCH = 64, 256
_IMAGES = 1024
_CLASSIFIER_IMAGES = 1280


class Compiled(NamedTuple):
    """Training with torch.compile in bf16. (In fp32 it is no faster: the products are what takes the time.)"""

    rate: float
    """Images/s."""
    start_s: float
    """Seconds until it is so fast."""


@dataclass(frozen=True)
class Speed:
    """Measured here; rates in images/s."""

    size: int
    """Side in pixels that it was measured at."""
    channels: int
    device: str
    """`cpu`, or the GPU's name."""
    batch: int
    precision: str
    """The faster one."""
    training: dict[str, float]
    """Precision -> rate."""
    sampling: float
    """With the sampler's default steps and guidance."""
    classifier: float
    """Training of the labeller and the feature network."""
    processor_share: float
    """What it got of the processor time that its threads could have used; on a GPU 1."""
    compiled: Compiled | None = None
    """None where it was not measured, or this machine cannot compile."""

    @property
    def training_rate(self) -> float:
        """At the proposed precision, not compiled."""
        return self.training[self.precision]

    def plan(self, seconds: float, most_images: float) -> tuple[float, bool]:
        """Images seen in a training of so many seconds and images at most; whether it is compiled: where that pays."""
        plain = min(seconds * self.training_rate, most_images)
        if self.compiled is not None:
            more = min((seconds - self.compiled.start_s) * self.compiled.rate, most_images)
            if more >= FASTER * self.training_rate * self.seconds_for(more, compiled=True):
                return more, True
        return plain, False

    def seconds_for(self, images: float, compiled: bool) -> float:
        """What a training takes."""
        return self.compiled.start_s + images / self.compiled.rate if compiled else images / self.training_rate


@dataclass(frozen=True)
class StartTimes:
    """Seconds that a stage takes before it works."""

    torch_s: float
    gate_s: float
    """A stage that ends in a Great Expectations suite."""
    plain_s: float


def time_starts() -> StartTimes:
    """Start Python anew with what the stages import."""
    times = {name: _seconds_of(statement) for name, statement in (
        ("plain", "import pandas, pyarrow.parquet"),
        ("torch", "import torch, pandas, pyarrow.parquet"),
        ("gate", "import pandas, pyarrow.parquet, great_expectations"))}
    return StartTimes(times["torch"], times["gate"], times["plain"])


def _seconds_of(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", statement], check=False, capture_output=True,
                   stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(size: int, channels: int, classes: int, threads: int, seconds: float = SECONDS) -> Speed:
    """Train, draw and classify for about `3 * seconds` in all.

    Args:
        size: side in pixels.
        channels: 1, 3 or 4.
        classes: of the data set.
        threads: CPU threads.
        seconds: per measurement.
    """
    import torch

    from genimg_core.training.devices import computing

    with computing("auto", threads) as device:
        family = _flow(device, size, channels, classes)
        batch = GPU_BATCH if device.type == "cuda" else CPU_BATCH
        training, share = _training_rates(family, device, batch, threads, seconds)
        precision = "bf16" if training["bf16"] >= FASTER * training["fp32"] else "fp32"
        sampling = _sampling_rate(family, device, seconds / 2)
        name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    with computing("cpu", threads):
        classifier = _classifier_rate(size, channels)
    return Speed(size, channels, name, batch, precision, training, sampling, classifier, share)


def measure_compiled(speed: Speed, classes: int, threads: int, seconds: float = SECONDS) -> Compiled | None:
    """Compile the training step in bf16, which may take a minute, and time it for `2 * seconds`.

    Args:
        speed: says at which size.
        classes: of the data set.
        threads: CPU threads.
        seconds: see above.

    Returns:
        None where it cannot be compiled here (there is no C++ compiler, say), or bf16 is far too slow.
    """
    if speed.training["bf16"] < SLOW * speed.training["fp32"]:
        return None
    from genimg_core.errors import SetupError
    from genimg_core.training.devices import computing

    with computing("auto", threads) as device:
        trainer = _trainer(_flow(device, speed.size, speed.channels, classes), device, speed.batch, "bf16",
                           compiled=True)
        started = time.perf_counter()
        try:
            _repeated(trainer.step, device, WARM_UP_STEPS, 0)
        except SetupError:
            return None
        start_s = time.perf_counter() - started
        return Compiled(speed.batch * _repeated(trainer.step, device, 0, 2 * seconds), start_s)


def _flow(device: torch.device, size: int, channels: int, classes: int) -> Family:
    """The model that would be proposed."""
    from genimg_core.models.family import FAMILIES, ModelSpec
    from genimg_core.models.flow import FlowParams

    network, _ = choose_network(device.type == "cuda", size)
    return FAMILIES["flow"].load(ModelSpec(size, channels, max(1, classes)), FlowParams(**network))


def _training_rates(family: Family, device: torch.device, batch: int, threads: int,
                    seconds: float) -> tuple[dict[str, float], float]:
    """Precision -> images/s; and the share of the processor time that was had."""
    trainers = {precision: _trainer(family, device, batch, precision) for precision in ("fp32", "bf16")}
    for trainer in trainers.values():
        _repeated(trainer.step, device, WARM_UP_STEPS, 0)
    slices: dict[str, list[float]] = {precision: [] for precision in trainers}
    clock, used = time.perf_counter(), time.process_time()
    for _ in range(SLICES):
        for precision, trainer in trainers.items():
            slices[precision].append(batch * _repeated(trainer.step, device, 0, seconds / SLICES))
    share = (time.process_time() - used) / (time.perf_counter() - clock) / threads
    rates = {precision: sum(rates) / len(rates) for precision, rates in slices.items()}
    return rates, 1.0 if device.type == "cuda" else min(1.0, share)


def _trainer(family: Family, device: torch.device, batch: int, precision: str, compiled: bool = False) -> Trainer:
    import numpy as np

    from genimg_core.training.data import TrainSet
    from genimg_core.training.loop import Trainer
    from genimg_core.training.params import TrainParams

    spec = family.spec
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (_IMAGES, spec.size, spec.size, spec.channels), np.uint8)
    labels = draws.integers(0, spec.classes, _IMAGES)
    params = TrainParams(dataset="noise", seen_images=10**9, batch=batch, precision=precision, compile=compiled)
    return Trainer(family, family.build().to(device), TrainSet(images, labels, device), params, 0)


def _sampling_rate(family: Family, device: torch.device, seconds: float) -> float:
    import torch

    from genimg_core.stages.generate import GenerateParams

    params = GenerateParams(dataset="noise")
    networks = family.build().eval().to(device, memory_format=torch.channels_last)
    labels = torch.zeros(params.batch, dtype=torch.int64, device=device)

    @torch.inference_mode()
    def draw() -> None:
        family.sample(networks, labels, lambda *shape: torch.randn(params.batch, *shape, device=device),
                      params.steps, params.guidance, params.solver)

    return params.batch * _repeated(draw, device, 1 if device.type == "cuda" else 0, seconds)


def _repeated(work: Callable[[], None], device: torch.device, warm_up: int, seconds: float) -> float:
    """Times per second, at least one."""
    import torch

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(warm_up):
        work()
    wait()
    done, started = 0, time.perf_counter()
    while not done or time.perf_counter() - started < seconds:
        work()
        done += 1
        if done % 8 == 0:
            wait()  # a GPU's queue would run ahead of the clock
    wait()
    return done / (time.perf_counter() - started)


def _classifier_rate(size: int, channels: int) -> float:
    import numpy as np

    from genimg_core.models.classifier.examples import LabelledImages
    from genimg_core.models.classifier.fit import fit
    from genimg_core.models.classifier.settings import ClassifierSettings

    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (256, size, size, channels), np.uint8)
    examples = LabelledImages(images, draws.integers(0, 4, 256))
    fit(examples, 4, ClassifierSettings(seen_images=64), 0, "configure")
    started = time.perf_counter()
    fit(examples, 4, ClassifierSettings(seen_images=_CLASSIFIER_IMAGES), 0, "configure")
    return _CLASSIFIER_IMAGES / (time.perf_counter() - started)


SCORINGS = 6
"""Comparisons that one evaluation makes: three feature extractors, each with the model's samples and the baseline's."""


def time_scoring() -> Callable[[int], float]:
    """Images a side => seconds of evaluating one model: timed at two sizes, a constant and a square between them."""
    from genimg_core.metrics.scores import score_features
    from genimg_core.models.classifier.network import FEATURE_DIM
    from genimg_core.seeds import generator
    from genimg_core.stages.evaluate import EvaluateParams

    params = EvaluateParams()
    seconds = {}
    for count in (64, 192):
        draws = generator(0, "configure/scoring")
        real, generated, floor = draws.random((3, count, FEATURE_DIM))
        labels = draws.integers(0, 2, count)
        started = time.perf_counter()
        score_features(real, generated, floor, real_labels=labels, generated_labels=labels, k=params.neighbours,
                       resamples=params.resamples, probability=params.interval, draws=draws)
        seconds[count] = time.perf_counter() - started
    (small, fast), (large, slow) = seconds.items()
    slope = max(0.0, slow - fast) / (large**2 - small**2)
    rest = max(0.0, fast - slope * small**2)
    return lambda images: SCORINGS * (rest + slope * images**2)
