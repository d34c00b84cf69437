"""uint8 (N, H, W, C) => float [-1, 1] (N, C, H, W), and back: the models' only place where pixels become numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_float(images: Tensor | np.ndarray) -> Tensor:
    """uint8 (N, H, W, C) => float32 (N, C, H, W) in [-1, 1]; 0 becomes -1 and 255 becomes 1."""
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.require(images, requirements=("C", "W")))
    return images.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> Tensor:
    """The inverse of `to_float`: float (N, C, H, W) => uint8 (N, H, W, C); what lies outside [-1, 1] is cut off."""
    levels = images.to(torch.float32).clamp(-1.0, 1.0).add(1.0).mul(127.5).round_()
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
