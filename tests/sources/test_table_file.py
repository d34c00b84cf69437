"""Tables from files: equal rows whatever the format, and clear words, with the line, for what is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources import table_file
from genimg_core.sources.table_file import read_table_file

ROWS = [{"url": "http://a.org/1.png", "label": "cat, big"}, {"url": "http://a.org/2.png", "label": 'say "é"\nagain'}]


def _write(path: Path, rows=ROWS) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix in (".jsonl", ".ndjson"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    else:
        import csv

        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.ndjson", "T.CSV"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    found = list(read_table_file(_write(tmp_path / name), ["label", "url"]))
    assert [cells for _, cells in found] == ROWS
    assert [number for number, _ in found] == ([1, 2] if "csv" not in name.lower() and "tsv" not in name else [2, 4])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv", b"url,label\na,b\nc\n", r"line 3 of .*t\.csv has 1 fields, and the header has 2"),
        ("t.csv", b"url,label\na,b,c\n", "line 2 of .* has 3 fields"),
        ("t.csv", b'url,label\na,b\n"c,d\n', "line 3 of .* has 1 fields"),
        ("t.csv", b"url,label\na," + b"x" * 200_000 + b"\n", "line 2 of .* cannot be read .*field larger"),
        ("t.csv", b"url,url,label\n", "two columns 'url'"),
        ("t.csv", b"link,label\na,b\n", "no column 'url'"),
        ("t.csv", b"", "no column 'url'"),
        ("t.csv", b"url,label\na,b\nc,\xe9\n", "not UTF-8, somewhere after line"),
        ("t.tsv", b"url\tlabel\na\tb\nc\n", "line 3 of"),
        ("t.jsonl", b'{"url": "a", "label": 1}\n\n{"url": \n', "line 3 of .* is no JSON"),
        ("t.jsonl", b'{"url": "a", "label": 1}\n["a"]\n', "line 2 of .* is no JSON object"),
        ("t.jsonl", b'{"url": "a", "labl": 1}\n', "no column 'label'(?s:.)*did you mean 'labl'"),
        ("t.jsonl", b'{"url": "\xff"}\n', "line 1 of .* is no JSON"),
        ("t.jsonl", b"[" * 100_000 + b"\n", "line 1 of .* is no JSON"),
        ("t.parquet", b"PAR1 nothing PAR1", "cannot be read after row 0"),
        ("t.xlsx", b"", r"is no table that can be read here(?s:.)*\.parquet"),
    ],
)
def test_what_is_broken_is_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=told):
        list(read_table_file(tmp_path / name, ["url", "label"]))


def test_a_damaged_page_of_a_parquet_is_told(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"url": [f"http://a.org/{n}" for n in range(5000)]}), path, compression="zstd",
                   use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read after row"):
        list(read_table_file(path, ["url"]))


def test_a_line_without_end_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(table_file, "LONGEST_LINE_BYTES", 100)
    (tmp_path / "t.jsonl").write_bytes(b'{"url": "a"}\n' + b"x" * 1000)
    with pytest.raises(SourceError, match=r"line 2 of .* is longer than 100 bytes"):
        list(read_table_file(tmp_path / "t.jsonl", ["url"]))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="there is no table"):
        list(read_table_file(tmp_path / "t.csv", ["url"]))
    with pytest.raises(SourceError, match="cannot be read"):
        (tmp_path / "d.csv").mkdir()
        list(read_table_file(tmp_path / "d.csv", ["url"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.parquet"]))
def test_no_file_does_more_than_a_clear_error(tmp_path, content, name):
    for data in (content, b"url\n" + content, b'{"url": "a"}\n' + content, b"PAR1" + content + b"PAR1"):
        (tmp_path / name).write_bytes(data)
        try:
            rows = list(read_table_file(tmp_path / name, ["url"]))
        except SourceError as error:
            assert name in error.cause and error.remedy
        else:
            assert all("url" in cells or name == "t.jsonl" for _, cells in rows)
