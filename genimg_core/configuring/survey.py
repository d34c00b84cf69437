"""Look at a source's images as the pipeline will: its scan, its decoder, its rules; on an even sample where many lie.

Nothing is written beside `.genimg/`: the scan's listing, which `genimg run` uses again, and a sample's bytes for as
long as it is looked at.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genimg_core.errors import EmptyDatasetError

if TYPE_CHECKING:
    import pandas as pd

    from genimg_core.imaging.profile import ImageProfile
    from genimg_core.sources.source import SourceFile
    from genimg_core.store.shards import Placement

SAMPLE_IMAGES = 2_000
"""More distinct images than this are judged by a sample."""
SAMPLE_BYTES = 512 * 2**20
"""The sample is cut where its files are larger than this together, but not below FEWEST_LOOKED_AT."""
FEWEST_LOOKED_AT = 100
PROBE_SIZE = 32
"""Side in pixels that the sample is brought to: enough to tell grey from colour, and flat from not."""
GREY_SPREAD = 2.0
"""Mean distance (0..255) of the colour channels up to which an image counts as grey: JPEG tints grey a little."""
WORKSPACE = Path(".genimg/configure")


@dataclass(frozen=True)
class Spread:
    """Least, median and greatest."""

    least: float
    median: float
    most: float

    @staticmethod
    def of(values: np.ndarray) -> Spread:
        """Of (N,) numbers, N at least 1."""
        return Spread(float(values.min()), float(np.median(values)), float(values.max()))


@dataclass(frozen=True)
class Survey:
    """What is known of a data set before the pipeline has run. Shares are in [0, 1], of the files unless said."""

    dataset: str
    files: int
    bytes: int
    distinct: int
    """Files with different bytes that can be read from the disk."""
    looked_at: int
    """Distinct files that were decoded; all, or a sample."""
    short_side_px: Spread
    """Of the readable images."""
    long_side_px: Spread
    aspect: Spread
    """Longer side over shorter side."""
    modes: dict[str, int]
    """Pillow's mode -> images looked at."""
    formats: dict[str, int]
    grey_share: float
    """Of the usable images; the same for the four below."""
    alpha_share: float
    """Images with a pixel that is not opaque."""
    animated_share: float
    jpeg_share: float
    vanishing_share: float
    """Images next to invisible on white."""
    rejected: dict[str, float]
    """Reason -> estimated share of the files that the rules would reject."""
    unreadable_share: float
    """What the raw gate will see."""
    classes: dict[str, int]
    """Label -> files."""
    unlabelled: int
    splits: dict[str, int]
    """Split that the source assigns -> files."""
    usable: int
    """Estimated number of images that the rules keep."""
    decoded_per_s: float
    """Measured here: images/s with all workers."""
    pixels: np.ndarray = field(repr=False)
    """uint8 (K, 32, 32, 3): usable images of the sample."""

    @property
    def sampled(self) -> bool:
        """Whether only a part was decoded."""
        return self.looked_at < self.distinct

    @property
    def rejected_share(self) -> float:
        """All reasons together."""
        return sum(self.rejected.values())


def survey(dataset: str, source: Any, *, sample_images: int = SAMPLE_IMAGES) -> Survey:
    """Scan a source and decode its images, or an even sample of them.

    Args:
        dataset: the name of the data set.
        source: SourceParams.
        sample_images: no more than this many are decoded.

    Raises:
        SourceError: as the scan says.
        EmptyDatasetError: no image can be read.
    """
    from genimg_core.sources.scan import list_source

    files = list_source(dataset, source)
    first: dict[str, SourceFile] = {}
    for file in files:
        if file.sha256 is not None and file.reason is None:
            first.setdefault(file.sha256, file)
    sample = choose_sample(list(first.values()), sample_images)
    profiles, rate = _decoded(dataset, source, sample)
    return _summed_up(dataset, files, len(first), _table(sample, profiles), profiles, rate)


def choose_sample(files: list[SourceFile], most: int) -> list[SourceFile]:
    """An even part of the files: those with the smallest hashes. Which ones does not depend on order or names.

    Args:
        files: distinct, with their sha256.
        most: how many at the most; fewer where they are large (SAMPLE_BYTES).
    """
    chosen, size = [], 0
    for file in sorted(files, key=lambda file: file.sha256)[:most]:
        if size + file.bytes > SAMPLE_BYTES and len(chosen) >= FEWEST_LOOKED_AT:
            break
        chosen.append(file)
        size += file.bytes
    return chosen


