"""The rows of an SQL query, through SQLAlchemy. Passwords come from the environment, never from params.yaml."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import SourceError
from genimg_core.params import nearest
from genimg_core.sources.table_file import Row

if TYPE_CHECKING:
    from sqlalchemy import URL

_ROWS_AT_ONCE = 1000
_READING = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)
"""How a statement begins that only reads. (A writing WITH is undone: nothing is committed.)"""


def read_query(database: str, query: str, columns: Collection[str]) -> Iterator[Row]:
    """The rows that the query yields, numbered from 1. Nothing is committed.

    Args:
        database: an SQLAlchemy URL (`sqlite:///images.db`), or `$NAME`: the environment variable that holds it.
        query: sent to the database as it stands.
        columns: those that are needed.

    Raises:
        SourceError: the database cannot be reached, the query would write or fails, or it yields no such column.
    """
    import sqlalchemy

    if not _READING.match(query):
        raise SourceError("the query does not begin with SELECT (or WITH)", "write one that only reads")
    url = _url(database)
    told = _told(url)
    try:
        engine = sqlalchemy.create_engine(url)
    except (ImportError, sqlalchemy.exc.ArgumentError) as error:
        raise SourceError(
            f"the database {told} cannot be used ({_one_line(error)})",
            "install the driver that SQLAlchemy names for it (`pip install …`), or correct `database`",
        ) from None
    try:
        # As it stands: a colon or a percent sign in it is no parameter.
        with engine.connect().execution_options(
            stream_results=True, yield_per=_ROWS_AT_ONCE, no_parameters=True
        ) as connection:
            if url.get_backend_name() == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            result = connection.exec_driver_sql(query)
            if not result.returns_rows:
                raise SourceError("the query yields no rows", "write a SELECT")
            present = list(result.keys())
            for column in columns:
                if column not in present:
                    raise SourceError(f"the query yields no column '{column}'", nearest(column, present))
            for number, row in enumerate(result.mappings(), start=1):
                yield number, dict(row)
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise SourceError(
            f"the query to {told} failed ({_one_line(cause)})",
            "correct `query` or `database` in params.yaml, or see that the database answers",
        ) from None
    finally:
        engine.dispose()


def _url(database: str) -> URL:
    import sqlalchemy

    variable = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", database.strip())
    text = os.environ.get(variable[1], "") if variable else database
    where = f"the environment variable {variable[1]}" if variable else "`database`"
    if variable and not text:
        raise SourceError(
            f"{where}, which should hold the URL of the database, is not set",
            f"set it before you start genimg: `export {variable[1]}=…`",
        )
    try:
        url = sqlalchemy.make_url(text)
    except sqlalchemy.exc.ArgumentError:
        # Not shown: it may hold a password.
        raise SourceError(f"{where} holds no URL of a database", "write it like `sqlite:///images.db`") from None
    if not variable and (url.password or any(re.search("(?i)pass|pwd|token|secret", key) for key in url.query)):
        raise SourceError(
            "`database` in params.yaml holds a password, which git would keep for good",
            "put the URL into an environment variable and write `database: $ITS_NAME`",
        )
    if url.get_backend_name() == "sqlite" and not _is_there(url):
        raise SourceError(f"there is no database {url.database}", "correct `database` (relative to the working "
                          "directory after three slashes, absolute after four)")
    return url


def _is_there(url: URL) -> bool:
    """SQLite makes a file that is not there, and then has no tables in it."""
    return bool(url.database) and (str(url.database).startswith("file:") or Path(str(url.database)).is_file())


def _told(url: URL) -> str:
    return url.render_as_string(hide_password=True).partition("?")[0]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
