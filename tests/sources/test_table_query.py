"""Tables from a real SQLite file."""

from __future__ import annotations

import sqlite3

import pytest

from genimg_core.errors import SourceError
from genimg_core.sources.table_query import read_query


@pytest.fixture
def database(tmp_path) -> str:
    path = tmp_path / "images.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE images (url TEXT, label TEXT, good INTEGER)")
    connection.executemany("INSERT INTO images VALUES (?, ?, ?)",
                           [(f"http://a.org/{n}.png", None if n == 3 else f"l{n % 2}", n % 2) for n in range(2500)])
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def test_the_rows_of_a_query(database):
    rows = list(read_query(database, "SELECT url, label AS class FROM images ORDER BY url", ["url", "class"]))
    assert len(rows) == 2500 and [number for number, _ in rows[:2]] == [1, 2]
    assert rows[0][1] == {"url": "http://a.org/0.png", "class": "l0"}
    assert {"url": "http://a.org/3.png", "class": None} in [cells for _, cells in rows]


def test_the_query_is_sent_as_it_stands(database):
    query = "SELECT url FROM images WHERE url LIKE 'http://a.org/1%' AND url != ':x' AND 100 % 7 = 2 LIMIT 3"
    assert len(list(read_query(database, query, ["url"]))) == 3


def test_the_url_may_stand_in_the_environment(database, monkeypatch):
    monkeypatch.setenv("IMAGES_DB", database)
    assert len(list(read_query("$IMAGES_DB", "SELECT url FROM images LIMIT 5", ["url"]))) == 5
    monkeypatch.delenv("IMAGES_DB")
    with pytest.raises(SourceError, match=r"environment variable IMAGES_DB.*is not set"):
        list(read_query("$IMAGES_DB", "SELECT 1", ["url"]))
    monkeypatch.setenv("IMAGES_DB", "secret nonsense")
    with pytest.raises(SourceError, match="IMAGES_DB holds no URL of a database") as raised:
        list(read_query("$IMAGES_DB", "SELECT 1", ["url"]))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db.example.org/images", "postgresql://db.example.org/images?password=hunter2"]
)
def test_a_password_in_params_is_refused_and_not_repeated(url):
    with pytest.raises(SourceError, match="holds a password") as raised:
        list(read_query(url, "SELECT 1", ["url"]))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT url FROM pictures", "no such table: pictures"),
        ("SELECT url FORM images", "syntax error"),
        ("SELECT url AS link FROM images", "yields no column 'url'(?s:.)*known here: link"),
        ("UPDATE images SET label = 'x'", "does not begin with SELECT"),
        ("-- SELECT\nDROP TABLE images", "does not begin with SELECT"),
        ("ATTACH 'other.db' AS other", "does not begin with SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM images", "readonly"),
    ],
)
def test_a_query_that_fails(database, query, told):
    with pytest.raises(SourceError, match=told):
        list(read_query(database, query, ["url"]))


def test_nothing_is_ever_changed(database):
    with pytest.raises(SourceError):
        list(read_query(database, "UPDATE images SET label = 'x'", ["url"]))
    assert not list(read_query(database, "SELECT url FROM images WHERE label = 'x'", ["url"]))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///missing.db", "there is no database missing.db"),
        ("sqlite://", "there is no database"),
        ("nonsense", "holds no URL"),
        ("nosuchdialect://host/db", "cannot be used"),
        ("postgresql+nosuchdriver://host/db", "cannot be used"),
    ],
)
def test_no_such_database(tmp_path, monkeypatch, url, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=told):
        list(read_query(url, "SELECT 1", ["url"]))
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(SourceError, match="not a database"):
        list(read_query(f"sqlite:///{tmp_path}/x.db", "SELECT url FROM x", ["url"]))