def _decoded(dataset: str, source: Any, sample: list[SourceFile]) -> tuple[list[ImageProfile], float]:
    """The profile of each file, and images/s. Not through the memo: a rate is measured."""
    from genimg_core.store.shards import ShardEntry, ShardWriter

    folder = WORKSPACE / dataset
    shutil.rmtree(folder, ignore_errors=True)
    try:
        (folder / "shards").mkdir(parents=True)
        planned = [ShardEntry(file.sha256, file.path, file.bytes) for file in sample]
        with ShardWriter(folder / "shards", planned) as writer:
            gone = _copy(source, sample, writer)
        places = writer.placements
        return _profiled(folder, [(places[file.sha256], file) for file in sample], gone)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Any, sample: list[SourceFile], writer: Any) -> set[str]:
    """Write the sample's bytes; the paths that could no longer be read, or changed since the scan."""
    from genimg_core.progress import progress
    from genimg_core.sources.registry import open_source

    by_path = {file.path: file for file in sample}
    left = set(by_path)
    with progress("reading a sample", len(sample)) as advance:
        for path, data in open_source(source).contents(by_path.keys()):
            if len(data) == by_path[path].bytes:
                writer.write(by_path[path].sha256, data)
                left.discard(path)
            advance(1)
    return left


def _profiled(folder: Path, places: list[tuple[Placement, SourceFile]],
              gone: set[str]) -> tuple[list[ImageProfile], float]:
    from genimg_core.engine import Failure, Limits, map_in_workers, worker_count
    from genimg_core.imaging.decode import DecodeLimits
    from genimg_core.imaging.fit import ImageForm
    from genimg_core.imaging.profile import failed_profile, profile_stored
    from genimg_core.progress import progress
    from genimg_core.stages.profile import ProfileParams
    from genimg_core.store.shards import ShardReader

    settings = ProfileParams()
    limits = DecodeLimits(settings.max_bytes_mib * 2**20, settings.max_pixels, settings.max_frames)
    job = partial(profile_stored, reader=ShardReader(folder), limits=limits,
                  form=ImageForm(PROBE_SIZE, 3, "pad", "#ffffff"))
    items = [(place.shard, place.offset, file.bytes) for place, file in places if file.path not in gone]
    done: list[ImageProfile | Failure] = []
    chunk = 16
    started = first = time.perf_counter()
    with progress("decoding", len(items)) as advance:
        for result in map_in_workers(job, items, Limits(settings.decode_timeout_s, settings.decode_memory_mib), chunk):
            first = time.perf_counter() if not done else first
            done.append(result)
            advance(1)
    ended = time.perf_counter()
    # What came while the workers were starting does not count, where enough came after.
    early = chunk * worker_count()
    rate = (len(done) - early) / max(ended - first, 1e-6) if len(done) >= 4 * early else \
        len(done) / max(ended - started, 1e-6)
    results = iter(failed_profile(r.reason, r.detail) if isinstance(r, Failure) else r for r in done)
    lost = failed_profile("unreadable_file", "gone or changed since it was scanned")
    return [lost if file.path in gone else next(results) for _, file in places], rate


def _table(sample: list[SourceFile], profiles: list[ImageProfile]) -> pd.DataFrame:
    """The profile table's columns, as the rules read them."""
    import pandas as pd

    from genimg_core.imaging.profile import FIGURE_DEFAULTS

    rows = _numbered(profile.image is not None for profile in profiles)
    table = pd.DataFrame([profile.figures for profile in profiles], columns=list(FIGURE_DEFAULTS))
    for column in ("luminance", "contrast", "entropy", "trained_contrast", "sharpness", "alpha_share"):
        table[column] = table[column].astype("float64")
    return table.assign(row=np.array(rows, np.int32), path=[file.path for file in sample],
                        image_id=[file.sha256 for file in sample],
                        extension=[Path(file.path).suffix.lower().lstrip(".") for file in sample])


def _numbered(present: Iterator[bool]) -> list[int]:
    """0, 1, 2 … for what is there, -1 for what is not."""
    numbers, count = [], 0
    for there in present:
        numbers.append(count if there else -1)
        count += there
    return numbers


