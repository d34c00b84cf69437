"""The sources' params: light to import, and errors that name the key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genimg_core.errors import ParamsError
from genimg_core.params import parse
from genimg_core.sources.registry import SOURCES, SourceParams, open_source


def _parse(**tree):
    return parse(SourceParams, tree, "datasets.base.source")


@pytest.mark.parametrize(
    "tree",
    [
        {"kind": "folder", "path": "x"},
        {"kind": "folder", "path": "x", "labels": "folders"},
        {"kind": "folder", "path": "x", "labels": {"csv": "l.csv", "where": {"group": "a", "n": 3, "new": True}}},
        {"kind": "archive", "path": "x.zip", "inside": "a/b"},
        {"kind": "glyphs", "script": "georgian", "images": 5},
        {"kind": "table", "file": "x.csv", "url_column": "url", "keep_columns": ["licence"], "where": {"ok": True}},
        {"kind": "table", "file": "x.csv", "url_column": "u", "download": {"allow_hosts": ["a.org"], "per_host": 2}},
        {"kind": "table", "database": "$DB", "query": "SELECT f FROM t", "path_column": "f", "root": "photos"},
        {"kind": "idx", "parts": {"train": {"images": "a", "labels": "b"}, "test": {"images": "c"}}},
        {"kind": "webdataset", "path": "{0..9}.tar", "label": "json.object.name"},
        {"kind": "torchvision", "name": "MNIST", "path": "x"},
        {"kind": "store", "url": "s3://b/c", "endpoint_url": "http://h:1", "labels": {"csv": "l.csv"}},
    ],
)
def test_good_params(tree):
    params = _parse(**tree)
    assert params.kind == tree["kind"]
    assert isinstance(open_source(params), SOURCES[params.kind][1])


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({}, "one of archive, folder, glyphs, idx, store, table,"),
        ({"kind": "foldr", "path": "x"}, "one of archive, folder, glyphs, idx, store, table,"),
        ({"kind": "folder"}, r"'datasets\.base\.source\.path' is missing"),
        (
            {"kind": "folder", "path": "x", "lables": "folders"},
            r"unknown key 'datasets\.base\.source\.lables'.*\n.*'labels'",
        ),
        (
            {"kind": "folder", "path": "x", "labels": "l.csv"},
            r"'datasets\.base\.source\.labels' is 'l.csv': labels are `folders` or",
        ),
        (
            {"kind": "folder", "path": "x", "labels": {"csv": "l.csv", "label_colum": "x"}},
            r"unknown key 'datasets\.base\.source\.labels\.label_colum'.*\n.*'label_column'",
        ),
        ({"kind": "glyphs", "images": 0}, r"'datasets\.base\.source\.images' is 0"),
        ({"kind": "glyphs", "script": "klingon"}, r"script' is 'klingon'.*latin_capitals"),
        ({"kind": "table", "url_column": "u"}, "either a `file`, or a `database` with a `query`"),
        ({"kind": "table", "database": "$DB", "url_column": "u"}, "either a `file`, or a `database` with a `query`"),
        ({"kind": "table", "file": "t.csv", "query": "Q", "url_column": "u"}, "either a `file`, or a `database`"),
        ({"kind": "table", "file": "t.csv"}, "either a `url_column` or a `path_column`"),
        ({"kind": "table", "file": "t.csv", "url_column": "u", "path_column": "p"}, "either a `url_column` or"),
        (
            {"kind": "table", "file": "t.csv", "url_column": "u", "download": {"alow_hosts": ["a"]}},
            r"unknown key 'datasets\.base\.source\.download\.alow_hosts'.*\n.*'allow_hosts'",
        ),
        (
            {"kind": "table", "file": "t.csv", "url_column": "u", "download": {"allow_hosts": ["http://a"]}},
            r"source\.download\.allow_hosts\.0' is 'http://a'",
        ),
        ({"kind": "archive", "path": "x", "inside": "/abs"}, r"inside' is '/abs'"),
        ({"kind": "idx", "parts": {}}, r"datasets\.base\.source\.parts' is {}"),
        ({"kind": "idx", "parts": {"train": {"image": "a"}}}, r"source\.parts\.train\.images' is missing"),
        ({"kind": "webdataset", "path": "x", "label": "pyd"}, r"label' is 'pyd'"),
        ({"kind": "store", "url": "s3://b", "secret": "x"}, r"unknown key 'datasets\.base\.source\.secret'"),
    ],
)
def test_bad_params_name_the_key(tree, told):
    with pytest.raises(ParamsError, match=told):
        _parse(**tree)


def test_the_params_import_nothing_heavy():
    code = (
        "import sys, genimg_core.sources.registry, genimg_core.stages.collect, genimg_core.verbs.scan;"
        "heavy = ('numpy', 'PIL', 'pandas', 'pyarrow', 'matplotlib', 'torch', 'aiohttp', 'sqlalchemy', 'fsspec',"
        "'zstandard');"
        "print([m for m in heavy if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
