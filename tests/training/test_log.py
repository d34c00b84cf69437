"""The log on disk and its curve."""

import json

from PIL import Image

from genimg_core.training.log import draw_losses, write_log

LOG = [{"seen_images": 100 * k, "learning_rate": 0.1, "loss": 1 / k, "network/velocity": 1 / k} for k in range(1, 6)]


def test_one_object_per_line(tmp_path):
    write_log(tmp_path / "log.jsonl", LOG)
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == LOG


def test_the_curve_is_a_picture_without_times_and_the_same_each_time(tmp_path):
    for name in ("a.png", "b.png"):
        draw_losses(tmp_path / name, LOG)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert "Software" not in picture.info and "date" not in str(picture.info).lower()
        assert len(picture.convert("RGB").getcolors(100_000)) > 10


def test_a_part_that_came_in_later_is_drawn_from_there(tmp_path):
    draw_losses(tmp_path / "a.png", [*LOG[:-1], LOG[-1] | {"network/penalty": 0.5}])
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_curve_of_one_line(tmp_path):
    draw_losses(tmp_path / "a.png", LOG[:1])
    assert (tmp_path / "a.png").stat().st_size > 1000
