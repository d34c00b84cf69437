"""The tables of a data set: their columns and types, and how they are read and written.

Each table is Parquet, one row per collected file, in the order of the manifest (sorted by path). A column means the
same and has the same type in every table it stands in. Text may be missing (NaN in pandas); an integer never is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import CorruptFileError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMN_TYPES: dict[str, str] = {
    # of the source
    "image_id": "string",  # sha256 (hex) of the original bytes; missing where there are none
    "path": "string",  # posix, relative to the source
    "bytes": "int64",
    "label": "string",
    "split": "string",  # train, validation, test, or missing
    "reason": "string",  # why the file is no usable image; missing where it is one
    "detail": "string",  # one line more about the reason
    "shard": "string",  # 000000.tar; missing where there are no bytes
    "offset": "int64",  # of the bytes inside the tar; -1 where there are none
    "extra": "string",  # JSON: what else the source says (licence, URL); only where a source says such things
    # of the decoded image
    "row": "int32",  # index into images.npy and thumbnails.npy; -1 where there are no pixels
    "format": "string",  # as the decoder names it, in lower case
    "extension": "string",  # of the path, in lower case, without the dot
    "width": "int32",  # pixels, as stored; 0 where unknown
    "height": "int32",
    "mode": "string",  # Pillow's
    "frames": "int32",  # 0 where unknown
    "exif_orientation": "int32",  # 1..8; 0 where there is none
    "icc_profile": "bool",  # whether the file brings a colour profile
    "private_tags": "string",  # gps, iptc, maker_note, owner, serial, xmp: which are there, separated by commas
    "damage": "string",  # of pixels that could be decoded all the same; missing where there is none
    "luminance": "float64",  # mean, 0..255
    "contrast": "float64",  # standard deviation, 0..255
    "entropy": "float64",  # of the grey levels, 0..8 bits
    "sharpness": "float64",
    "alpha_share": "float64",  # of pixels that are not opaque, 0..1
    "phash": "string",  # 16 hex digits
    # of cleaning
    "status": "string",  # kept or rejected
    "warnings": "string",  # what is odd about a kept image: names of rules, separated by commas
    "duplicate_of": "string",  # path of the kept copy
    "cluster": "string",  # the smallest image_id of the cluster of duplicates
    # of labelling
    "label_source": "string",  # given, predicted, decided or none
    "label_confidence": "float64",  # 0..1
    # of given labels that are likely wrong
    "given": "string",  # the label in doubt
    "suggested": "string",  # the class that a classifier which has not seen the image finds likeliest
    "confidence": "float64",  # its probability of `suggested`, calibrated, 0..1
    "given_confidence": "float64",  # the probability that `given` is right, 0..1
    # of normalizing
    "index": "int32",  # within the split; -1 where the row was rejected
}
"""Column -> Arrow type, in every table. A column that is not named here keeps the type that its values have."""

MANIFEST_COLUMNS = ("image_id", "path", "bytes", "label", "split", "reason", "detail", "shard", "offset")
"""raw/manifest.parquet holds these, and `extra` after them where its source has it."""

PROFILE_COLUMNS = (
    "image_id",
    "path",
    "label",
    "split",
    "bytes",
    "reason",
    "detail",
    "row",
    "format",
    "extension",
    "width",
    "height",
    "mode",
    "frames",
    "exif_orientation",
    "icc_profile",
    "private_tags",
    "damage",
    "luminance",
    "contrast",
    "entropy",
    "sharpness",
    "alpha_share",
    "phash",
)
"""profile/profile.parquet holds at least these."""

CLEAN_COLUMNS = ("image_id", "path", "label", "split", "row", "status", "reason", "detail", "duplicate_of", "cluster")
"""clean/clean.parquet, which also holds `warnings`; they are not carried on."""

LABELS_COLUMNS = (*CLEAN_COLUMNS, "label_source", "label_confidence")
"""labels/labels.parquet"""

DOUBTFUL_COLUMNS = ("image_id", "path", "given", "suggested", "confidence", "given_confidence")
"""labels/doubtful.parquet, where labels are checked: the likeliest wrong first; a row for each doubtful label."""

ROWS_COLUMNS = (*LABELS_COLUMNS, "index")
"""normalized/rows.parquet"""


def read_table(path: Path, columns: Iterable[str] | None = None, optional: Iterable[str] = ()) -> pd.DataFrame:
    """A table, or some of its columns.

    Text columns have pandas' `str` type (NaN where missing), whatever they hold; integers have no gaps.

    Args:
        path: a Parquet file that `write_table` wrote.
        columns: which to read, in this order; all by default.
        optional: which to read after them, where they are there.

    Raises:
        CorruptFileError: the file is missing, no Parquet, or lacks a column.
    """
    return read_arrow(path, columns, optional).to_pandas(use_threads=False)


def read_arrow(path: Path, columns: Iterable[str] | None = None, optional: Iterable[str] = ()) -> pa.Table:
    """`read_table` without pandas (which takes a second to import).

    Raises:
        CorruptFileError: the file is missing, no Parquet, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    remedy = f"delete {path.parent} and run `genimg run` to make it again"
    try:
        # Not pq.read_table: it imports pandas.
        with path.open("rb") as stream, pq.ParquetFile(stream, pre_buffer=False) as file:
            held = file.schema_arrow.names
            wanted = held if columns is None else list(columns)
            lacking = [column for column in wanted if column not in held]
            if lacking:
                raise CorruptFileError(f"{path} has no column {', '.join(lacking)}", remedy)
            wanted = [*wanted, *(column for column in optional if column in set(held) - set(wanted))]
            # All in this thread: Arrow aborts a process that ends while one of its pools is still starting a thread
            # ("terminate called without an active exception": 2 of 60 quick commands; 0 of 60 so).
            return file.read(wanted, use_threads=False).select(wanted)
    except (OSError, pa.ArrowException) as error:
        raise CorruptFileError(f"{path} cannot be read ({_one_line(error)})", remedy) from None


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` with the types of COLUMN_TYPES: equal frames give equal bytes.

    Args:
        frame: its index is not written.
        path: in a folder that exists.

    Raises:
        ValueError: an integer column has gaps (0 or -1 stands for none), or a value does not fit its column's type.
    """
    import pyarrow as pa

    columns = {}
    for name in frame.columns:
        kind = COLUMN_TYPES.get(name)
        values = pa.array(frame[name], type=kind and pa.type_for_alias(kind), from_pandas=True)
        as_text = pa.types.is_null(values.type) or pa.types.is_large_string(values.type)
        columns[name] = values.cast(pa.string()) if as_text else values
    write_arrow(pa.table(columns), path)


def write_arrow(table: pa.Table, path: Path) -> None:
    """`write_table` without pandas; the columns already have their types.

    Raises:
        ValueError: an integer column has gaps.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) and column.null_count:
            raise ValueError(f"column {name} holds integers and has gaps; write 0 or -1 for none")
    # pandas' own metadata names its version, and would change the bytes with it.
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
