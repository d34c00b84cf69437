"""Whatever an archive is made of: safe rows that hold together, or one clear error; nothing is written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genimg_core.errors import SourceError
from genimg_core.sources.archive import ArchiveParams, ArchiveSource
from tests.sources.test_archive import FILES, FORMATS, _pack

LIMITS = {"max_total_bytes": 2**20, "max_members": 50}
MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
         b"7z\xbc\xaf\x27\x1c")
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
NAMES = TEXTS.filter(lambda name: not name.endswith("/")) | st.sampled_from(
    ["../x", "/etc/passwd", "a/../../b", "C:\\x", "a//b", "./a", "..", "a/.", "\\\\host\\x", "a\nb", "=x", "ä/ö"])
quickly = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def sound(path: Path) -> dict[str, bytes] | None:
    """What is in it; None where it is refused as a whole."""
    before = sorted(os.listdir(path.parent))
    source = ArchiveSource(ArchiveParams(path=str(path), **LIMITS))
    try:
        files = {file.path: file for file in source.scan({})}
        contents = dict(source.contents(list(files)))
    except SourceError as error:
        assert error.cause and error.remedy and len(str(error)) < 3000
        return None
    finally:
        assert sorted(os.listdir(path.parent)) == before
    for name, file in files.items():
        assert name and not name.startswith("/") and ".." not in name.split("/") and "\\" not in name.split("/")[0][:1]
        name.encode("utf8")
        assert (file.sha256 is None) == (file.reason is not None)
        if file.sha256 is not None:
            assert hashlib.sha256(contents[name]).hexdigest() == file.sha256 and len(contents[name]) == file.bytes
    assert sum(map(len, contents.values())) <= LIMITS["max_total_bytes"]
    return contents


@quickly
@given(st.sampled_from([b"", *MAGIC]), st.binary(max_size=400))
@example(b"", b"")
def test_any_bytes(tmp_path, magic, data):
    (tmp_path / "a.bin").write_bytes(magic + data)
    sound(tmp_path / "a.bin")


@pytest.mark.parametrize("kind", FORMATS)
@quickly
@given(data=st.data())
def test_any_change_of_a_whole_one(tmp_path, kind, data):
    path = _pack(tmp_path / f"a.{kind}", FILES)
    mutated = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        # Headers stand at the front, and in a zip at the end.
        place = data.draw(st.integers(0, len(mutated)) | st.integers(max(0, len(mutated) - 600), len(mutated)), "place")
        how = data.draw(st.sampled_from(("change", "cut", "insert", "end")), "how")
        some = data.draw(st.binary(min_size=1, max_size=4), "bytes")
        if how == "change":
            mutated[place:place + len(some)] = some
        elif how == "cut":
            del mutated[place:place + data.draw(st.integers(1, 600), "length")]
        elif how == "insert":
            mutated[place:place] = some
        else:
            del mutated[place:]
    path.write_bytes(mutated)
    sound(path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.zst"])
@quickly
@given(files=st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=4))
def test_any_names(tmp_path, kind, files):
    found = sound(_pack(tmp_path / f"a.{kind}", files))
    if found is not None:
        assert sorted(found.values()) == sorted(files.values())


@pytest.mark.parametrize(("place", "value"), [(6, 99), (8, 1), (8, 1 << 5), (8, 1 << 6), (10, 99)])
def test_a_zip_of_features_that_nobody_here_knows(tmp_path, place, value):
    """A later version, encryption, patched data, another compression: in the directory at its end."""
    path = _pack(tmp_path / "a.zip", {"a.png": b"a", "b.png": b"b"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4) + place] = value
    path.write_bytes(data)
    found = sound(path)
    assert found is None or found.get("b.png") == b"b"
