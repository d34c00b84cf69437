import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from genimg_core.errors import CorruptFileError
from genimg_core.metrics.samples import read_samples
from tests.letters import draw_letters
from tests.samples import write_samples


def test_reads_images_and_labels_in_order(tmp_path):
    images, labels = draw_letters("AB", 5, 0, size=16, channels=3)
    write_samples(tmp_path, images, [f"class {label}" for label in labels])
    samples = read_samples(tmp_path)
    assert (samples.images == images).all()
    assert samples.labels == ("class 0", "class 1", "class 0", "class 1", "class 0")
    assert (samples.model, samples.model_sha256) == ("latin", "m" * 64)


def test_grey_images_have_one_channel(tmp_path):
    images, _ = draw_letters("AB", 2, 0, size=16)
    write_samples(tmp_path, images, ["A", "B"])
    assert (read_samples(tmp_path).images == images).all()


def truncate(folder: Path) -> None:
    path = folder / "images/000001.png"
    path.write_bytes(path.read_bytes()[:-40])


def flip_pixels(folder: Path) -> None:
    path = folder / "images/000001.png"
    data = bytearray(path.read_bytes())
    start = data.index(b"IDAT") + 20
    data[start:start + 30] = bytes(30)
    path.write_bytes(bytes(data))


def not_a_png(folder: Path) -> None:
    (folder / "images/000001.png").write_text("hello")


def jpeg(folder: Path) -> None:
    Image.new("L", (16, 16)).save(folder / "images/000001.png", format="JPEG")


def remove(folder: Path) -> None:
    (folder / "images/000001.png").unlink()


def other_size(folder: Path) -> None:
    Image.new("L", (8, 8)).save(folder / "images/000001.png")


def other_model(folder: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("genimg:model_sha256", "x" * 64)
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(folder / "images/000001.png", pnginfo=info)


@pytest.mark.parametrize(("spoil", "said"), [
    (truncate, "no whole PNG"), (flip_pixels, "no whole PNG"), (not_a_png, "no whole PNG"), (jpeg, "no whole PNG"),
    (remove, "it is missing"), (other_size, "8 x 8 pixels of 1 channel, the others are 16 x 16"),
    (other_model, "another model")])
def test_a_spoilt_image_is_named_in_one_line(tmp_path, spoil, said):
    write_samples(tmp_path, draw_letters("AB", 3, 0, size=16)[0], ["A", "B", "A"])
    spoil(tmp_path)
    with pytest.raises(CorruptFileError, match=said) as caught:
        read_samples(tmp_path)
    assert "000001.png" in caught.value.cause
    assert "\n" not in caught.value.cause


def test_a_list_that_does_not_fit_is_refused(tmp_path):
    write_samples(tmp_path, draw_letters("AB", 3, 0, size=16)[0], ["A", "B", "A"])
    table = tmp_path / "samples.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CorruptFileError, match=r"lists 2 images, settings\.json says 3"):
        read_samples(tmp_path)
    (tmp_path / "settings.json").write_text(json.dumps({"model": "latin"}))
    with pytest.raises(CorruptFileError, match="no readable samples"):
        read_samples(tmp_path)
