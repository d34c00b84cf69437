"""The archive source: every format gives the same listing; what is hostile is refused by name."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard

from genimg_core.errors import SourceError
from genimg_core.sources import safe_archive
from genimg_core.sources.archive import ArchiveParams, ArchiveSource
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.source import digest

FILES = {"cat/1.png": b"one", "cat/2.png": b"two" * 1000, "dog/ζ\n.png": b"", "top.png": b"four"}
FORMATS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"]


def _pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("cat")
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    kind = path.suffix.removeprefix(".")
    if kind == "zst":
        plain = _pack(path.with_suffix(""), files)
        path.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
        plain.unlink()
        return path
    with tarfile.open(path, f"w:{kind if kind != 'tar' else ''}") as tar:
        folder = tarfile.TarInfo("./cat")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            _add(tar, "./" + name, data)
    return path


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def _scan(path: Path, **params):
    return {file.path: file for file in ArchiveSource(ArchiveParams(path=str(path), **params)).scan({})}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_what_the_folder_gives(tmp_path, kind):
    for name, data in FILES.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(data)
    path = _pack(tmp_path / f"a.{kind}", FILES)
    source = ArchiveSource(ArchiveParams(path=str(path)))
    files = source.scan({})
    assert digest(files) == digest(FolderSource(FolderParams(path=str(tmp_path / "f"))).scan({}))
    assert dict(source.contents(["cat/2.png", "dog/ζ\n.png"])) == {"cat/2.png": FILES["cat/2.png"], "dog/ζ\n.png": b""}
    assert sorted(os.listdir(tmp_path)) == sorted(["f", f"a.{kind}"])


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_folder_inside_and_a_csv_beside(tmp_path, kind):
    path = _pack(tmp_path / f"a.{kind}", {"set/images/a.png": b"a", "set/images/b.png": b"b", "set/LICENSE": b"l"})
    (tmp_path / "l.csv").write_text("file,label,group\na.png,x,1\nb.png,y,2\n")
    labels = {"csv": str(tmp_path / "l.csv")}
    assert {p: f.label for p, f in _scan(path, inside="set/images", labels=labels).items()} == {
        "a.png": "x",
        "b.png": "y",
    }
    assert set(_scan(path, inside="set/images", labels={**labels, "where": {"group": 2}})) == {"b.png"}
    with pytest.raises(SourceError, match="inside: set/images"):
        _scan(path, labels=labels)
    with pytest.raises(SourceError, match="holds no files"):
        _scan(path, inside="other")


def test_json_lines_and_an_export_of_label_studio_beside_it(tmp_path):
    path = _pack(tmp_path / "a.zip", FILES)
    (tmp_path / "l.jsonl").write_text('{"file": "top.png", "label": "x"}\n')
    source = ArchiveSource(ArchiveParams(path=str(path), labels={"jsonl": str(tmp_path / "l.jsonl")}))
    assert {file.path: file.label for file in source.scan({})}["top.png"] == "x"
    origin = source.origin
    (tmp_path / "l.jsonl").write_text('{"file": "top.png", "label": "y"}\n')
    assert source.origin != origin, "other labels, another listing"
    (tmp_path / "e.json").write_text(
        '[{"data": {"image": "s3://bucket/cat/1.png"}, "annotations": [{"result": [{"type": "choices", "from_name": '
        '"c", "value": {"choices": ["z"]}}]}]}]')
    files = _scan(path, labels={"label_studio": str(tmp_path / "e.json")})
    assert {name: file.label for name, file in files.items() if file.label} == {"cat/1.png": "z"}


def test_an_unchanged_archive_is_not_read_again_and_a_changed_csv_is(tmp_path):
    path = _pack(tmp_path / "a.zip", FILES)
    (tmp_path / "l.csv").write_text("file,label\ntop.png,x\n")
    source = ArchiveSource(ArchiveParams(path=str(path), labels={"csv": str(tmp_path / "l.csv")}))
    first, origin = source.scan({}), source.origin
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source.scan({file.path: file for file in first}) == first
    (tmp_path / "l.csv").write_text("file,label\ntop.png,y\n")
    assert source.origin != origin


# --- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "a/../../evil.png",
        "/etc/evil.png",
        "C:\\evil.png",
        "..\\evil.png",
        "\\\\host\\evil.png",
        "C:evil",
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_name_that_leaves_the_folder(tmp_path, kind, name):
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good.png", b"g")
            archive.writestr(name, b"e")
    else:
        with tarfile.open(path, "w:gz") as tar:
            _add(tar, "good.png", b"g")
            _add(tar, name, b"e")
    with pytest.raises(SourceError) as caught:
        _scan(path)
    assert "unsafe member" in str(caught.value) and repr(name) in str(caught.value) and "remedy" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
def test_a_link_or_device_in_a_tar(tmp_path, kind, told):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        _add(tar, "evil", type=kind, linkname="good.png")
    with pytest.raises(SourceError, match=f"unsafe member 'evil': a {told}"):
        _scan(tmp_path / "a.tar")


def test_a_link_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("evil")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SourceError, match="unsafe member 'evil': a link"):
        _scan(tmp_path / "a.zip")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_twice(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", b"1")
            archive.writestr("a.png", b"2")
    else:
        with tarfile.open(path, "w") as tar:
            _add(tar, "a.png", b"1")
            _add(tar, "./a.png", b"2")
    with pytest.raises(SourceError, match=r"'a.png' twice"):
        _scan(path)


def test_an_encrypted_zip(tmp_path):
    path = _pack(tmp_path / "a.zip", {"a.png": b"a"})
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is encrypted"):
        _scan(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_caps(tmp_path, kind):
    path = _pack(tmp_path / f"a.{kind}", FILES)
    with pytest.raises(SourceError, match="more than 3 files"):
        _scan(path, max_members=3)
    with pytest.raises(SourceError, match="more than 2,999 bytes"):
        _scan(path, max_total_bytes=2999)
    files = _scan(path, max_file_bytes=2999)
    assert (files["cat/2.png"].reason, files["cat/2.png"].sha256, files["cat/2.png"].bytes) == (
        "too_many_bytes",
        None,
        3000,
    )
    assert files["top.png"].sha256


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_a_decompression_bomb(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(safe_archive, "RATIO_FREE_BYTES", 2**20)
    path = _pack(tmp_path / f"a.{kind}", {"bomb.png": bytes(20 * 2**20)})
    with pytest.raises(SourceError, match="200 times its size"):
        _scan(path)
    with pytest.raises(SourceError, match="200 times its size"):
        list(ArchiveSource(ArchiveParams(path=str(path))).contents(["bomb.png"]))
    assert _scan(path, max_compression_ratio=1e6)["bomb.png"].bytes == 20 * 2**20


def test_the_parts_of_a_bomb_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_archive, "RATIO_FREE_BYTES", 2**20)
    path = _pack(tmp_path / "a.zip", {f"{i}.png": bytes(2**18) for i in range(20)})
    with pytest.raises(SourceError, match="200 times its size"):
        _scan(path)


def test_headers_are_not_believed(tmp_path):
    # The directory says that the member unpacks to 10 bytes; it unpacks to a million.
    path = _pack(tmp_path / "a.zip", {"a.png": bytes(10**6), "good.png": b"g"})
    data = path.read_bytes()
    path.write_bytes(data.replace((10**6).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    files = _scan(path)
    assert files["a.png"].reason == "unreadable_file"
    assert files["good.png"].sha256


def test_a_damaged_member_of_a_zip_is_a_row(tmp_path):
    path = _pack(tmp_path / "a.zip", {"a.png": os.urandom(5000), "good.png": b"good"})
    data = bytearray(path.read_bytes())
    place = data.find(b"a.png")
    data[place + 1000] ^= 255
    path.write_bytes(data)
    source = ArchiveSource(ArchiveParams(path=str(path)))
    files = {file.path: file for file in source.scan({})}
    assert files["a.png"].reason == "unreadable_file" and "CRC" in files["a.png"].detail
    assert files["good.png"].sha256
    assert dict(source.contents(["a.png", "good.png"])) == {"good.png": b"good"}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_archive(tmp_path, kind):
    path = _pack(tmp_path / f"a.{kind}", {f"{i}.png": os.urandom(3000) for i in range(9)})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"(?s)cannot be read.*remedy"):
        _scan(path)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = _pack(tmp_path / "a.tar", {f"{i}.png": b"x" * 600 for i in range(5)})
    data = bytearray(path.read_bytes())
    data[data.find(b"./3.png")] = 200
    path.write_bytes(data)
    with pytest.raises(SourceError, match="bad checksum in a member's header"):
        _scan(path)


def test_endless_names_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, "n" * (2**20 + 1), b"x")
    with pytest.raises(SourceError, match="a name or attribute of"):
        _scan(tmp_path / "a.tar.gz")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "cannot be read"),
        (b"no archive at all" * 100, "cannot be read"),
        (b"7z\xbc\xaf\x27\x1c\0\0", "a 7z archive"),
        (b"Rar!\x1a\x07\0\0", "a RAR archive"),
        (b"\x1f\x8b" + b"\xff" * 50, "cannot be read"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "cannot be read"),
        (zstandard.ZstdCompressor().compress(b"one file, no tar" * 100), "cannot be read"),
        (zlib.compress(b"x"), "cannot be read"),
        (b"PK\x05\x06" + bytes(18), "holds no files"),
    ],
)
def test_what_is_no_archive(tmp_path, data, told):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(SourceError, match=f"(?s){told}.*remedy"):
        _scan(tmp_path / "a")


def test_no_file(tmp_path):
    with pytest.raises(SourceError, match="is not there"):
        _scan(tmp_path / "a.zip")
    with pytest.raises(SourceError, match="is no file"):
        _scan(tmp_path)
