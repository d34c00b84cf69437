"""The rows of a CSV, TSV, Parquet or JSONL file; what is broken in it is told with its line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

from genimg_core.errors import SourceError
from genimg_core.params import nearest

Row = tuple[int, dict[str, Any]]
"""The number of its line (in Parquet: of its row), and its cells by column."""

LONGEST_LINE_BYTES = 16 * 2**20
_ROWS_AT_ONCE = 4096


def read_table_file(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """The rows, one after the other; by the ending of the name.

    Args:
        path: .csv, .tsv, .parquet, .jsonl or .ndjson; text in UTF-8, CSV and TSV with a header.
        columns: those that are needed; each is there, if only in some row of a JSONL.

    Raises:
        SourceError: the file is missing, of another kind, broken (with the line), or lacks a column.
    """
    readers = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SourceError(
            f"{path} is no table that can be read here", f"its name ends in {', '.join(readers)}; convert it to one"
        )
    try:
        with path.open("rb") as stream:
            yield from reader(stream, path, list(dict.fromkeys(columns)))
    except FileNotFoundError:
        raise SourceError(
            f"there is no table {path}", "correct `file` in params.yaml (it is relative to the working directory)"
        ) from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error})", "mend the file or its rights") from None


def told_line(path: Path, number: int) -> str:
    """`line 3 of images.csv`."""
    return f"{'row' if path.suffix.lower() == '.parquet' else 'line'} {number} of {path}"


def _csv(stream: IO[bytes], path: Path, columns: list[str]) -> Iterator[Row]:
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            header = next(reader, [])
            _check_columns(path, columns, header)
            twice = next((column for column in columns if header.count(column) > 1), None)
            if twice is not None:
                raise SourceError(f"{path} has two columns '{twice}'", "rename one of them")
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise SourceError(
                        f"{told_line(path, reader.line_num)} has {len(fields)} fields, and the header has "
                        f"{len(header)}",
                        "mend the line (text with a comma or line break in it stands in quotes)",
                    )
                yield reader.line_num, dict(zip(header, fields, strict=True))
        except UnicodeDecodeError:
            raise SourceError(
                f"{path} is not UTF-8, somewhere after line {reader.line_num}",
                "save it as UTF-8 (`iconv -f latin1 -t utf8` may do)",
            ) from None
        except csv.Error as error:
            raise SourceError(
                f"{told_line(path, reader.line_num)} cannot be read ({error})", "mend the line, or its quotes"
            ) from None


def _jsonl(stream: IO[bytes], path: Path, columns: list[str]) -> Iterator[Row]:
    lacking, seen, number = set(columns), set(), 0
    while line := stream.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            raise SourceError(
                f"{told_line(path, number)} is longer than {LONGEST_LINE_BYTES:,} bytes", "write a JSON object per line"
            )
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise SourceError(f"{told_line(path, number)} is no JSON ({told})", "mend the line") from None
        if not isinstance(cells, dict):
            raise SourceError(f"{told_line(path, number)} is no JSON object", 'write it as {"column": value, …}')
        if lacking:
            lacking -= cells.keys()
            seen |= cells.keys()
        yield number, cells
    if lacking and number:
        _check_columns(path, [column for column in columns if column in lacking], sorted(seen))


def _parquet(stream: IO[bytes], path: Path, columns: list[str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(stream) as file:
            _check_columns(path, columns, file.schema_arrow.names)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
                for cells in batch.to_pylist():
                    number += 1
                    yield number, cells
    except (pa.ArrowException, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{path} cannot be read after row {number} ({told})", "write it anew: it is damaged or no Parquet"
        ) from None


def _check_columns(path: Path, columns: Collection[str], present: list[str]) -> None:
    for column in columns:
        if column not in present:
            raise SourceError(f"{path} has no column '{column}'", nearest(column, present))