def _summed_up(dataset: str, files: list[SourceFile], distinct: int, table: pd.DataFrame,
               profiles: list[ImageProfile], rate: float) -> Survey:
    from genimg_core.quality.defects import first_failing_rule
    from genimg_core.quality.duplicates import find_duplicates
    from genimg_core.stages.clean import EXACT, NEAR, CleanParams

    readable = table["row"] >= 0
    if not readable.any():
        reasons = Counter([*table["reason"].dropna(), *(file.reason for file in files if file.reason)])
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(5))
        raise EmptyDatasetError(f"none of the {len(files):,} files of {dataset} is a readable image ({told})",
                                "name the folder that your images lie in")
    rules = CleanParams()
    reason = first_failing_rule(table, rules)
    thumbnails = np.stack([profile.thumbnail for profile in profiles if profile.thumbnail is not None])
    copies = find_duplicates(table, reason.isna().to_numpy(), thumbnails, radius=rules.phash_radius,
                             max_rmse=rules.max_duplicate_rmse)
    own = copies.kept == np.arange(len(table))
    reason = reason.where(own, np.where(copies.exact, EXACT, NEAR))
    reason = reason.where(reason.notna(), None)
    held = Counter(file.sha256 for file in files if file.reason is None)
    weights = np.array([held[image_id] for image_id in table["image_id"]])
    rejected = _shares_of_all(files, weights, reason, len(table) / distinct)
    usable = table[reason.isna()]
    images = np.stack([profile.image for profile in profiles if profile.image is not None])
    pixels = images[usable["row"].to_numpy()]
    sides = table.loc[readable, ["width", "height"]].to_numpy(float)
    unread = sum(file.sha256 is None for file in files)
    labels = Counter(file.label for file in files if file.label is not None and file.reason is None)
    return Survey(
        dataset=dataset, files=len(files), bytes=sum(file.bytes for file in files if file.sha256), distinct=distinct,
        looked_at=len(table), short_side_px=Spread.of(sides.min(axis=1)), long_side_px=Spread.of(sides.max(axis=1)),
        aspect=Spread.of(sides.max(axis=1) / sides.min(axis=1).clip(min=1)),
        modes=_counts(table.loc[readable, "mode"]), formats=_counts(table.loc[readable, "format"]),
        grey_share=_share(_spread(pixels) <= GREY_SPREAD), alpha_share=_share(usable["alpha_share"] > 0),
        animated_share=_share(usable["frames"] > 1), jpeg_share=_share(usable["format"].isin(["jpeg", "mpo"])),
        vanishing_share=_share(usable["trained_contrast"] < rules.min_contrast), rejected=rejected,
        unreadable_share=(unread + float(np.average(~readable, weights=weights)) * (len(files) - unread)) / len(files),
        classes=dict(sorted(labels.items())), unlabelled=sum(f.label is None and f.reason is None for f in files),
        splits=dict(sorted(Counter(file.split for file in files if file.split).items())),
        usable=round(len(files) * (1 - sum(rejected.values()))), decoded_per_s=rate, pixels=pixels)


def _shares_of_all(files: list[SourceFile], copies: np.ndarray, reason: pd.Series, part: float) -> dict[str, float]:
    """Reason -> share of the files: counted where the scan tells, carried over from the sample elsewhere.

    Near-copies within a sample are fewer than within all: a picture's one copy is in a sample of a tenth only once in
    ten times. So they are counted up once more by the part that was looked at.

    Args:
        files: the listing.
        copies: (N,) how many files have the bytes of each file looked at.
        reason: (N,) why it is rejected, or None.
        part: of the distinct files that was looked at.
    """
    from genimg_core.stages.clean import EXACT, NEAR

    counts: Counter[str] = Counter(file.reason for file in files if file.reason)
    for name, number in zip(reason, copies.tolist(), strict=True):
        if name is None or name in (EXACT, NEAR):
            counts[EXACT] += (number - 1) / part
        if name is not None:
            counts[name] += (1 / part if name in (EXACT, NEAR) else number) / part
    shares = {name: count / len(files) for name, count in counts.most_common() if count}
    too_much = max(1.0, sum(shares.values()))  # an estimate may be over the whole
    return {name: share / too_much for name, share in shares.items()}


def _spread(pixels: np.ndarray) -> np.ndarray:
    """Mean over the pixels of the distance between the greatest and the least channel: (K,)."""
    return np.array([np.ptp(image.astype(np.int16), axis=2).mean() for image in pixels])


def _share(flags: Any) -> float:
    values = np.asarray(flags, float)
    return float(values.mean()) if len(values) else 0.0


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
