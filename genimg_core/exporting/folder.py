"""A plain folder: `split/class/<image_id>.png`, as torchvision's ImageFolder and most other programs read it.

metadata.csv has a row for each image; its first column, `file_name`, is the path. dataset.json tells which folder is
which class: a label that is no safe name has another one.
"""

from __future__ import annotations

import csv
from pathlib import Path

from genimg_core.exporting.records import TOLD, Export
from genimg_core.progress import progress
from genimg_core.safe_cells import safe_cell
from genimg_core.safe_names import distinct_names
from genimg_core.stages.contract import write_json


def write_folder(out: Path, export: Export) -> str:
    """Write every image, metadata.csv and dataset.json.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.

    Args:
        out: exists, and is empty.
        export: what to write.

    Returns:
        What was written, in words.
    """
    folders = distinct_names(export.settings.classes)
    columns = (*TOLD, "split", "class_index", *export.extra)
    with ((out / "metadata.csv").open("w", encoding="utf8", newline="") as stream,
          progress("exporting", export.count) as advance):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([safe_cell(name) for name in ("file_name", *columns)])
        for split in export.splits:
            for record in export.records(split):
                place = Path(split) / folders[export.settings.classes[record.class_index]]
                (out / place).mkdir(parents=True, exist_ok=True)
                file = place / f"{record.image_id}.png"
                (out / file).write_bytes(export.png(record))
                table.writerow([safe_cell(value) for value in (file.as_posix(), *(record.known[c] for c in columns))])
                advance(1)
    write_json(out / "dataset.json", export.description() | {
        "format": "folder", "class_folders": [folders[name] for name in export.settings.classes]})
    told = f"{len(folders):,} class folder{'s' if len(folders) != 1 else ''}"
    gaps = any(not count for split in export.splits for count in export.settings.class_counts[split])
    return told + ("; a split lacks a class, so that programs which number the folders themselves number the splits "
                   "differently: class_index in metadata.csv does not" if gaps else "")
