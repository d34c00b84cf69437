"""`genimg review`: doubtful images out as a page, a CSV and Label Studio tasks; the decisions back in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import DecisionsError, SetupError
from genimg_core.terminal import printable
from genimg_core.verbs.headlines import size

if TYPE_CHECKING:
    from genimg_core.review.doubts import Review

PAGE, TABLE, TASKS, CONFIG = "review.html", "review.csv", "label_studio_tasks.json", "label_studio_config.xml"
SHOWN_OVERRULED = 20
EXAMPLES = """\
examples:
  genimg review export --dataset base --out review
      review.html to click through (a phone will do), review.csv,
      and tasks with their interface for Label Studio
  genimg review import decisions-base.json --dataset base
      what the page downloaded, the filled-in CSV, or Label Studio's JSON

Doubtful are: labels that a check found likely wrong (label: check_labels),
copies with different labels, guessed labels, near-duplicates, whatever a rule
rejected, images that vanish on the background. The decisions stand in
data/datasets/D/decisions/ and win over rules and machine from then on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg review export` and `genimg review import`."""
    parser.epilog = EXAMPLES
    ways = parser.add_subparsers(dest="way", required=True, metavar="export|import")
    out = ways.add_parser("export", help="write the doubtful images into a new folder")
    out.add_argument("--dataset", metavar="D", help="of params.yaml (default: its only one)")
    out.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new or empty folder")
    out.add_argument("--limit", type=int, default=100, metavar="N", help="images of a kind of doubt (default: 100)")
    out.add_argument("--below", type=float, default=0.8, metavar="P",
                     help="guessed labels of less confidence are doubtful (default: 0.8)")
    out.add_argument("--label", action="append", default=[], metavar="L",
                     help="a label to choose from that no image bears yet; may be given again")
    out.add_argument("--all", action="store_true", help="also what is decided already")
    back = ways.add_parser("import", help="take over decisions: all of the file, or nothing if a line is wrong")
    back.add_argument("file", type=Path, metavar="FILE", help="the page's JSON or CSV, review.csv, Label Studio's JSON")
    back.add_argument("--dataset", metavar="D", help="of params.yaml (default: its only one)")
    back.add_argument("--new-labels", action="store_true", help="take labels that no image bears yet")


def main(arguments: argparse.Namespace) -> int:
    """Export or import; exit code 0."""
    from genimg_core.decisions.images import chosen_dataset

    names = chosen_dataset(arguments.dataset)
    if len(names) > 1:
        raise DecisionsError(f"{len(names)} data sets stand in params.yaml", f"say --dataset {' or '.join(names)}")
    return _export(names[0], arguments) if arguments.way == "export" else _import(names[0], arguments)


def _export(dataset: str, arguments: argparse.Namespace) -> int:
    from genimg_core.review.doubts import find_doubts
    from genimg_core.review.page import review_page
    from genimg_core.review.tables import as_csv, as_tasks, labelling_config
    from genimg_core.schema import load_params
    from genimg_core.verbs.new_folder import whole_or_not_at_all

    if arguments.limit < 1:
        raise DecisionsError(f"--limit is {arguments.limit}", "let it be 1 or more")
    params = load_params().datasets[dataset]
    review = find_doubts(dataset, params.clean.min_contrast, limit=arguments.limit, below=arguments.below,
                         again=arguments.all, extra_labels=arguments.label)
    pictures = _pictures(dataset, review, params.profile)
    texts = {PAGE: review_page(review, pictures), TABLE: as_csv(review), TASKS: as_tasks(review, pictures),
             CONFIG: labelling_config(review)}
    try:
        with whole_or_not_at_all(arguments.out, "review export") as draft:
            for name, text in texts.items():
                (draft / name).write_text(text, encoding="utf8")
    except OSError as error:
        raise SetupError(f"{arguments.out} cannot be written ({error.strerror})", "name another folder") from None
    for section in review.sections:
        more = f" of {section.total:,}" if section.total > len(section.images) else ""
        print(f"{len(section.images):>6,}{more}  {printable(section.title)}")
    if not review.sections:
        print("Nothing is doubtful, or everything doubtful is decided already.")
    page = arguments.out / PAGE
    print(f"The page: {page.resolve()} ({size(page.stat().st_size)}). Then: "
          f"genimg review import FILE --dataset {dataset}", flush=True)
    return 0


def _pictures(dataset: str, review: Review, settings: object) -> dict[str, str]:
    """image_id => a small picture, of those that can be shown."""
    from genimg_core.engine import Limits
    from genimg_core.imaging.decode import DecodeLimits
    from genimg_core.review.thumbnails import thumbnails

    places = {image.image_id: image.place for image in review.images if image.place is not None}
    limits = DecodeLimits(settings.max_bytes_mib * 2**20, settings.max_pixels, settings.max_frames)
    made = thumbnails(Path("data/datasets") / dataset / "raw", places.values(), limits,
                      Limits(settings.decode_timeout_s, settings.decode_memory_mib)) if places else []
    return {image_id: picture for image_id, picture in zip(places, made, strict=True) if picture is not None}


def _import(dataset: str, arguments: argparse.Namespace) -> int:
    from genimg_core.decisions.book import changing
    from genimg_core.decisions.images import known_images
    from genimg_core.review.answers import read_answers
    from genimg_core.review.apply import apply_answers

    answers = read_answers(arguments.file, dataset)
    known = known_images(dataset)
    with changing(dataset) as decisions:
        taken = apply_answers(answers, known, decisions, arguments.file, arguments.new_labels)
    if not answers:
        print(f"{printable(str(arguments.file))} decides nothing")
        return 0
    told = [f"{count:,} {what}" for count, what in (
        (taken.kept, "kept"), (taken.rejected, "rejected"), (taken.labelled, "labelled"), (taken.undone, "taken back"),
        (taken.unchanged, "as they were decided before")) if count]
    print(f"{dataset}: {', '.join(told) or 'nothing to take back'}")
    if taken.overruled:
        print("Decided otherwise before (the newer decision wins):")
        for line in taken.overruled[:SHOWN_OVERRULED]:
            print(f"  {printable(line)}")
        if len(taken.overruled) > SHOWN_OVERRULED:
            print(f"  and {len(taken.overruled) - SHOWN_OVERRULED:,} more: git shows them")
    print("`genimg run` brings them into force.", flush=True)
    return 0
