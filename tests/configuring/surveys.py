"""Surveys as they could have come out, for what is worked out from them; and a measured machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from genimg_core.configuring.machine import Machine
from genimg_core.configuring.speed import Speed, StartTimes
from genimg_core.configuring.subject import Subject
from genimg_core.configuring.survey import Spread, Survey

MACHINE = Machine(cores=2, memory_bytes=8 * 10**9, disk_bytes=50 * 10**9)
STARTS = StartTimes(torch_s=2.0, gate_s=3.0, plain_s=1.0)


def a_survey(dataset: str = "base", usable: int = 1000, **changes: Any) -> Survey:
    """Grey 28 px drawings in two classes, unless changed."""
    side = Spread(28, 28, 28)
    figures: dict[str, Any] = {
        "files": usable, "bytes": 1000 * usable, "distinct": usable, "looked_at": usable, "short_side_px": side,
        "long_side_px": side, "aspect": Spread(1, 1, 1), "modes": {"L": usable}, "formats": {"png": usable},
        "grey_share": 1.0, "alpha_share": 0.0, "animated_share": 0.0, "jpeg_share": 0.0, "vanishing_share": 0.0,
        "rejected": {}, "unreadable_share": 0.0, "classes": {"a": usable // 2, "b": usable - usable // 2},
        "unlabelled": 0, "splits": {}, "usable": usable, "decoded_per_s": 1000.0,
        "pixels": np.zeros((0, 32, 32, 3), np.uint8)}
    return Survey(dataset=dataset, **figures | changes)


PHOTOS = {"short_side_px": Spread(200, 240, 300), "long_side_px": Spread(240, 320, 500), "aspect": Spread(1, 1.4, 2),
          "grey_share": 0.0, "jpeg_share": 1.0}


def a_subject(dataset: str = "base", usable: int = 1000, **changes: Any) -> Subject:
    """Of a folder of that name."""
    return Subject(a_survey(dataset, usable, **changes), {"kind": "folder", "path": f"in/{dataset}"}, f"m_{dataset}")


def speed_at(rate: float, device: str = "cpu", bf16: float = 0.5, share: float = 1.0) -> Any:
    """A machine that shows 32 px at `rate` images/s, and slows down with the pixels."""

    def measured(size: int, channels: int, classes: int) -> Speed:
        here = rate * 32**2 / size**2
        return Speed(size, channels, device, 64 if device == "cpu" else 256, "bf16" if bf16 > 1.15 else "fp32",
                     {"fp32": here, "bf16": here * bf16}, here / 10, 1000.0, share)

    return measured
