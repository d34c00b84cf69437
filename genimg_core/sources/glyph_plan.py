"""What the built-in data holds: which letter is in which file, and which files are spoiled on purpose.

Only the drawing and the tests ask; nothing here reaches the pipeline, which sees neutral file names and labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from genimg_core.seeds import generator

DEFECTS = ("truncated", "empty", "text", "flat", "tiny", "exact_copy", "near_copy", "unlabelled")
"""truncated: a PNG cut short; empty: no bytes; text: prose named .png; flat: one grey; tiny: a few pixels wide;
exact_copy: the bytes of another file; near_copy: another file's image, a little brighter or darker; unlabelled: a good
letter without its label."""

LETTER = "letter"
"""The kind of a file that is as it should be."""


@dataclass(frozen=True)
class Slot:
    """One file to be drawn."""

    path: str
    kind: str
    """LETTER or one of DEFECTS."""
    letter: int
    """Index of the class."""
    stream: str
    """Names the random generator of this image: training and reference images never share one."""
    reference: bool
    original: str | None = None
    """The file that this is a copy of."""


def plan_glyphs(*, classes: int, images: int, reference_images: int, seed: int, defect_share: float) -> list[Slot]:
    """Every file, sorted by path.

    Classes are balanced among the training images and among the reference images (a copy bears its original's class).

    Args:
        classes: number of letters of the script.
        images: training images, the spoiled ones among them.
        reference_images: never spoiled.
        seed: of everything.
        defect_share: of `images`; each kind gets an equal part.
    """
    total = images + reference_images
    names = [f"img_{number:06d}.png" for number in generator(seed, "glyphs/names").permutation(total)]
    kinds = _kinds(images, round(images * defect_share))
    originals: dict[int, int] = {}
    letters = [number for number, kind in enumerate(kinds) if kind == LETTER]
    copies = [number for number, kind in enumerate(kinds) if kind in ("exact_copy", "near_copy")]
    for copy, place in zip(copies, generator(seed, "glyphs/originals").permutation(len(letters)), strict=False):
        originals[copy] = letters[place]
    slots = []
    for number in range(total):
        reference = number >= images
        drawn = originals.get(number, number)
        kind = LETTER if reference else kinds[number]
        stream = f"reference/{number - images}" if reference else f"training/{number}"
        letter = (drawn - images if reference else drawn) % classes
        slots.append(Slot(names[number], kind, letter, stream, reference, names[drawn] if drawn != number else None))
    return sorted(slots, key=lambda slot: slot.path)


def _kinds(images: int, defects: int) -> list[str]:
    """The kind of each training image: good ones first, then copies, then the rest.

    Which letter a number stands for is its remainder, so the good ones, which come first, are balanced to one image.
    """
    planted = sorted(
        (DEFECTS[i % len(DEFECTS)] for i in range(defects)), key=lambda kind: (not kind.endswith("copy"), kind)
    )
    return [LETTER] * (images - defects) + planted
