"""kill -9 at ten points of each stage of the data half: the re-run ends with the bytes of an undisturbed run."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.drills.forking import CALLS, FILES, Mother
from tests.drills.workspace import command, places, tree_of

POINTS = 10
pytestmark = pytest.mark.slow  # 40 kills and as many runs after them


@pytest.mark.parametrize("stage", ["collect", "profile", "clean", "normalize"])
def test_killed_at_any_point_a_stage_ends_as_if_nothing_had_been(stage: str, own: Path, mother: Mother) -> None:
    whole = {place: tree_of(own / place) for place in places(stage)}
    everything = tree_of(own / "data")
    draw = random.Random(f"kill {stage}")
    for number in range(POINTS):
        anew = number >= POINTS // 2
        if number % (POINTS // 2) == 0:
            _begin(own, stage, anew)
            counts = mother.run(own, command(stage)).counts
        kind = (CALLS, FILES)[number % 2]
        point = (kind, draw.randint(1, counts[kind]))
        _begin(own, stage, anew)
        assert mother.run(own, command(stage), kill_at=point).code == -9, point
        for place in places(stage):
            assert not (own / place).exists() or tree_of(own / place) == whole[place], (point, place)
        again = mother.run(own, command(stage))
        assert again.code == 0, (point, again.output)
        assert tree_of(own / "data") == everything, point
        assert not list((own / ".genimg/partial").iterdir()) and not list((own / ".genimg").glob("former/*")), point


def _begin(project: Path, stage: str, anew: bool) -> None:
    """Without memo, and, as dvc does before it runs a stage, without the outputs."""
    shutil.rmtree(project / ".genimg/memo", ignore_errors=True)
    for place in places(stage) if anew else ():
        shutil.rmtree(project / place) if (project / place).is_dir() else (project / place).unlink()
