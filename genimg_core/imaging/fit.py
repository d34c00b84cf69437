"""How an image of any shape becomes a square of the training size."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageColor

REDUCING_GAP = 3
"""A box filter first brings the image down to this many times the target; Lanczos does the rest. Pillow's documentation
calls the result of 3 close to that of Lanczos alone; it costs a tenth on photographs."""


@dataclass(frozen=True)
class ImageForm:
    """What an image is to the models (params.yaml's `image`)."""

    size: int
    """Side in pixels."""
    channels: int
    """1 (grey), 3 (RGB) or 4 (RGBA)."""
    fit: str
    """pad, crop or stretch."""
    background: str
    """`#rrggbb`, under transparency and padding; of 4 channels, under what is wholly transparent."""


def content_size(width: int, height: int, size: int, fit: str) -> tuple[int, int]:
    """Width and height that the whole of the image is brought to: over `size` for crop, under it for pad."""
    if fit == "stretch":
        return size, size
    scale = size / (max(width, height) if fit == "pad" else min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def fit_square(image: Image.Image, size: int, fit: str) -> Image.Image:
    """Bring an RGB or RGBA image to (size, size).

    Args:
        image: RGB or RGBA.
        size: side in pixels.
        fit: `pad` with transparency, `crop` the centre, or `stretch`.

    Returns:
        RGBA if the image was, or if padding shows; else RGB.
    """
    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return _resized(image, (size, size), (left, top, left + side, top + side))
    content = content_size(width, height, size, fit)
    small = _resized(image, content)
    if content == (size, size):
        return small
    square = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    square.paste(small, ((size - content[0]) // 2, (size - content[1]) // 2))
    return square


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, ...] | None = None) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=REDUCING_GAP)


def over(image: Image.Image, background: str) -> Image.Image:
    """RGB: an RGB or RGBA image over a plain colour.

    Args:
        image: RGB or RGBA.
        background: `#rrggbb`.
    """
    if image.mode == "RGB":
        return image
    ground = Image.new("RGB", image.size, ImageColor.getrgb(background))
    ground.paste(image, mask=image)  # the bytes of Image.alpha_composite, in half the time
    return ground


class Grounds:
    """An RGB or RGBA image over plain colours, laid once over each."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._laid: dict[str, Image.Image] = {}

    def over(self, background: str) -> Image.Image:
        """RGB: `over` of the image; not to be changed."""
        if background not in self._laid:
            self._laid[background] = over(self.image, background)
        return self._laid[background]


def to_form(image: Image.Image, form: ImageForm, grounds: Grounds | None = None) -> Image.Image:
    """The image as the models see it: mode L, RGB or RGBA, (size, size).

    RGBA is not premultiplied. Where alpha is 0 the colour is the background's: nobody sees it, so that one colour there
    spares the models a riddle, and what an image hides under its transparency goes no further. Without an alpha channel
    an image is laid over its background first and resized then: one rounding less, and three channels to resize.

    Args:
        image: RGB or RGBA.
        form: size, channels, fit rule and background.
        grounds: of this image, where there are some already.
    """
    if form.channels == 4:
        square = fit_square(image, form.size, form.fit)
        return _one_colour_unseen(square.convert("RGBA"), form.background)
    opaque = (grounds or Grounds(image)).over(form.background)
    flat = over(fit_square(opaque, form.size, form.fit), form.background)
    return flat.convert("L") if form.channels == 1 else flat


def _one_colour_unseen(image: Image.Image, background: str) -> Image.Image:
    seen = image.getchannel("A").point([0] + [255] * 255)
    return Image.composite(image, Image.new("RGBA", image.size, (*ImageColor.getrgb(background), 0)), seen)
