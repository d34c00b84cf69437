"""`genimg export`: a normalized data set as WebDataset shards or as a plain folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from genimg_core.errors import SourceError
from genimg_core.verbs.new_folder import check_free, whole_or_not_at_all

EXAMPLES = """\
examples:
  genimg export --dataset base --format folder --out letters
      letters/train/A/….png: what torchvision's ImageFolder reads
  genimg export --dataset base --format webdataset --out shards
      shards/train-000000.tar …, each image with its class and a JSON
  genimg export --dataset base --format folder --split test --out judged
      one split only

The images are those that the models learn from: cleaned, at training size,
without EXIF. The same data set gives the same bytes."""

DATASETS = Path("data/datasets")
FORMATS = ("webdataset", "folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg export`."""
    parser.epilog = EXAMPLES
    parser.add_argument("--dataset", required=True, metavar="D", help="an entry of datasets in params.yaml")
    parser.add_argument("--format", required=True, choices=FORMATS, help="tar shards, or files in folders")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--split", action="append", choices=("train", "validation", "test"), default=[],
                        help="only this; may be given again (default: all)")
    parser.add_argument("--shard-mb", type=_megabytes, default=256, metavar="N",
                        help="megabytes of a shard at the most (default: 256)")


def main(arguments: argparse.Namespace) -> int:
    """Write; exit code 0, 2 (an error), or 130 (interrupted: nothing was written)."""
    check_free(arguments.out, "export")
    folder = dataset_folder(arguments.dataset)
    from genimg_core.progress import heartbeat

    try:
        with heartbeat("genimg export"), whole_or_not_at_all(arguments.out, "export") as draft:
            from genimg_core.exporting.records import Export
            from genimg_core.store.arrays import SPLITS

            export = Export(folder, tuple(split for split in SPLITS if split in (arguments.split or SPLITS)))
            if arguments.format == "webdataset":
                from genimg_core.exporting.webdataset import MEGABYTE, write_webdataset

                told = write_webdataset(draft, export, arguments.shard_mb * MEGABYTE)
            else:
                from genimg_core.exporting.folder import write_folder

                told = write_folder(draft, export)
    except KeyboardInterrupt:
        print(f"genimg: interrupted; nothing was written to {arguments.out}. The same command starts again.",
              file=sys.stderr, flush=True)
        return 130
    count = f"{export.count:,} image{'s' if export.count != 1 else ''}"
    print(f"{arguments.out}: {count} of {export.settings.dataset} (version {export.settings.sha256[:12]}), {told}")
    return 0


def dataset_folder(name: str) -> Path:
    """`data/datasets/<name>`, if a normalized data set is there.

    Raises:
        ParamsError: no name of a data set.
        SourceError: none there; names those that are.
    """
    from genimg_core import params

    params.parse(params.Name, name, "")
    folder = DATASETS / name
    if not (folder / "normalized/settings.json").is_file():
        known = sorted(path.parent.parent.name for path in DATASETS.glob("*/normalized/settings.json"))
        raise SourceError(f"there is no normalized data set '{name}' here",
                          f"run `genimg run normalize@{name}` in the project; {params.nearest(name, known)}")
    return folder


def _megabytes(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError("from 1 to 1000000")
    return value
