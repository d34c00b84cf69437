"""Profile, validate and clean on real and on hostile files."""

import csv
import time

import pandas as pd
import pytest

from genimg_core.params import ImageParams
from genimg_core.stages.clean import CleanParams, clean
from genimg_core.stages.validate import ValidateParams, validate
from tests.pictures import run_profile, write_raw

IMAGE = ImageParams(size=32, channels=3)


def cleaned(tmp_path, monkeypatch, folder, max_unreadable_share=0.05, max_rejected_share=0.5):
    """The table of the clean stage, and the reports of validate and clean."""
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path / "raw", {path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    run_profile(tmp_path / "raw", tmp_path / "p", IMAGE)
    (tmp_path / "c").mkdir()
    gate = validate(
        name="base",
        profile=tmp_path / "p",
        validated=tmp_path / "v.json",
        report=tmp_path,
        settings=ValidateParams(max_unreadable_share=max_unreadable_share),
    )
    report = clean(
        name="base",
        profile=tmp_path / "p",
        validated=tmp_path / "v.json",
        clean=tmp_path / "c",
        report=tmp_path / "c",
        settings=CleanParams(max_rejected_share=max_rejected_share),
    )
    return pd.read_parquet(tmp_path / "c" / "clean.parquet").set_index("path"), gate, report


def test_hostile_files_are_all_accounted_for(real_data, tmp_path, monkeypatch):
    started = time.monotonic()
    table, gate, report = cleaned(tmp_path, monkeypatch, real_data / "hostile" / "files", max_rejected_share=1)
    assert time.monotonic() - started < 300
    assert [check.name for check in gate.failed] == ["few_unreadable"]
    assert len(table) == 961
    assert report.facts["collected"] == 961 == report.facts["kept"] + sum(report.facts["rejected"].values())
    assert not report.failed
    with (real_data / "hostile" / "manifest.csv").open(newline="", encoding="utf8") as stream:
        loads = {row["file"] for row in csv.DictReader(stream) if row["pillow13_outcome"] == "ok"}
    profile = pd.read_parquet(tmp_path / "p" / "profile.parquet").set_index("path")
    lost = profile[(profile["row"] < 0) & profile.index.isin(loads)]
    assert lost.empty, "what a bare Pillow loads is loaded here too"
    assert not profile["reason"].isin(["decoder_timeout", "decoder_crashed", "out_of_memory"]).any()
    assert profile.loc[profile["row"] < 0, "detail"].notna().all()
    rotten = profile[profile["damage"].notna() & (profile["row"] >= 0)]
    # A torn scan with restart markers (seen by eye), and a file made to exploit a decoder; nothing else is accused.
    assert list(rotten.index) == ["libjpeg-seed_7a602e08e7.jpg", "pillow-tests_deb57d504f.jpg"]
    assert (table.loc[rotten.index, "reason"] == "bit_rotten").all()


@pytest.mark.parametrize(
    ("folder", "pattern", "copies"), [("pretrain-noto128/images", "emoji", 10), ("messy-photos/images", "flower", 0)]
)
def test_good_images_stay(real_data, tmp_path, monkeypatch, folder, pattern, copies):
    table, gate, report = cleaned(tmp_path, monkeypatch, real_data / folder)
    assert not gate.failed
    assert not report.failed
    assert not (table["reason"] == "bit_rotten").any()
    good = table[table.index.str.startswith(pattern) & (table["reason"] != "exact_duplicate")]
    assert (good["status"] == "rejected").mean() <= 0.005
    exact = table.index.str.startswith(pattern) & (table["reason"] == "exact_duplicate")
    assert exact.sum() >= copies


def test_turned_photos_are_copies_of_the_upright_one(real_data, tmp_path, monkeypatch):
    table, _, _ = cleaned(tmp_path, monkeypatch, real_data / "messy-photos" / "images")
    for scene in ("Landscape", "Portrait"):
        turned = table[table.index.str.startswith(f"exif_{scene}")]
        assert len(turned) == 9
        assert turned["cluster"].nunique() == 1, "the orientation was applied before they were compared"
