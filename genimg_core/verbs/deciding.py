"""What `genimg restore`, `reject` and `forget` share: naming an image, and saying what was decided."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from genimg_core.errors import DecisionsError
from genimg_core.terminal import printable

if TYPE_CHECKING:
    from genimg_core.decisions.images import KnownImages

SHOWN_PATHS = 3
IN_FORCE = "`genimg run` brings it into force."


def add_image_arguments(parser: argparse.ArgumentParser, why_required: bool) -> None:
    """IMAGE_ID, --dataset and --why."""
    parser.add_argument("image", metavar="IMAGE_ID",
                        help="its sha256, or a beginning of it that no other image has; or its path in the source")
    parser.add_argument("--dataset", metavar="D", help="a data set of params.yaml (default: the one that holds it)")
    parser.add_argument("--why", required=why_required, default="", metavar="TEXT",
                        help="one line; it stands in the data set's files of decisions, and so in git")


def one_image(arguments: argparse.Namespace) -> tuple[KnownImages, str]:
    """The one data set that holds the image, and its image_id.

    Raises:
        DecisionsError: there is none, or there are several.
    """
    from genimg_core.decisions.images import find_image

    found = find_image(arguments.image, arguments.dataset)
    if len(found) > 1:
        raise DecisionsError(f"the data sets {' and '.join(known.dataset for known, _ in found)} hold this image",
                             "say which is meant with --dataset")
    return found[0]


def check_not_forgotten(known: KnownImages, image_id: str) -> None:
    """Refuse to decide about an image that must not be used.

    Raises:
        DecisionsError: with the way back.
    """
    from genimg_core.decisions.files import decisions_file
    from genimg_core.decisions.images import is_forgotten

    if is_forgotten(known.dataset, image_id):
        raise DecisionsError(f"{image_id[:12]}… is forgotten",
                             "if that was a mistake, delete its line in "
                             f"{decisions_file(known.dataset, 'forgotten')}")


def named(known: KnownImages, image_id: str) -> str:
    """`base: 3fa4c1d20b7e… a/b.png`, safe for a terminal."""
    paths = known.paths[image_id]
    more = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
    return printable(f"{known.dataset}: {image_id[:12]}… {', '.join(paths[:SHOWN_PATHS])}{more}")


def copies_told(known: KnownImages, image_id: str, what: str) -> Iterator[str]:
    """Lines about the copies of an image that a decision leaves alone."""
    copies = sorted(known.copies.get(image_id, ()))
    if copies:
        yield f"It has {len(copies)} cop{'ies' if len(copies) > 1 else 'y'} in {known.dataset}, {what}:"
        yield from (f"  {named(known, copy)}" for copy in copies)
