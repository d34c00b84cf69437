"""A broken file is a row with its reason; a mistake of our own is not."""

from __future__ import annotations

import gc

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from genimg_core.imaging import decode as module
from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from genimg_core.imaging.decoder_errors import DECODER_ERRORS, DecoderFailedError, ask
from tests.pictures import encoded, photo

OURS = ("_reduced", "_to_rgb", "_open", "_orientation", "private_kinds", "_orientation_or_none")
WHOLE = encoded(photo(1, 60, 50).convert("RGBA"))
PALETTE = encoded(photo(1, 60, 50).convert("P"))


def raising(error: type[BaseException]):
    def failing(*_: object, **__: object) -> None:
        raise error("a mistake")

    return failing


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("error", [AttributeError, TypeError, KeyError, ValueError])
def test_what_our_own_functions_raise_comes_to_light(monkeypatch, name, error):
    monkeypatch.setattr(module, name, raising(error))
    with pytest.raises(error, match="a mistake"):
        decode(WHOLE, DecodeLimits(), Wanted(16, 1, 32))


@pytest.mark.parametrize("name", ["load", "getexif", "convert", "draft"])
@pytest.mark.parametrize("error", DECODER_ERRORS)
def test_whatever_the_library_raises_is_a_reason_or_is_passed_over(monkeypatch, name, error):
    monkeypatch.setattr(PngImageFile if name in ("load", "getexif") else Image.Image, name, raising(error))
    decoded = decode(PALETTE, DecodeLimits(), Wanted(16, 1, 32))
    if name == "getexif":
        assert decoded.reason is None and decoded.header.private_tags is None
    else:
        assert decoded.reason in ("decoder_error", "truncated") and "a mistake" in decoded.detail


def test_a_mistake_in_a_worker_ends_the_run_with_its_traceback(monkeypatch):
    monkeypatch.setattr(module, "_decode", raising(AttributeError))
    with pytest.raises(AttributeError):
        decode(WHOLE, DecodeLimits())


def test_asking():
    assert ask(int, "7", base=8) == 7
    with pytest.raises(DecoderFailedError) as caught:
        ask(int, "x")
    assert isinstance(caught.value.error, ValueError) and caught.value.__cause__ is caught.value.error
    with pytest.raises(KeyboardInterrupt):
        ask(raising(KeyboardInterrupt))
    with pytest.raises(MemoryError):
        ask(raising(MemoryError))


def test_a_broken_image_is_freed_at_once():
    """In a circle with its error it would hold its memory for as long as the next images take."""
    gc.collect()
    gc.disable()
    try:
        found = decode(PALETTE[:len(PALETTE) // 2], DecodeLimits())
        left = [thing for thing in gc.get_objects() if type(thing) is PngImageFile]
    finally:
        gc.enable()
    assert found.reason == "truncated"
    assert not left
