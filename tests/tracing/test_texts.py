"""A PNG's texts: all three kinds, and nothing that a hostile file can do with them."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from genimg_core.reports.pictures import save_png
from genimg_core.tracing.texts import LONGEST_TEXT, NoOriginError, Origin, png_texts, read_origin
from tests.tracing.pictures import SIGNATURE, TEXTS, chunk, png, text


def test_what_genimg_writes(tmp_path):
    texts = TEXTS | {"genimg:class": "γ 👩‍🚀", "genimg:dataset": "base"}
    save_png(Image.new("L", (3, 3)), tmp_path / "a.png", texts)
    assert png_texts(tmp_path / "a.png") == texts
    assert read_origin(tmp_path / "a.png") == Origin("m", "a" * 64, "b" * 64, 1, 2, "γ 👩‍🚀", "base", 10, 1.5)


def test_an_older_picture_without_steps(tmp_path):
    old = {key: value for key, value in TEXTS.items() if key not in ("genimg:steps", "genimg:guidance")}
    origin = read_origin(png(tmp_path / "a.png", texts=old))
    assert (origin.steps, origin.guidance, origin.dataset) == (None, None, None)


def test_packed_texts_and_texts_after_the_pixels(tmp_path):
    """As other programs write them again."""
    packed = chunk(b"zTXt", b"genimg:model\0\0" + zlib.compress(b"m"))
    unpacked = chunk(b"iTXt", b"genimg:class\0\0\0en\0\0" + "γ".encode())
    international = chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress("δ".encode()))
    late = chunk(b"IDAT", b"") + text("late", "yes")
    assert png_texts(png(tmp_path / "a.png", packed, unpacked, international, late)) == {
        "genimg:model": "m", "genimg:class": "γ", "x": "δ", "late": "yes"}


def test_long_texts_and_bombs_are_left_out(tmp_path):
    bomb = chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"0" * 3_000_000))
    assert len(bomb) < LONGEST_TEXT
    long = text("long", "x" * (LONGEST_TEXT + 1))
    many = [text(f"k{i}", "v") for i in range(5000)]
    assert png_texts(png(tmp_path / "a.png", bomb, long, text("short", "s"))) == {"short": "s"}
    assert len(png_texts(png(tmp_path / "b.png", *many))) == 64


@pytest.mark.parametrize(("change", "said"), [
    ({"genimg:model_sha256": "A" * 64}, "'genimg:model_sha256' makes no sense"),
    ({"genimg:seed": "-1"}, "genimg:seed"), ({"genimg:seed": "9" * 17}, "genimg:seed"),
    ({"genimg:index": "x"}, "genimg:index"),
    ({"genimg:guidance": "nan"}, "genimg:guidance"), ({"genimg:guidance": "1e999"}, "genimg:guidance"),
    ({"genimg:model": ""}, "genimg:model"), ({"genimg:steps": "١"}, "genimg:steps")])
def test_texts_that_make_no_sense(tmp_path, change, said):
    texts = TEXTS | change
    path = tmp_path / "a.png"
    save_png(Image.new("L", (1, 1)), path, texts)
    with pytest.raises(NoOriginError, match=said):
        read_origin(path)


@pytest.mark.parametrize("missing", [key for key in TEXTS if key not in ("genimg:steps", "genimg:guidance")])
def test_a_text_is_missing(tmp_path, missing):
    with pytest.raises(NoOriginError, match=f"'{missing}' is missing"):
        read_origin(png(tmp_path / "a.png", texts={k: v for k, v in TEXTS.items() if k != missing}))


def test_no_texts_no_png_no_file(tmp_path):
    with pytest.raises(NoOriginError, match="none of genimg's texts"):
        read_origin(png(tmp_path / "a.png", texts={"Software": "other"}))
    (tmp_path / "b.png").write_bytes(b"GIF89a")
    with pytest.raises(NoOriginError, match="is not a PNG"):
        read_origin(tmp_path / "b.png")
    with pytest.raises(NoOriginError, match="cannot be read"):
        read_origin(tmp_path / "c.png")
    with pytest.raises(NoOriginError, match="cannot be read"):
        read_origin(tmp_path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"IDAT", b"IEND"]), st.binary(max_size=60),
                          st.integers(0, 2**32 - 1) | st.none())))
def test_any_bytes_give_texts_or_none(tmp_path, chunks):
    data = SIGNATURE
    for kind, body, length in chunks:
        data += struct.pack(">I", len(body) if length is None else length) + kind + body + b"crc!"
    (tmp_path / "a.png").write_bytes(data)
    assert isinstance(png_texts(tmp_path / "a.png"), dict)
