"""Profile: decode each image once; every per-image figure, and the image at training size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from genimg_core.params import ImageParams, Section
from genimg_core.stages.contract import Check, Picture, Stage, StageReport

if TYPE_CHECKING:
    import pandas as pd

    from genimg_core.imaging.profile import ImageProfile

MEMO_FILE = "profile.sqlite"
CHECKS = (("nothing_lost", "every collected file has a row, with pixels or with a reason", True),)
"""Name, description, blocking."""
SHOWN = 64
BLOCK = 4096
"""Images whose figures stand together in memory: a value's place in its column is a quarter of what a dictionary of its
own for each image takes."""
ASKED_AT_ONCE = 64
"""Images that the memo is asked for together: their values stand in memory meanwhile."""
_FEW_VALUES = ("format", "mode", "reason", "private_tags")


class ProfileParams(Section):
    """What a file may cost to decode."""

    max_bytes_mib: Annotated[int, Field(ge=1, le=2048)] = 256
    """Files over this many MiB are not opened (`too_many_bytes`)."""
    max_pixels: Annotated[int, Field(ge=1, le=1_000_000_000)] = 89_478_485
    """Images of more pixels are not decoded (`too_many_pixels`). The default is the size at which Pillow warns."""
    max_frames: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Animations of more frames are not decoded (`too_many_frames`)."""
    decode_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """Processor seconds for one image (`decoder_timeout`); by the clock, four times this."""
    decode_memory_mib: Annotated[int, Field(ge=64, le=65536)] = 1024
    """Memory for one image (`out_of_memory`)."""


def profile(*, name: str, raw: Path, profile: Path, report: Path, image: ImageParams,
            settings: ProfileParams) -> StageReport:
    """Measure every collected file; one that cannot be decoded keeps its row, with the reason.

    Args:
        name: of the data set.
        raw: the collect stage's folder.
        profile: for profile.parquet, images.npy and thumbnails.npy.
        report: for the pictures.
        image: the form that images are brought to.
        settings: what decoding may cost.
    """
    from genimg_core.store.manifest import MANIFEST_COLUMNS, read_table, write_table

    manifest = read_table(raw / "manifest.parquet", MANIFEST_COLUMNS, ("extra",))
    stored = manifest[manifest["image_id"].notna() & manifest["shard"].notna() & manifest["reason"].isna()]
    distinct = stored.drop_duplicates("image_id")
    work = {"decoded": 0, "remembered": 0}
    figures, rows = _write_pixels(raw, profile, distinct, image, settings, work)
    table = _join(manifest, list(distinct["image_id"]), figures, rows)
    write_table(table, profile / "profile.parquet")
    return replace(_report(table, len(manifest), profile, report), work=work)


def _write_pixels(raw: Path, folder: Path, distinct: pd.DataFrame, image: ImageParams, settings: ProfileParams,
                  work: dict[str, int]) -> tuple[list[dict[str, Any]], list[int]]:
    """The figures of the distinct images, in blocks of columns, and their rows in the arrays (-1: no pixels); counts in
    `work`.
    """
    from genimg_core.imaging.profile import FIGURE_DEFAULTS, THUMBNAIL_SIDE
    from genimg_core.progress import progress
    from genimg_core.store.array_writer import ArrayWriter

    figures: list[dict[str, Any]] = []
    rows: list[int] = []
    with (ArrayWriter(folder / "images.npy", (image.size, image.size, image.channels)) as images,
          ArrayWriter(folder / "thumbnails.npy", (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4)) as thumbnails,
          progress("decoding", len(distinct)) as advance):
        for result in _profiles(raw, distinct, image, settings, work):
            if len(rows) % BLOCK == 0:
                figures.append({column: [] for column in FIGURE_DEFAULTS})
            for column, values in figures[-1].items():
                value = result.figures[column]
                values.append(sys.intern(value) if column in _FEW_VALUES and value is not None else value)
            if result.image is None or result.thumbnail is None:
                rows.append(-1)
            else:
                rows.append(images.append(result.image))
                thumbnails.append(result.thumbnail)
            advance(1)
    return figures, rows


def _profiles(raw: Path, distinct: pd.DataFrame, image: ImageParams, settings: ProfileParams,
              work: dict[str, int]) -> Iterator[ImageProfile]:
    """In order: out of the memo, or out of a worker process; counts which in `work`."""
    from functools import partial

    from genimg_core.engine import Failure, Limits, map_in_workers
    from genimg_core.imaging.decode import DecodeLimits
    from genimg_core.imaging.fit import ImageForm
    from genimg_core.imaging.profile import MACHINE_REASONS, failed_profile, from_bytes, packed, profile_stored
    from genimg_core.store.memo import MEMO, Memo
    from genimg_core.store.shards import ShardReader

    form = ImageForm(**image.model_dump())
    limits = DecodeLimits(settings.max_bytes_mib * 2**20, settings.max_pixels, settings.max_frames)
    image_ids = list(distinct["image_id"])
    places = list(zip(distinct["shard"], distinct["offset"].tolist(), distinct["bytes"].tolist(), strict=True))
    job = partial(packed, profiled=partial(profile_stored, reader=ShardReader(raw), form=form, limits=limits))
    cost = Limits(settings.decode_timeout_s, settings.decode_memory_mib)
    with Memo(MEMO / MEMO_FILE, memo_key_of(image, settings)) as memo:
        known = memo.known(image_ids)
        fresh = map_in_workers(job, (place for image_id, place in zip(image_ids, places, strict=True)
                                     if image_id not in known), cost)
        remembered: dict[str, bytes] = {}
        for index, (image_id, place) in enumerate(zip(image_ids, places, strict=True)):
            if index % ASKED_AT_ONCE == 0:
                remembered = memo.get_all([one for one in image_ids[index:index + ASKED_AT_ONCE] if one in known])
            if (value := remembered.get(image_id)) is not None:
                work["remembered"] += 1
                yield from_bytes(value, form)
                continue
            work["decoded"] += 1
            # What the memo lost since `known` was asked is rare, and worth a pool of its own.
            value = next(fresh if image_id not in known else map_in_workers(job, [place], cost))
            if isinstance(value, Failure):
                yield failed_profile(value.reason, value.detail)
                continue
            result = from_bytes(value, form)
            if result.figures["reason"] not in MACHINE_REASONS:
                memo.put(image_id, value)
            yield result


