"""`genimg sample`: draw images from a trained model into a new folder."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.safe_cells import safe_cell
from genimg_core.safe_names import safe_name
from genimg_core.verbs.new_folder import check_free, whole_or_not_at_all

if TYPE_CHECKING:
    from genimg_core.sampling import Drawing

EXAMPLES = """\
examples:
  genimg sample --model latin --out letters
      16 images of all classes
  genimg sample --model latin --class A --class B -n 100 --seed 1 --out ab
      100 images of two classes
  genimg sample --model latin -n 100 --first-index 100 --out more
      the next hundred
  genimg trace ab/A-000000.png
      where an image comes from

Image i of a seed is the same whatever -n is, and the same that `genimg run`
drew under that seed, with the same steps and guidance."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg sample`."""
    parser.epilog = EXAMPLES
    parser.add_argument("--model", required=True, metavar="M", help="a model of data/models, or a model's folder")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR",
                        help="a new or empty folder: PNGs such as A-000000.png, samples.csv, grid.png")
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="C",
                        help="a class; may be given again (default: all, in proportion to what the model learned from)")
    parser.add_argument("-n", type=int, default=16, metavar="N", help="images (default: 16)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other images (default: 0)")
    parser.add_argument("--first-index", type=int, default=0, metavar="I", help="index of the first (default: 0)")
    parser.add_argument("--steps", type=int, metavar="K", help="of the sampler: more is finer and slower")
    parser.add_argument("--guidance", type=float, metavar="G",
                        help="classifier-free: 1 is none, more is clearer and less varied")
    parser.add_argument("--solver", choices=("euler", "midpoint", "heun"), default="heun",
                        help="of a flow: euler evaluates the network once a step, the others twice (default: heun)")
    parser.add_argument("--grid", action=argparse.BooleanOptionalAction, default=True,
                        help="grid.png, a row for each class (default: yes)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto",
                        help="auto is the GPU where there is one (default)")


def main(arguments: argparse.Namespace) -> int:
    """Draw; exit code 0, 2 (an error), or 130 (interrupted: nothing was written)."""
    check_free(arguments.out, "sample")
    from genimg_core.progress import heartbeat

    try:
        from genimg_core.sampling import load

        with heartbeat("genimg sample"), whole_or_not_at_all(arguments.out, "sample") as draft:
            model = load(arguments.model, arguments.device)
            drawing = model.draw(arguments.classes, arguments.n, arguments.seed, arguments.first_index,
                                 arguments.steps, arguments.guidance, arguments.solver)
            write(draft, drawing, arguments.grid)
    except KeyboardInterrupt:
        print(f"genimg: interrupted; nothing was written to {arguments.out}. The same command starts again.",
              file=sys.stderr, flush=True)
        return 130
    known = drawing.settings
    count = f"{len(drawing.images):,} image{'s' if len(drawing.images) != 1 else ''}"
    print(f"{arguments.out}: {count} by {known.model} (version {known.sha256[:12]}), seed {drawing.seed}, "
          f"steps {drawing.steps}, guidance {drawing.guidance:g}")
    return 0


def write(folder: Path, drawing: Drawing, grid: bool) -> None:
    """PNGs named by class and index, samples.csv, and grid.png if asked for.

    Args:
        folder: exists.
        drawing: what to write.
        grid: whether to write grid.png.
    """
    from genimg_core.models.samples import class_grid
    from genimg_core.progress import progress
    from genimg_core.reports.pictures import as_image, save_png

    classes = drawing.settings.classes
    with ((folder / "samples.csv").open("w", encoding="utf8", newline="") as stream,
          progress("writing samples", len(drawing.images)) as advance):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("index", "file", "label", "seed"))
        for place, (image, label) in enumerate(zip(drawing.images, drawing.labels.tolist(), strict=True)):
            index = drawing.first_index + place
            name = f"{safe_name(classes[label])}-{index:06d}.png"
            save_png(as_image(image), folder / name, drawing.texts(place))
            table.writerow([safe_cell(cell) for cell in (index, name, classes[label], drawing.seed)])
            advance(1)
    if grid:
        save_png(class_grid(drawing.images, drawing.labels, classes), folder / "grid.png")
