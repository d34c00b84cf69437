"""Augmentation of a discriminator's inputs, real and generated alike, through which the generator's slopes pass.

Karras et al. 2020 (ADA, arXiv:2006.06676), appendix B: each kind of change befalls each image with one probability. As
long as that is under 0.8, the unchanged remain the likeliest, and the generator draws images, not changed ones.

B is the batch size; images are (B, C, H, W) in [-1, 1]. A fourth channel is alpha: it moves with the rest and keeps its
values.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHIFT = 1 / 8
"""Of the side: whole pixels up to it, both ways; and the standard deviation of the shift by parts of pixels."""
ZOOM = 0.2
"""Standard deviation of the binary logarithm of the size."""
BRIGHTER = 0.2
"""Standard deviation of what is added, of pixels in [-1, 1]."""
CONTRAST = 0.5
SATURATION = 1.0
"""Standard deviations of binary logarithms of factors."""
CUT = 1 / 2
"""Side of the square that is cut out, of the image's."""
KINDS = ("flip", "shift_x", "shift_y", "part_x", "part_y", "zoom", "brightness", "contrast", "saturation", "cutout")


class Augmentation:
    """A chance, and what it does to images.

    Args:
        flip: whether a mirrored image is still one of its class.
    """

    def __init__(self, flip: bool) -> None:
        self.flip = flip
        self.strength = 0.0
        """Probability of each kind of change, in [0, 0.8]."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) => the same shape, float32; `generator` lives on the images' device."""
        if not self.strength:
            return images
        with torch.autocast(images.device.type, enabled=False):
            draws = _Draws(len(images), self.strength, generator, images.device)
            return _cut_out(_recoloured(_moved(images.float(), draws, self.flip), draws), draws)


class _Draws:
    """What befalls each image: (B,) each, the neutral value where it does not."""

    def __init__(self, count: int, strength: float, generator: torch.Generator, device: torch.device) -> None:
        self._chosen = torch.rand(len(KINDS), count, generator=generator, device=device) < strength
        self._even = torch.rand(len(KINDS), count, generator=generator, device=device)
        self._normal = torch.randn(len(KINDS), count, generator=generator, device=device)
        self.centres = torch.rand(2, count, generator=generator, device=device)

    def chosen(self, kind: str) -> Tensor:
        """Whom it befalls: bool (B,)."""
        return self._chosen[KINDS.index(kind)]

    def even(self, kind: str) -> Tensor:
        """In [0, 1); 1/2 where nothing happens."""
        return torch.where(self.chosen(kind), self._even[KINDS.index(kind)], 0.5)

    def normal(self, kind: str) -> Tensor:
        """Standard normal; 0 where nothing happens."""
        return torch.where(self.chosen(kind), self._normal[KINDS.index(kind)], 0.0)


def _moved(images: Tensor, draws: _Draws, flip: bool) -> Tensor:
    """Mirrored, shifted, zoomed: a linear map along each axis, so that slopes have one order of summation."""
    height, width = images.shape[2:]
    size = torch.exp2(ZOOM * draws.normal("zoom"))
    mirrored = draws.chosen("flip") & (draws.even("flip") < 0.5) & flip
    across = _axis(width, draws.even("shift_x"), draws.normal("part_x"), size, mirrored)
    down = _axis(height, draws.even("shift_y"), draws.normal("part_y"), size, torch.zeros_like(mirrored))
    return down[:, None] @ images @ across[:, None].mT


def _axis(side: int, whole: Tensor, part: Tensor, size: Tensor, mirrored: Tensor) -> Tensor:
    """(B, side, side): rows are pixels of the result, as mixtures of pixels of the image, which goes on mirrored."""
    places = torch.arange(side, dtype=torch.float32, device=whole.device)
    centre = (side - 1) / 2
    shift = torch.round((2 * whole - 1) * SHIFT * side) + part * SHIFT * side
    turned = torch.where(mirrored, -1.0, 1.0) / size
    at = (places - centre) * turned[:, None] + centre - shift[:, None]
    at = at.remainder(2 * side - 2) if side > 1 else torch.zeros_like(at)
    at = torch.where(at > side - 1, 2 * side - 2 - at, at)
    return torch.relu(1 - (at[:, :, None] - places).abs())


def _recoloured(images: Tensor, draws: _Draws) -> Tensor:
    paint, alpha = images[:, :3], images[:, 3:]
    contrast, saturation = torch.exp2(CONTRAST * draws.normal("contrast")), torch.exp2(
        SATURATION * draws.normal("saturation"))
    paint = paint * _each(contrast) + _each(BRIGHTER * draws.normal("brightness"))
    if paint.shape[1] == 3:
        grey = paint.mean(dim=1, keepdim=True)
        paint = torch.where(_each(draws.chosen("saturation")), grey + (paint - grey) * _each(saturation), paint)
    return torch.cat([paint, alpha], dim=1) if alpha.shape[1] else paint


def _cut_out(images: Tensor, draws: _Draws) -> Tensor:
    """A square becomes 0, which is mid-grey."""
    inside = [((torch.arange(side, device=images.device) + 0.5) / side - centre[:, None]).abs() < CUT / 2
              for side, centre in zip(images.shape[2:], draws.centres, strict=True)]
    square = inside[0][:, :, None] & inside[1][:, None, :] & draws.chosen("cutout")[:, None, None]
    return images.masked_fill(square[:, None], 0.0)


def _each(values: Tensor) -> Tensor:
    """(B,) => (B, 1, 1, 1)."""
    return values[:, None, None, None]
