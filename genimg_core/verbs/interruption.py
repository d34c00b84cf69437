"""What is left of an interrupted run, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genimg_core.stages.runner import STATE
from genimg_core.verbs.headlines import seconds

if TYPE_CHECKING:
    from genimg_core.verbs.story import Story


def told_of_interruption(story: Story, restored: bool, targets: Sequence[str]) -> str:
    """What was finished, what was cut short, and how to go on.

    Args:
        story: of the run, as far as it came.
        restored: whether the outputs of the stage that was cut short are what they were before.
        targets: the run was for.
    """
    lines = ["genimg: interrupted"]
    finished = list(story.seconds)
    lines.append(f"  finished: {', '.join(finished) if finished else 'no stage in this run'}")
    if story.running is not None:
        at = story.running
        work = f", {story.work[-1].what}: {story.work[-1].done:,} of {story.work[-1].total:,}" if story.work else ""
        outputs = "its earlier outputs are back in place" if restored else "`dvc checkout` brings its outputs back"
        lines.append(f"  cut short: {at.name}, after {seconds(story.spent)}{work}; {outputs}")
        lines.append(f"  next time: {at.name} {going_on(at.name)}")
    lines.append(f"  go on with: {shlex.join(['genimg', 'run', *targets])}")
    return "\n".join(lines)


def snapshot_at(stage: str) -> int | None:
    """Images seen at the latest snapshot of an interrupted training.

    Args:
        stage: an instance, `pretrain@latin`.

    Returns:
        None if there is no snapshot.
    """
    folder = STATE / "resume" / stage.replace("@", "-")
    return max((int(path.name) for path in folder.glob("*/*") if path.name.isdigit()), default=None)


def going_on(stage: str) -> str:
    """`starts it again`, or from where it goes on."""
    if any((STATE / "trials" / stage.replace("@", "-")).glob("*/result.json")):
        return "goes on; the trials that ended stand"
    seen = snapshot_at(stage)
    return "starts it again" if seen is None else f"goes on from its last snapshot, at {seen:,} images seen"
