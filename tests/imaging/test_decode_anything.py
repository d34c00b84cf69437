"""Whatever the bytes: no exception, and a picture or a reason."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genimg_core.imaging.decode import DecodeLimits, Wanted, decode
from genimg_core.imaging.fit import ImageForm
from genimg_core.imaging.profile import FIGURE_DEFAULTS, from_bytes, profile_image, to_bytes
from tests.pictures import encoded, photo

FORM = ImageForm(16, 3, "pad", "#ffffff")
LIMITS = DecodeLimits(max_bytes=2**20, max_pixels=2**20, max_frames=20)
WHOLE = {kind: encoded(photo(1, 40, 30).convert(mode), kind) for kind, mode in (
    ("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGB"), ("ICO", "RGBA"),
    ("PPM", "L"), ("TGA", "RGB"), ("PCX", "RGB"), ("JPEG2000", "RGB"), ("DDS", "RGB"), ("SGI", "RGB"), ("MPO", "RGB"),
    ("ICNS", "RGBA"), ("QOI", "RGB"), ("XBM", "1"))}
MAGIC = sorted({data[:8] for data in WHOLE.values()})
often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def sound(data: bytes) -> None:
    """What must hold of any file."""
    for wanted in (None, Wanted(16, 1, 32)):
        decoded = decode(data, LIMITS, wanted)
        assert (decoded.image is None) == (decoded.reason is not None) == (decoded.detail is not None)
        if decoded.detail is not None:
            assert decoded.detail.isprintable() and 0 < len(decoded.detail) < 250
        if decoded.image is not None:
            assert decoded.image.mode in ("RGB", "RGBA") and min(decoded.image.size) >= 1
            assert decoded.header.width * decoded.header.height <= LIMITS.max_pixels
            assert decoded.header.format and 1 <= decoded.header.frames <= LIMITS.max_frames
        assert 0 <= decoded.header.exif_orientation <= 8
    profile = profile_image(data, FORM, LIMITS)
    assert set(profile.figures) == set(FIGURE_DEFAULTS)
    assert (profile.image is None) == (profile.thumbnail is None) == (profile.figures["reason"] is not None)
    again = from_bytes(to_bytes(profile), FORM)
    assert again.figures == profile.figures, "every figure outlives the memo: no NaN, no strange type"
    assert profile.image is None or np.array_equal(again.image, profile.image)


@often
@given(st.binary(max_size=600))
@example(b"")
@example(b"\xff\xd8\xff")
def test_random_bytes(data):
    sound(data)


@often
@given(st.sampled_from(MAGIC), st.binary(max_size=600))
def test_random_bytes_after_a_formats_first_ones(magic, data):
    sound(magic + data)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_files(kind, data):
    mutated = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 6), "changes")):
        # Headers decide more than pixels do.
        place = data.draw(st.integers(0, min(len(mutated), 120) if data.draw(st.booleans(), "head") else len(mutated)))
        how = data.draw(st.sampled_from(("change", "cut", "insert", "repeat")), "how")
        some = data.draw(st.binary(min_size=1, max_size=8), "bytes")
        if how == "change":
            mutated[place:place + len(some)] = some
        elif how == "cut":
            del mutated[place:place + data.draw(st.integers(1, 200), "length")]
        elif how == "insert":
            mutated[place:place] = some
        else:
            mutated[place:place] = mutated[place:place + 64]
    sound(bytes(mutated))


@pytest.mark.parametrize("kind", WHOLE)
def test_every_one_is_an_image_before_it_is_changed(kind):
    assert decode(WHOLE[kind], LIMITS).reason is None
    sound(WHOLE[kind])
