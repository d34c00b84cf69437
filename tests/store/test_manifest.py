"""Tables keep their types, whatever they hold, and equal tables are equal bytes."""

from __future__ import annotations

import pandas as pd
import pytest

from genimg_core.errors import CorruptFileError
from genimg_core.store.manifest import (
    CLEAN_COLUMNS,
    COLUMN_TYPES,
    DOUBTFUL_COLUMNS,
    LABELS_COLUMNS,
    MANIFEST_COLUMNS,
    PROFILE_COLUMNS,
    ROWS_COLUMNS,
    read_table,
    write_table,
)


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["a" * 64, None],
            "path": ["x\ny.png", "später/ζ.png"],
            "bytes": [1, 2],
            "label": [None, None],
            "width": [0, 3],
            "sharpness": [1.5, None],
            "an_extra_figure": [0.25, 0.5],
        }
    )


def test_a_table_comes_back_as_it_was(tmp_path):
    write_table(_frame(), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet")
    assert frame["path"].tolist() == ["x\ny.png", "später/ζ.png"]
    assert frame["image_id"].isna().tolist() == [False, True]
    # A column without any value keeps its type too.
    assert str(frame["label"].dtype) == "str" and frame["label"].isna().all()
    assert (str(frame["width"].dtype), str(frame["bytes"].dtype)) == ("int32", "int64")
    assert frame["an_extra_figure"].tolist() == [0.25, 0.5]


def test_read_and_written_again_it_is_the_same_bytes(tmp_path):
    write_table(_frame(), tmp_path / "a.parquet")
    write_table(read_table(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_some_columns_in_the_order_asked_for(tmp_path):
    write_table(_frame(), tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet", ["path", "image_id"]).columns) == ["path", "image_id"]


def test_an_integer_column_has_no_gaps(tmp_path):
    with pytest.raises(ValueError, match="width holds integers and has gaps"):
        write_table(pd.DataFrame({"width": [1.0, None]}), tmp_path / "t.parquet")


def test_a_damaged_table_is_told_with_a_remedy(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(CorruptFileError, match="genimg run"):
        read_table(path)
    write_table(_frame(), path)
    with pytest.raises(CorruptFileError, match="no column phash"):
        read_table(path, ["path", "phash"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptFileError, match="cannot be read"):
        read_table(path)


def test_every_column_of_every_table_has_a_type():
    for columns in (MANIFEST_COLUMNS, PROFILE_COLUMNS, CLEAN_COLUMNS, LABELS_COLUMNS, DOUBTFUL_COLUMNS, ROWS_COLUMNS):
        assert len(set(columns)) == len(columns)
        assert set(columns) <= set(COLUMN_TYPES)
