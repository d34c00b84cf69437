"""A tiny data set and its extractor, once for all tests of trials."""

from pathlib import Path

from genimg_core.params import parse
from genimg_core.stages.extractor import ExtractorParams, extractor
from genimg_core.training.pretrain_params import PretrainParams
from tests.models.tiny import write_dataset

RUN = {"dataset": "base", "batch": 16, "log_images": 32, "device": "cpu", "flow": {"width": 8}, "gan": {"width": 8},
       "vae": {"width": 8}}


def auto(**select) -> PretrainParams:
    """`family: auto`: flow against vae, two steps each."""
    return parse(PretrainParams, {**RUN, "family": "auto", "select": {
        "images": 32, "samples": 16, "candidates": ["flow", "vae"], **select}}, "pretrain.m")


def make_ground(root: Path) -> None:
    """`root/data` (64 images a split) and `root/extractor`."""
    write_dataset(root / "data", count=64)
    for folder in ("extractor", "extractor_report"):
        (root / folder).mkdir()
    extractor(dataset=root / "data", extractor=root / "extractor", report=root / "extractor_report", seed=0, threads=1,
              params=ExtractorParams(dataset="base", seen_images=64))
