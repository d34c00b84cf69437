"""`genimg restore`: an image that a rule or a person rejected, back into the data set for good."""

from __future__ import annotations

import argparse

from genimg_core.errors import DecisionsError

EXAMPLES = """\
examples:
  genimg restore 3fa4c1
  genimg restore skies/black.jpg --why "night skies are wanted"

The image is kept whatever the rules say, also as a copy of another one: both
are then in the same split. `genimg decisions --undo` leaves it to the rules."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg restore`."""
    from genimg_core.verbs.deciding import add_image_arguments

    parser.epilog = EXAMPLES
    add_image_arguments(parser, why_required=False)


def main(arguments: argparse.Namespace) -> int:
    """Restore; exit code 0."""
    from genimg_core.decisions.book import changing
    from genimg_core.decisions.files import Verdict
    from genimg_core.verbs.deciding import IN_FORCE, check_not_forgotten, named, one_image

    known, image_id = one_image(arguments)
    check_not_forgotten(known, image_id)
    if known.status and image_id in known.status and image_id not in known.pixels:
        raise DecisionsError(f"{image_id[:12]}… gave no pixels ({known.status[image_id][1]}): it cannot be kept",
                             f"mend the file, or loosen the limits under datasets.{known.dataset}.profile")
    with changing(known.dataset) as decisions:
        earlier = decisions.decide(image_id, Verdict("keep", arguments.why))
    status, reason = known.status.get(image_id, ("", ""))
    told = f" (it is rejected now: {reason})" if status == "rejected" else " (it is kept already)" if status else ""
    print(f"restored  {named(known, image_id)}{told}")
    if earlier is not None:
        print(f"It was to be {earlier.told} by hand before: the newer decision wins.")
    print(IN_FORCE, flush=True)
    return 0
