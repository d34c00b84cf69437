"""`genimg reject`: an image that no rule finds, out of the data set for good."""

from __future__ import annotations

import argparse

EXAMPLES = """\
examples:
  genimg reject 3fa4c1 --why "a watermark"
  genimg reject roses/17.jpg --why "a tulip" --dataset base

The image keeps its row, with the reason rejected_by_hand. So do files with
exactly the same pixels. A near-copy of it may take its place: that is said.
`genimg restore` takes it back, `genimg decisions --undo` leaves it to the rules."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg reject`."""
    from genimg_core.verbs.deciding import add_image_arguments

    parser.epilog = EXAMPLES
    add_image_arguments(parser, why_required=True)


def main(arguments: argparse.Namespace) -> int:
    """Reject; exit code 0."""
    from genimg_core.decisions.book import changing
    from genimg_core.decisions.files import Verdict
    from genimg_core.verbs.deciding import IN_FORCE, check_not_forgotten, copies_told, named, one_image

    known, image_id = one_image(arguments)
    check_not_forgotten(known, image_id)
    with changing(known.dataset) as decisions:
        earlier = decisions.decide(image_id, Verdict("reject", arguments.why))
    print(f"rejected  {named(known, image_id)}")
    if earlier is not None:
        print(f"It was to be {earlier.told} by hand before: the newer decision wins.")
    for line in copies_told(known, image_id, "which this does not reject unless their pixels are the same"):
        print(line)
    print(IN_FORCE, flush=True)
    return 0
