"""What `genimg review export` writes beside the page, and what it refuses."""

from __future__ import annotations

import base64
import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from genimg_core.cli import main
from genimg_core.decisions.book import read_decisions
from genimg_core.decisions.files import Verdict
from genimg_core.imaging.decode import DecodeLimits
from genimg_core.review.doubts import Review
from genimg_core.review.page import MOST_OPTIONS, review_page
from genimg_core.review.tables import CSV_COLUMNS, labelling_config
from genimg_core.review.thumbnails import SIDE_PX, thumbnail
from tests.pictures import encoded, photo
from tests.review.project import EVIL_LABEL, FILES, FORMULA, image_id


@pytest.fixture
def out(place):
    assert main(["review", "export", "--dataset", "base", "--out", "out"]) == 0
    return place / "out"


def test_the_csv_goes_out_safely_and_comes_back_filled_in(out, capsys):
    text = (out / "review.csv").read_text(encoding="utf8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == CSV_COLUMNS and len({row["image_id"] for row in rows}) == len(rows)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    formula = next(row for row in rows if row["image_id"] == image_id(FORMULA))
    assert formula["path"] == "'" + FORMULA
    formula |= {"decision": "keep", "new_label": "'-tulip", "why": "'=wanted()"}
    with (out / "review.csv").open("w", encoding="utf8", newline="") as stream:
        table = csv.DictWriter(stream, CSV_COLUMNS)
        table.writeheader()
        table.writerows(rows)
    assert main(["review", "import", str(out / "review.csv"), "--dataset", "base"]) == 0
    assert "1 kept, 1 labelled" in capsys.readouterr().out
    found = read_decisions("base")
    assert found.verdicts == {image_id(FORMULA): Verdict("keep", "=wanted()")}
    assert found.labels[image_id(FORMULA)].label == "-tulip"


def test_label_studio_s_tasks_come_back(out):
    config = ET.fromstring((out / "label_studio_config.xml").read_text(encoding="utf8"))
    values = {tag.get("name"): [choice.get("value") for choice in tag] for tag in config.iter("Choices")}
    assert values == {"decision": ["keep", "reject"], "new_label": ["-tulip", EVIL_LABEL, "rose"]}
    tasks = json.loads((out / "label_studio_tasks.json").read_text(encoding="utf8"))
    assert all(task["data"]["image"].startswith("data:image/") for task in tasks)
    assert image_id("cut.png") not in {task["data"]["image_id"] for task in tasks}
    for task in tasks:  # a person agrees with every guess
        if "predictions" in task:
            assert task["predictions"][0]["result"][0]["value"]["choices"][0] in values["new_label"]
            task["annotations"] = [{"result": task["predictions"][0]["result"], "updated_at": "2026-01-01"}]
    (out / "back.json").write_text(json.dumps(tasks), encoding="utf8")
    assert main(["review", "import", str(out / "back.json")]) == 0
    found = read_decisions("base").labels
    assert found[image_id("big.jpg")].label == "rose" and len(found) > 5


def test_nothing_is_overwritten_and_equal_exports_are_equal(out, capsys):
    assert main(["review", "export", "--out", "out"]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["review", "export", "--out", "again"]) == 0
    for file in out.iterdir():
        assert file.read_bytes() == (out.parent / "again" / file.name).read_bytes(), file.name


def test_an_import_with_one_bad_line_takes_nothing(out, capsys):
    good, bad = image_id("good/00.png"), "0" * 64
    (out / "a.csv").write_text(f"image_id,decision\n{good},reject\n{bad},reject\n")
    assert main(["review", "import", str(out / "a.csv")]) == 2
    told = capsys.readouterr().err
    assert "a.csv, line 3: no image of base" in told and "nothing of the file was taken over" in told
    assert read_decisions("base").images() == []


def test_bad_arguments(place, capsys):
    for words, told in ((["export", "--out", "o", "--dataset", "bose"], "did you mean 'base'?"),
                        (["export", "--out", "o", "--limit", "0"], "--limit is 0"),
                        (["import", "nowhere"], "cannot be read")):
        assert main(["review", *words]) == 2
        assert told in capsys.readouterr().err and not (place / "o").exists()


def test_a_thumbnail_is_small_upright_and_bare():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    data = encoded(photo(1, 900, 500), "JPEG", exif=exif)
    uri = thumbnail(data, DecodeLimits())
    small = base64.b64decode(uri.partition(",")[2])
    image = Image.open(io.BytesIO(small))
    assert uri.startswith("data:image/jpeg;") and max(image.size) == SIDE_PX and image.height > image.width
    assert b"secret" not in small and not image.getexif() and len(small) < 20_000
    pixels = Image.open(io.BytesIO(base64.b64decode(thumbnail(FILES["good/00.png"], DecodeLimits()).partition(",")[2])))
    assert pixels.format == "PNG" and pixels.tobytes() == photo(0).tobytes()
    assert thumbnail(FILES["cut.png"], DecodeLimits()) is None


def test_no_doubts_and_very_many_labels():
    empty = Review("base", (), (), ())
    assert "Nothing is doubtful" in review_page(empty, {}) and labelling_config(empty).count("<Choices") == 1
    many = Review("base", tuple(f"class {i}" for i in range(MOST_OPTIONS + 1)), (), ())
    assert '<datalist id="labels">' in review_page(many, {})
