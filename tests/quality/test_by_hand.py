"""What people decided wins over the rules: kept, rejected, forgotten; copies; splits; the gate."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from PIL import Image

from genimg_core.decisions.files import Verdict, text_of
from genimg_core.params import ImageParams
from genimg_core.quality.by_hand import KEPT, REJECTED
from genimg_core.stages.clean import CleanParams, clean
from genimg_core.stages.validate import ValidateParams, validate
from tests.pictures import encoded, photo, run_profile, write_raw

GOOD = {f"good/{i:02d}.png": encoded(photo(i)) for i in range(12)}
FILES = GOOD | {
    "bad/cut.png": encoded(photo(40))[:-400],
    "bad/flat.png": encoded(Image.new("RGB", (40, 40), (9, 200, 30))),
    "copy/pixels.bmp": encoded(photo(4), "BMP"),
    "copy/resaved.jpg": encoded(photo(5).resize((40, 40)), "JPEG", quality=90),
}


def image_id(path: str) -> str:
    return hashlib.sha256(FILES[path]).hexdigest()


@pytest.fixture
def profiled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path / "raw", FILES, labels={"good/05.png": "x", "copy/resaved.jpg": "y"},
              splits={"good/05.png": "train", "copy/resaved.jpg": "test"}, refused={"person.png": "forgotten"})
    run_profile(tmp_path / "raw", tmp_path / "p", ImageParams(size=16))
    return tmp_path


def run(place, verdicts: dict[str, Verdict] | None, settings: CleanParams | None = None):
    name = hashlib.sha256(repr(verdicts).encode()).hexdigest()[:8]
    for folder in (f"c{name}", f"r{name}"):
        (place / folder).mkdir()
    path = None
    if verdicts is not None:
        path = place / "verdicts.jsonl"
        path.write_text(text_of({image_id(key): value for key, value in verdicts.items()}, "verdicts"))
    report = clean(name="base", profile=place / "p", validated=place / "p", clean=place / f"c{name}",
                   report=place / f"r{name}", settings=settings or CleanParams(), verdicts=path)
    report.write(place / f"r{name}", "clean", "base")
    table = pd.read_parquet(place / f"c{name}/clean.parquet").set_index("path")
    assert (table["status"] == "rejected").equals(table["reason"].notna())
    assert report.facts["kept"] + sum(report.facts["rejected"].values()) == report.facts["collected"] == len(table)
    bytes_of = {file.name: file.read_bytes() for folder in (f"c{name}", f"r{name}")
                for file in sorted((place / folder).iterdir())}
    return report, table, bytes_of


def test_no_decision_changes_no_byte(profiled):
    assert run(profiled, None)[2] == run(profiled, {})[2]
    assert "kept_by_hand" not in run(profiled, {"bad/cut.png": Verdict("keep")})[0].facts, "it has no pixels to keep"


def test_rejected_by_hand_with_the_reason_and_its_twin_with_it(profiled):
    report, table, _ = run(profiled, {"good/04.png": Verdict("reject", "a weed")})
    assert table.loc["good/04.png", ["status", "reason", "detail"]].tolist() == ["rejected", REJECTED, "a weed"]
    twin = table.loc["copy/pixels.bmp"]
    assert (twin["reason"], twin["detail"]) == (REJECTED, "the same pixels as good/04.png: a weed")
    assert report.facts["rejected_by_hand"] == report.metrics["rejected_by_hand"] == 2
    assert not report.failed


def test_a_twin_with_a_verdict_of_its_own_and_a_near_copy_take_the_place(profiled):
    _, table, _ = run(profiled, {"good/04.png": Verdict("reject", "a weed"), "copy/pixels.bmp": Verdict("keep"),
                                 "good/05.png": Verdict("reject", "a weed")})
    assert table.loc["copy/pixels.bmp", ["status", "detail"]].tolist() == ["kept", KEPT]
    assert table.loc["copy/resaved.jpg", "status"] == "kept"


def test_restored_from_a_rule_and_from_a_duplicate(profiled):
    report, table, _ = run(profiled, {"bad/flat.png": Verdict("keep", "a colour chart"),
                                      "copy/resaved.jpg": Verdict("keep", "a variant"),
                                      "good/00.png": Verdict("keep", "nice")})
    assert table.loc["bad/flat.png", ["status", "detail"]].tolist() == [
        "kept", f"{KEPT}: a colour chart (by the rules: flat)"]
    assert table.loc["good/00.png", "detail"] == f"{KEPT}: nice"
    copy, original = table.loc["copy/resaved.jpg"], table.loc["good/05.png"]
    assert copy["status"] == original["status"] == "kept" and pd.isna(copy["duplicate_of"])
    assert copy["detail"] == f"{KEPT}: a variant (by the rules: near_duplicate of good/05.png)"
    assert copy["cluster"] == original["cluster"] and copy["split"] == original["split"] == "test"
    assert (copy["label"], original["label"]) == ("y", "x"), "a label of its own stays"
    assert report.facts["kept_by_hand"] == 3 and not report.failed, "two copies that a person keeps pass the gate"


def test_what_has_no_pixels_or_is_forgotten_stays_out(profiled):
    path = profiled / "verdicts.jsonl"
    report, table, _ = run(profiled, {"bad/cut.png": Verdict("keep")})
    assert table.loc["bad/cut.png", "reason"] == "truncated" and table.loc["person.png", "reason"] == "forgotten"
    assert report.metrics["unreadable"] == 1, "what is forgotten is not unreadable"
    assert path.is_file()


def test_forgotten_files_do_not_count_against_the_raw_gate(profiled):
    (profiled / "v").mkdir()
    strict = ValidateParams(max_unreadable_share=1 / 16)  # one of the 16 that are not forgotten
    report = validate(name="base", profile=profiled / "p", validated=profiled / "v/validated.json",
                      report=profiled / "v", settings=strict)
    assert not report.failed
    assert (report.facts["collected"], report.facts["forgotten"], report.facts["unreadable"]) == (
        17, 1, {"truncated": 1})
    tight = ValidateParams(max_unreadable_share=1 / 17)
    assert validate(name="base", profile=profiled / "p", validated=profiled / "v/validated.json",
                    report=profiled / "v", settings=tight).failed
