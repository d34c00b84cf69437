"""`genimg forget`: an image leaves every future data set; and which versions and models had used it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.terminal import printable

if TYPE_CHECKING:
    from genimg_core.decisions.images import KnownImages
    from genimg_core.tracing.usage import Usage

EXAMPLES = """\
examples:
  genimg forget 3fa4c1 --why "asked for on 2 May, case 17"
  genimg forget faces/ann.jpg --why "case 17" --copies
  genimg forget 3fa4c1 --dry-run

The image keeps its row in the listing, with the reason forgotten, and nothing
of it is stored in later versions: not in raw shards, not in arrays. Without
--dataset this holds for every data set that has it. What had used it is looked
up here, in git's history of dvc.lock and in DVC's run cache."""

AFTERWARDS = """\
Next: `genimg run` makes the data sets, and the models that learn from them,
without it. The versions above still hold it: when the run is done,
`dvc gc --workspace` deletes them from this machine's cache (all old versions,
of everything), `dvc gc --workspace --cloud` from the remote. The file in the
source is yours to delete; while it lies there, it is listed and not read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg forget`."""
    from genimg_core.verbs.deciding import add_image_arguments

    parser.epilog = EXAMPLES
    add_image_arguments(parser, why_required=False)
    parser.add_argument("--copies", action="store_true",
                        help="also its copies and near-copies, as the clean stage found them")
    parser.add_argument("--dry-run", action="store_true", help="only say what had used it")


def main(arguments: argparse.Namespace) -> int:
    """Forget; exit code 0."""
    from genimg_core.decisions.book import changing
    from genimg_core.decisions.images import find_image
    from genimg_core.errors import DecisionsError
    from genimg_core.store.memo import forget_image
    from genimg_core.tracing.usage import usage_of
    from genimg_core.verbs.deciding import copies_told, named

    if not arguments.why and not arguments.dry_run:
        raise DecisionsError("no reason is given", "add --why TEXT: later nobody would know")
    found = find_image(arguments.image, arguments.dataset)
    chosen: set[str] = set()
    for known, image_id in found:
        wanted = {image_id, *(known.copies.get(image_id, ()) if arguments.copies else ())}
        chosen |= wanted
        if not arguments.dry_run:
            with changing(known.dataset) as decisions:
                for one in sorted(wanted):
                    decisions.forget(one, arguments.why)
        for one in sorted(wanted):
            print(f"{'would be forgotten' if arguments.dry_run else 'forgotten'}  {named(known, one)}")
        if not arguments.copies:
            for line in copies_told(known, image_id, "which are NOT forgotten (--copies forgets them too)"):
                print(line)
    for one in sorted(chosen):
        if not arguments.dry_run:
            forget_image(one)
            for line in _removed(one, [known.dataset for known, _ in found]):
                print(printable(line))
        for line in _used(one, usage_of(Path.cwd(), one), found):
            print(printable(line))
    print(AFTERWARDS, flush=True)
    return 0


def _used(image_id: str, usage: Usage, found: Iterable[tuple[KnownImages, str]]) -> Iterator[str]:
    """What is known of its use, in lines."""
    yield f"What had used {image_id[:12]}…:"
    for use in usage.datasets:
        yield f"  data set {use.dataset}, version {use.sha256[:12]}: to {', '.join(map(_SPLIT.get, use.splits))}" \
              f" ({use.found})"
    for use in usage.models:
        verb = "learned from it" if use.learned else "did not learn from it; it was held out"
        yield f"  model {use.model}, version {use.sha256[:12]}: {verb}, through {use.through} ({use.found})"
    if not usage.datasets:
        yield "  no version of a normalized data set that is kept here"
    for place in usage.unreadable:
        yield f"  not known: {place} cannot be looked into here (`dvc fetch --all-commits` may bring it)"


def _removed(image_id: str, datasets: Iterable[str]) -> Iterator[str]:
    """Remove what `.genimg` keeps of it, in lines."""
    from genimg_core.decisions.stored import drop_file, drop_pictures, used_by
    from genimg_core.verbs.headlines import size

    if others := used_by(image_id):
        yield f"kept  its downloaded file, if there is one: {' and '.join(others)} still holds the image"
    elif dropped := drop_file(image_id):
        yield f"removed  its downloaded file from .genimg/store ({size(dropped)}), for all URLs that lead to it"
    for dataset in datasets:
        yield from (f"removed  {folder}, whose pictures might show it" for folder in drop_pictures(dataset))


_SPLIT = {"train": "train on", "validation": "validate with", "test": "score with"}
