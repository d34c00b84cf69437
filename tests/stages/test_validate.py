"""The raw gate."""

import json

import pytest

from genimg_core.params import ImageParams
from genimg_core.stages.validate import CHECKS, ValidateParams, validate
from tests.pictures import encoded, photo, run_profile, write_raw


@pytest.fixture
def profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {f"{i:02d}.png": encoded(photo(i)) for i in range(19)} | {"broken.png": b"x"}
    write_raw(tmp_path / "raw", files)
    run_profile(tmp_path / "raw", tmp_path / "p", ImageParams(size=8))
    return tmp_path / "p"


def run(profile, tmp_path, **settings):
    return validate(
        name="base",
        profile=profile,
        validated=tmp_path / "v.json",
        report=tmp_path,
        settings=ValidateParams(**settings),
    )


def test_good_data_pass_and_every_declared_check_is_reported(profile, tmp_path):
    report = run(profile, tmp_path)
    assert not report.failed
    assert [check.name for check in report.checks] == [name for name, _, _ in CHECKS]
    assert json.loads((tmp_path / "v.json").read_text()) == {
        "passed": True,
        "expectations": [name for name, _, _ in CHECKS],
    }
    assert report.metrics["unreadable_share"] == 0.05


@pytest.mark.parametrize(
    ("settings", "failing", "observed"),
    [
        ({"max_unreadable_share": 0.049}, "few_unreadable", 0.05),
        ({"min_images": 21}, "enough_images", 20),
        ({"max_side_px": 47}, "widths_valid", 19),
    ],
)
def test_each_bound_can_fail(profile, tmp_path, settings, failing, observed):
    report = run(profile, tmp_path, **settings)
    failed = {check.name: check.observed for check in report.failed}
    assert failed[failing] == observed
    assert set(failed) <= {failing, "heights_valid"}
    assert json.loads((tmp_path / "v.json").read_text())["passed"] is False
