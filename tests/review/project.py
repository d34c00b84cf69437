"""A data set after its last run, small and made by the stages' own functions, in a folder of a test's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from genimg_core.decisions.files import ensure_files
from genimg_core.params import ImageParams
from genimg_core.stages.clean import CleanParams, clean
from genimg_core.store.manifest import LABELS_COLUMNS, read_table, write_table
from tests.pictures import encoded, photo, run_profile, write_raw

EVIL = "<img src=x onerror=document.title='run'>.png"
FORMULA = "=cmd()|'calc'!A1.png"
EVIL_LABEL = "</script><script>document.title='run'</script>"
SHEER = Image.merge("RGBA", [*Image.new("RGB", (48, 48), "white").split(), photo(77).convert("L")])
FILES = {f"good/{i:02d}.png": encoded(photo(i)) for i in range(12)} | {
    "big.jpg": encoded(photo(60, 900, 500), "JPEG"),
    "cut.png": encoded(photo(40))[:-400],
    "sheer.png": encoded(SHEER),
    "twin.bmp": encoded(photo(4), "BMP"),
    "resaved.jpg": encoded(photo(5).resize((40, 40)), "JPEG", quality=90),
    "again/same.png": encoded(photo(6)),
    EVIL: encoded(Image.new("RGB", (40, 40), (9, 200, 30))),
    FORMULA: encoded(Image.new("RGB", (40, 40), (200, 9, 30))),
}
LABELS = {"good/06.png": "rose", "again/same.png": EVIL_LABEL, "good/00.png": "rose", "good/01.png": "-tulip"}
PARAMS = {
    "seed": 0, "threads": 1, "image": {"size": 16, "channels": 3},
    "datasets": {"base": {"source": {"kind": "folder", "path": "pictures"}, "profile": {}, "validate": {}, "clean": {},
                          "label": {}, "normalize": {}}},
    "pretrain": {"m": {"dataset": "base"}}, "finetune": {}, "generate": {"m": {"dataset": "base"}},
    "extractor": {"dataset": "base"}, "evaluate": {}}


def image_id(path: str) -> str:
    return hashlib.sha256(FILES[path]).hexdigest()


def make_dataset(root: Path) -> None:
    """raw, profile, clean and labels of the data set base; a guess for what has no label."""
    with (root / "params.yaml").open("w", encoding="utf8") as stream:
        YAML(typ="safe").dump(PARAMS, stream)
    folder, reports = root / "data/datasets/base", root / "data/reports/clean-base"
    write_raw(folder / "raw", FILES, labels=LABELS, refused={"person.png": "forgotten"})
    run_profile(folder / "raw", folder / "profile", ImageParams(size=16))
    for part in (folder / "clean", folder / "labels", reports):
        part.mkdir(parents=True)
    clean(name="base", profile=folder / "profile", validated=folder, clean=folder / "clean", report=reports,
          settings=CleanParams()).write(reports, "clean", "base")
    write_table(_guessed(read_table(folder / "clean/clean.parquet")), folder / "labels/labels.parquet")
    ensure_files("base", root)


def _guessed(table: pd.DataFrame) -> pd.DataFrame:
    """As the label stage leaves it: a confidence for each kept image, one of them refused."""
    table = table.astype({name: object for name in ("label", "reason", "detail", "status")})
    kept = table["status"] == "kept"
    table["label_source"] = None
    table["label_confidence"] = float("nan")
    for place, row in enumerate(table.index[kept]):
        if isinstance(table.loc[row, "label"], str):
            table.loc[row, ["label_source", "label_confidence"]] = ["given", 1.0]
        elif table.loc[row, "path"] == "big.jpg":
            table.loc[row, ["status", "reason", "detail"]] = ["rejected", "label_uncertain", "rose at 0.31"]
        else:
            table.loc[row, ["label", "label_source", "label_confidence"]] = ["rose", "predicted", 0.55 + place / 40]
    table.loc[table["status"] == "rejected", "label"] = None
    return table[list(LABELS_COLUMNS)]
