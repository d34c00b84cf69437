"""Every image is kept or rejected with a reason; duplicates; the clean gate."""

import pandas as pd
import pytest
from PIL import Image

from genimg_core.cli import main
from genimg_core.errors import EmptyDatasetError
from genimg_core.params import ImageParams
from genimg_core.sources.glyphs import GlyphsParams, planted_defects
from genimg_core.stages.clean import CHECKS, CleanParams, clean
from tests.pictures import encoded, photo, run_profile, write_raw

GOOD = {f"good/{i:02d}.png": encoded(photo(i)) for i in range(12)}
BAD = {
    "bad/cut.png": encoded(photo(40))[:-400],
    "bad/flat.png": encoded(Image.new("RGB", (40, 40), (9, 200, 30))),
    "bad/clear.png": encoded(Image.new("RGBA", (40, 40), (9, 200, 30, 0))),
    "bad/tiny.png": encoded(photo(41, 7, 30)),
    "bad/strip.png": encoded(photo(42, 300, 30)),
    "good/exact.png": GOOD["good/03.png"],
    "good/pixels.bmp": encoded(photo(4), "BMP"),
    "good/resaved.jpg": encoded(photo(5).resize((40, 40)), "JPEG", quality=90),
}
REASONS = {
    "bad/cut.png": "truncated",
    "bad/flat.png": "flat",
    "bad/clear.png": "flat",
    "bad/tiny.png": "too_small",
    "bad/strip.png": "odd_shape",
    "good/exact.png": "exact_duplicate",
    "good/pixels.bmp": "exact_duplicate",
    "good/resaved.jpg": "near_duplicate",
}


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(tmp_path, files, settings=None, **manifest):
    write_raw(tmp_path / "raw", files, **manifest)
    run_profile(tmp_path / "raw", tmp_path / "p", ImageParams(size=16))
    (tmp_path / "c").mkdir()
    (tmp_path / "r").mkdir()
    report = clean(
        name="base",
        profile=tmp_path / "p",
        validated=tmp_path / "p",
        clean=tmp_path / "c",
        report=tmp_path / "r",
        settings=settings or CleanParams(),
    )
    return report, pd.read_parquet(tmp_path / "c" / "clean.parquet").set_index("path")


def test_each_defect_is_found_and_nothing_else(tmp_path):
    report, table = run(tmp_path, GOOD | BAD, CleanParams(min_sharpness=3))
    assert table["reason"].dropna().to_dict() == REASONS
    assert table["warnings"].isna().all()
    assert (table["status"] == "rejected").equals(table["reason"].notna())
    assert table["duplicate_of"].dropna().to_dict() == {
        "good/exact.png": "good/03.png",
        "good/pixels.bmp": "good/04.png",
        "good/resaved.jpg": "good/05.png",
    }
    assert table.loc["good/resaved.jpg", "cluster"] == table.loc["good/05.png", "cluster"]
    assert table.loc["good/05.png", "cluster"] == min(table.loc[["good/05.png", "good/resaved.jpg"], "image_id"])
    assert table.loc["good/00.png", "cluster"] == table.loc["good/00.png", "image_id"]
    counts = pd.Series(REASONS).value_counts().to_dict()
    assert {key: report.facts[key] for key in ("collected", "kept", "rejected")} == {
        "collected": 20,
        "kept": 12,
        "rejected": counts,
    }
    assert not report.failed
    assert [check.name for check in report.checks] == [name for name, _, _ in CHECKS]
    assert {picture.file for picture in report.pictures} == {"rejected.png", "kept.png", "near_duplicates.png"}
    assert all((tmp_path / "r" / picture.file).is_file() for picture in report.pictures)


def test_copies_share_what_is_known_and_disagreements_are_noted(tmp_path):
    copies = {"good/exact.png": GOOD["good/03.png"], "good/exact2.png": GOOD["good/04.png"]}
    report, table = run(
        tmp_path,
        GOOD | copies,
        labels={"good/exact.png": "x", "good/04.png": "y", "good/exact2.png": "z"},
        splits={"good/03.png": "train", "good/exact.png": "test"},
    )
    assert table.loc["good/03.png", ["label", "split", "detail"]].tolist() == [
        "x",
        "test",
        "copies were given to test, train",
    ]
    assert table.loc["good/04.png", ["label", "detail"]].tolist() == ["y", "copies are labelled y, z"]
    assert report.facts["duplicates"]["conflicting_labels"] == report.facts["duplicates"]["conflicting_splits"] == 1


@pytest.mark.parametrize(
    ("settings", "failing"),
    [
        ({"min_images_kept": 13}, {"enough_kept"}),
        ({"max_rejected_share": 0.39}, {"few_rejected"}),
        ({"max_rejected_share": 0.4}, set()),
    ],
)
def test_the_gate(tmp_path, settings, failing):
    report, _ = run(tmp_path, GOOD | BAD, CleanParams(**settings))
    assert {check.name for check in report.failed} == failing


