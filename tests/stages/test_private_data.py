"""EXIF, GPS and whatever else a photo says of its owner end with raw: nothing that is written after holds them."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from genimg_core.cli import main
from tests.pictures import encoded, photo

SECRETS = (b"SERIAL-4711", b"Ada Person", b"MAKER-SECRET", b"XMP-SECRET", b"TEXT-SECRET", b"Exif\0\0", b"xmpmeta")
PARAMS = """
image: {size: 16, channels: 3}
datasets:
  base: {source: {kind: folder, path: photos}, profile: {}, validate: {}, clean: {}, label: {}, normalize: {}}
seed: 0
threads: 1
pretrain: {}
finetune: {}
generate: {}
extractor: {dataset: base}
evaluate: {}
"""


def exif() -> Image.Exif:
    made = Image.Exif()
    made[ExifTags.Base.Artist] = "Ada Person"
    made[ExifTags.Base.Orientation] = 6
    made.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.BodySerialNumber: "SERIAL-4711",
                                            ExifTags.Base.MakerNote: b"MAKER-SECRET"})
    made.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)})
    return made


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "TEXT-SECRET")
    (tmp_path / "photos").mkdir()
    for seed in range(24):
        image = photo(seed, 64, 48)
        (tmp_path / f"photos/{seed:02d}.jpg").write_bytes(
            encoded(image, "JPEG", exif=exif(), xmp=b"<x:xmpmeta>XMP-SECRET</x:xmpmeta>"))
        (tmp_path / f"photos/{seed + 30:02d}.png").write_bytes(
            encoded(photo(seed + 30), exif=exif(), pnginfo=text))
    assert main(["scan"]) == 0
    at = "data/datasets/base"
    for stage, inputs, output in (
        ("collect", ("source_lock",), "raw"), ("profile", ("raw",), "profile"), ("validate", ("profile",), "validated"),
        ("clean", ("profile", "validated"), "clean"), ("label", ("profile", "clean"), "labels"),
        ("normalize", ("profile", "labels"), "normalized")):
        paths = {"source_lock": f"{at}/source.lock", "validated": f"{at}/validated.json"}
        words = [word for key in (*inputs, output) for word in (f"--{key}", paths.get(key, f"{at}/{key}"))]
        assert main([stage, "base", *words, "--report", f"data/reports/{stage}",
                     "--metrics", f"data/metrics/{stage}.json"]) == 0
    return tmp_path / "data"


def contents(path: Path) -> bytes:
    """What a file says once it is unpacked: tables as text, pictures with whatever is in them beside pixels."""
    if path.suffix == ".parquet":
        return path.read_bytes() + pd.read_parquet(path).to_csv().encode()
    if path.suffix == ".png":
        with Image.open(path) as image:
            assert not dict(image.getexif()) and not image.info.get("exif"), path
            return path.read_bytes() + repr(image.info).encode()
    return path.read_bytes()


def test_what_a_photo_says_of_its_owner_ends_with_raw(data):
    raw = data / "datasets/base/raw"
    whole = b"".join(path.read_bytes() for path in raw.rglob("*") if path.is_file())
    assert all(secret in whole for secret in SECRETS), "the originals are kept as they came"
    after = [path for root in (data, Path(".genimg/memo")) for path in root.rglob("*")
             if path.is_file() and raw not in path.parents]
    assert {path.suffix for path in after} >= {".parquet", ".npy", ".png", ".json", ".sqlite"}
    assert [(path, secret) for path in after for secret in SECRETS if secret in contents(path)] == []


def test_which_kinds_there_were_is_told(data):
    table = pd.read_parquet(data / "datasets/base/profile/profile.parquet")
    assert table.groupby("format")["private_tags"].unique().map(list).to_dict() == {
        "jpeg": ["gps,maker_note,owner,serial,xmp"], "png": ["gps,maker_note,owner,serial"]}
