"""The pictures of an evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from genimg_core.metrics.sheets import QUIZ_IMAGES, QUIZ_TILE_PX, save_quiz


def quiz(path: Path, seed: int, real_classes: int = 3) -> tuple[list[bool], np.ndarray]:
    """Generated images are white and real ones black, but for a grey level that tells the class."""
    labels = np.arange(60) % 3
    real_labels = np.arange(30) % real_classes
    generated = np.broadcast_to((250 - 10 * labels)[:, None, None, None], (60, 8, 8, 1)).astype(np.uint8)
    real = np.broadcast_to((10 * real_labels)[:, None, None, None], (30, 8, 8, 1)).astype(np.uint8)
    told = save_quiz(path, generated, labels, real, real_labels, np.random.default_rng(seed))
    with Image.open(path) as sheet:
        assert sheet.size == (QUIZ_IMAGES * QUIZ_TILE_PX, QUIZ_TILE_PX)
        tiles = np.asarray(sheet.convert("L"))[QUIZ_TILE_PX // 2, QUIZ_TILE_PX // 2::QUIZ_TILE_PX]
    return told, tiles


def test_the_answers_fit_the_tiles_and_half_are_real(tmp_path: Path) -> None:
    told, tiles = quiz(tmp_path / "quiz.png", seed=0)
    assert told == [bool(tile < 128) for tile in tiles]
    assert sum(told) == QUIZ_IMAGES // 2


def test_the_class_gives_nothing_away(tmp_path: Path) -> None:
    told, tiles = quiz(tmp_path / "quiz.png", seed=0, real_classes=2)
    real = sorted(int(tile) // 10 for tile, is_real in zip(tiles, told, strict=True) if is_real)
    drawn = sorted((250 - int(tile)) // 10 for tile, is_real in zip(tiles, told, strict=True) if not is_real)
    assert real == drawn
    assert set(real) <= {0, 1}


def test_another_seed_mixes_otherwise_and_the_same_one_does_not(tmp_path: Path) -> None:
    first, second, other = (quiz(tmp_path / f"{n}.png", seed)[0] for n, seed in enumerate((0, 0, 1)))
    assert first == second
    assert first != other
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