def test_many_near_copies_and_invisible_images_are_warnings(tmp_path):
    white = Image.new("RGBA", (32, 32), (255, 255, 255, 0))
    white.paste((255, 255, 255, 255), (4, 9, 20, 30))
    report, table = run(tmp_path, GOOD | {"n.jpg": BAD["good/resaved.jpg"], "white.png": encoded(white)})
    warnings = {check.name: check.observed for check in report.checks if not check.passed}
    assert warnings == {"few_near_duplicates": pytest.approx(1 / 14), "visible_on_background": 1}
    assert table.loc["white.png", "status"] == "kept"
    assert not report.failed


ODD = {"odd/named.png": encoded(photo(50), "JPEG", quality=95),
       "odd/blurred.jpg": encoded(photo(51, 400, 400).resize((3, 3)).resize((400, 400), 3), "JPEG", quality=95)}


def test_what_is_odd_is_kept_with_a_warning_unless_params_say_otherwise(tmp_path):
    files = GOOD | ODD | {"bad/tiny.jpg": BAD["bad/tiny.png"]}
    report, table = run(tmp_path, files, CleanParams(min_sharpness=3))
    assert table["warnings"].dropna().to_dict() == {"odd/named.png": "wrong_extension", "odd/blurred.jpg": "blurred"}
    assert (table.loc[list(ODD), "status"] == "kept").all()
    assert report.facts["warnings"] == {"blurred": 1, "wrong_extension": 1}
    assert report.metrics["kept_with_warnings"] == 2
    assert "warned.png" in {picture.file for picture in report.pictures} and (tmp_path / "r" / "warned.png").is_file()


def test_a_warning_can_become_a_rejection(tmp_path):
    settings = CleanParams(severity={"wrong_extension": "reject", "blurred": "off"})
    report, table = run(tmp_path, GOOD | ODD, settings)
    assert table["reason"].dropna().to_dict() == {"odd/named.png": "wrong_extension"}
    assert table["warnings"].isna().all() and report.facts["warnings"] == {}


def test_bit_rot_is_rejected_with_the_decoders_words(tmp_path):
    jpeg = encoded(photo(60, 300, 300), "JPEG", quality=95)
    rotten = jpeg[:2000] + bytes(400) + jpeg[2400:]
    _, table = run(tmp_path, GOOD | {"rotten.jpg": rotten})
    assert table.loc["rotten.jpg", "reason"] == "bit_rotten"
    assert "Corrupt JPEG data" in table.loc["rotten.jpg", "detail"]


def test_near_duplicates_can_be_kept(tmp_path):
    _, table = run(tmp_path, GOOD | BAD, CleanParams(near_duplicates=False))
    assert table.loc["good/resaved.jpg", "status"] == "kept"
    assert table.loc["good/exact.png", "reason"] == "exact_duplicate"


def test_nothing_left_is_an_error_that_counts_the_reasons(tmp_path):
    with pytest.raises(EmptyDatasetError, match="1 flat, 1 truncated"):
        run(tmp_path, {path: BAD[path] for path in ("bad/cut.png", "bad/flat.png")})


PARAMS = """
image: {size: 32, channels: 1}
datasets:
  base:
    source: {kind: glyphs, script: latin_capitals, images: 1200, defect_share: 0.1}
    profile: {}
    validate: {}
    clean: {}
    label: {}
    normalize: {}
seed: 0
threads: 1
pretrain: {}
finetune: {}
generate: {}
extractor: {dataset: base}
evaluate: {}
"""


def test_planted_defects_are_found_and_good_letters_stay(tmp_path):
    (tmp_path / "params.yaml").write_text(PARAMS)
    assert main(["scan"]) == 0
    folder = "data/datasets/base"
    for stage, words in (
        ("collect", ["--source_lock", f"{folder}/source.lock", "--raw", f"{folder}/raw"]),
        ("profile", ["--raw", f"{folder}/raw", "--profile", f"{folder}/profile"]),
        ("validate", ["--profile", f"{folder}/profile", "--validated", f"{folder}/v.json"]),
        ("clean", ["--profile", f"{folder}/profile", "--validated", f"{folder}/v.json", "--clean", f"{folder}/clean"]),
    ):
        assert main([stage, "base", *words, "--report", f"data/reports/{stage}"]) == 0
    table = pd.read_parquet(f"{folder}/clean/clean.parquet").set_index("path")
    planted = planted_defects(GlyphsParams(script="latin_capitals", images=1200, defect_share=0.1))
    found = [_found(table, defect) for defect in planted]
    assert sum(found) >= 0.98 * len(planted)
    spoiled = {defect.path for defect in planted if defect.kind != "unlabelled"}
    originals = {defect.original for defect in planted}
    good = table[~table.index.isin(spoiled | originals)]
    assert (good["status"] == "rejected").mean() <= 0.005


def _found(table: pd.DataFrame, defect) -> bool:
    if defect.kind == "unlabelled":
        return table.loc[defect.path, "status"] == "kept"
    if defect.original is None:
        return table.loc[defect.path, "status"] == "rejected"
    # Either of two copies may be the kept one.
    pair = table.loc[[defect.path, defect.original]]
    return pair["cluster"].nunique() == 1 and (pair["status"] == "rejected").any()
