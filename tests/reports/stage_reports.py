"""A folder of stage reports such as a run leaves it, with names that a stranger might choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from genimg_core.quality.rights import rights_of
from genimg_core.reports.pictures import contact_sheet, save_png
from genimg_core.stages.contract import write_json

HOSTILE = "<script>alert('x')</script>"
LEAD, RANDOM = "cnn-base-00000001", "random-00000002"


def score(value: float, floor: float, half: float = 0.01) -> dict[str, float]:
    """As in scores.json."""
    return {"value": value, "floor": floor, "low": value - half, "high": value + half}


def evaluation(kid: float = 0.02, copied: float = 0.012, coverage: float = 0.8, images: int = 500,
               **changed: Any) -> dict[str, Any]:
    """The facts of an evaluate stage."""
    figures = {"kid": score(kid, 0.0, 0.002), "fd": score(1.0, 0.2), "precision": score(0.9, 0.94),
               "recall": score(0.8, 0.95), "density": score(0.9, 1.0), "coverage": score(coverage, 0.9)}
    baseline = {metric: {"value": 3 * one["value"], "low": one["value"], "high": 4 * one["value"]}
                for metric, one in figures.items()}
    baseline["kid"] = {"value": 0.5, "low": 0.45, "high": 0.55}
    baseline["coverage"] = {"value": 0.4, "low": 0.35, "high": 0.45}
    space = {"distance_ratio": {"value": 0.97, "low": 0.9, "high": 1.0},
             "copied_share": {"value": copied, "expected": 0.01, "low": copied - 0.005, "high": copied + 0.005}}
    tree: dict[str, Any] = {
        "lead": LEAD, "images": images, "real_split": "test", "floor_split": "train", "interval": 0.95, "notes": {},
        "scores": {RANDOM: {"sha256": "2" * 64, "kind": "random_cnn", **figures},
                   LEAD: {"sha256": "1" * 64, "kind": "domain_cnn", **figures}},
        "baseline": {"what": "PCA-Gaussian", "scores": {LEAD: baseline, RANDOM: baseline}},
        "memorization": {"train_images": 900, "held_out_images": images, "pixels": space, "features": space},
        "copycat": {"noise_std": 2, "pixels": {"distance_ratio": 0.1, "copied_share": 0.99},
                    "features": {"distance_ratio": 0.1, "copied_share": 0.98}, "caught": True},
        "class_agreement": {"generated": 0.93, "real": 0.98, "classes": {}}, "quiz": [True, False, True, False]}
    return tree | changed


def write_rights(reports: Path, dataset: str, extra: list[str | None]) -> None:
    """What normalize tells of the rights in training images whose source says `extra` of them."""
    folder = reports / f"normalize-{dataset}"
    tree = json.loads((folder / "report.json").read_text(encoding="utf8"))
    rights = rights_of(extra)
    rights.write(folder)
    write_json(folder / "report.json", tree | {"rights": rights.facts()})


class Reports:
    """The folder, and what stands in it.

    Args:
        folder: `data/reports`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = np.full((12, 12, 1), 128, np.uint8)

    def write(self, stage: str, name: str | None, pictures: tuple[str, ...] = (), **facts: Any) -> None:
        """One report.json, with small pictures of these names."""
        folder = self.folder / (f"{stage}-{name}" if name else stage)
        folder.mkdir(parents=True)
        for file in pictures:
            save_png(contact_sheet([self.image] * 4, columns=4, tile_px=24), folder / file)
        check = {"name": "nothing_lost", "passed": True, "observed": 3, "threshold": 3, "blocking": True,
                 "description": f"nothing of {HOSTILE} is lost"}
        write_json(folder / "report.json", {
            "stage": stage, "name": name, "metrics": {}, "checks": [check],
            "pictures": [{"file": file, "title": file} for file in pictures], **facts})

    def write_dataset(self, name: str, rejected: dict[str, int]) -> None:
        """The six data stages."""
        lost = sum(rejected.values())
        self.write("collect", name, kind="folder", digest="sha256:0")
        self.write("profile", name, ("raw.png",))
        self.write("validate", name)
        pictures = ("rejected.png", "kept.png", "warned.png", "near_duplicates.png") if lost else ("kept.png",)
        self.write("clean", name, pictures,
                   collected=1000 + lost, kept=1000, rejected=rejected, warnings={"wrong_extension": 3} if lost else {})
        self.write("label", name, ("classes.png",))
        rates = [{"name": HOSTILE, "kind": "group", "collected": 20 + lost, "rejected": lost, "higher": bool(lost),
                  "reasons": rejected},
                 {"name": "A", "kind": "group", "collected": 980, "rejected": 0, "higher": False, "reasons": {}}]
        self.write("normalize", name, ("train.png",), sha256=f"data-{name}",
                   class_counts={split: {"A": count, HOSTILE: 10 * (split == "train")}
                                 for split, count in (("train", 790), ("test", 100), ("validation", 100))},
                   untested_classes=[HOSTILE], test_shares={"least": 0.0, "whole": 0.1, "greatest": 0.1},
                   rejections={"by_class": rates, "by_folder": [rates[0] | {"name": "a/b"}, rates[1] | {"name": ""}],
                               "folders_are_classes": False},
                   splits={"train": 800, "test": 100, "validation": 100},
                   metrics={"train_images": 800, "test_images": 100, "validation_images": 100, "classes": 2,
                            "smallest_class": 10, "largest_class": 790})

    def write_model(self, stage: str, name: str, dataset: str, scored: dict[str, Any] | None, **facts: Any) -> None:
        """Training, and if `scored` is given, generate and evaluate."""
        self.write(stage, name, ("strips.png", "losses.png"), model_sha256=f"model-{name}", family="flow", size=12,
                   channels=1, dataset=dataset, dataset_sha256=f"data-{dataset}", family_params={"width": 8},
                   train_params={"batch": 4}, classes={"A": 400, HOSTILE: 400},
                   cost={"seen_images": 5000, "operations_per_image": 10**9, "operations": 5 * 10**12},
                   metrics={"weights": 1234, "train_images": 800, "seen_images": 5000},
                   **({"parent": None, "parent_sha256": None, "events": []} | facts))
        if scored is not None:
            self.write("generate", name, ("mosaic.png", "samples.png"))
            self.write("evaluate", name, ("generated_and_real.png", "memorization.png", "quiz.png"), **scored)