def memo_key_of(image: ImageParams, settings: ProfileParams) -> str:
    """Everything but the image itself that decides its profile."""
    import numpy
    import PIL
    import simplejpeg

    from genimg_core.imaging.decode import DecodeLimits
    from genimg_core.imaging.fit import ImageForm
    from genimg_core.store.memo import memo_key

    limits = DecodeLimits(settings.max_bytes_mib * 2**20, settings.max_pixels, settings.max_frames)
    return memo_key("genimg_core.imaging.profile", {"image": vars(ImageForm(**image.model_dump())),
                                                    "limits": vars(limits)},
                    {"pillow": PIL.__version__, "simplejpeg": simplejpeg.__version__, "numpy": numpy.__version__})


def _join(manifest: pd.DataFrame, image_ids: list[str], figures: list[dict[str, Any]], rows: list[int]) -> pd.DataFrame:
    """The manifest's rows with the figures of their images."""
    import pandas as pd

    from genimg_core.imaging.profile import FIGURE_DEFAULTS

    place = {image_id: index for index, image_id in enumerate(image_ids)}
    refused = manifest["reason"].notna()
    found = [-1 if no else place.get(image_id, -1) for image_id, no in zip(manifest["image_id"], refused, strict=True)]
    table = manifest[["image_id", "path", "label", "split", "bytes"]].copy()
    for column, default in FIGURE_DEFAULTS.items():
        kind = {str: object, int: "int32", bool: bool}.get(type(default), "float64" if column in _FLOATS else object)
        of_image = [value for block in figures for value in block[column]]
        values = [of_image[index] if index >= 0 else default for index in found]
        table[column] = pd.Series(values, index=table.index, dtype=kind)
    for column in ("reason", "detail"):
        table[column] = table[column].where(~refused, manifest[column])
    table.insert(7, "row", pd.Series([rows[index] if index >= 0 else -1 for index in found], table.index, "int32"))
    suffix = [Path(path).suffix.lower().lstrip(".") for path in table["path"]]
    table.insert(table.columns.get_loc("format") + 1, "extension", suffix)
    return table.assign(extra=manifest["extra"]) if "extra" in manifest else table


_FLOATS = ("luminance", "contrast", "entropy", "trained_contrast", "sharpness", "alpha_share")


def _report(table: pd.DataFrame, collected: int, folder: Path, report: Path) -> StageReport:
    import numpy as np

    from genimg_core.imaging.profile import in_own_shape
    from genimg_core.reports.pictures import SHEET_LEVEL, contact_sheet, even_strides, save_png

    decodable = table[table["row"] >= 0]
    unreadable = table[table["row"] < 0]
    pictures: tuple[Picture, ...] = ()
    if len(decodable):
        thumbnails = np.load(folder / "thumbnails.npy", mmap_mode="r")
        shown = decodable.iloc[even_strides(len(decodable), SHOWN)]
        small = [in_own_shape(thumbnails[one.row], one.width, one.height, one.exif_orientation)
                 for one in shown.itertuples()]
        save_png(contact_sheet(small, columns=16), report / "raw.png", level=SHEET_LEVEL)
        pictures = (Picture("raw.png", f"{len(shown)} of the {len(decodable):,} readable images as they came"),)
    sides = {side: _range(decodable[side]) for side in ("width", "height")} if len(decodable) else {}
    facts = {"collected": collected, "formats": _counts(decodable["format"]), "modes": _counts(decodable["mode"]),
             "unreadable_reasons": _counts(unreadable["reason"]), "sides_px": sides,
             "private_tags": _counts(table["private_tags"].dropna().str.split(",").explode()),
             "icc_profiles": int(table["icc_profile"].sum())}
    accounted = len(decodable) + int(unreadable["reason"].notna().sum())
    name, description, blocking = CHECKS[0]
    check = Check(name, len(table) == collected == accounted, accounted, collected, description, blocking)
    metrics = {"images": len(table), "decodable": len(decodable), "unreadable": len(unreadable),
               "distinct_files": int(table["image_id"].nunique()),
               "with_private_tags": int(table["private_tags"].notna().sum()), "bytes": int(table["bytes"].sum())}
    return StageReport(facts, metrics, (check,), pictures)


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().sort_index().items()}


def _range(column: pd.Series) -> dict[str, int]:
    return {"least": int(column.min()), "median": int(column.median()), "greatest": int(column.max())}


STAGE = Stage(name="profile", summary="decode each image once: its figures, and the image at training size",
              inputs=("raw",), outputs=("profile",), run=profile,
              params={"image": ("image", ImageParams), "settings": ("datasets.{name}.profile", ProfileParams)})
