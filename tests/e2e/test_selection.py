"""`family: auto` and a model from elsewhere in the real project, through both doors."""

from __future__ import annotations

import json

import pytest

from tests.bridge.conftest import open_door
from tests.e2e.test_two_doors import TwoDoors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_both_doors_select_and_import_alike(own_project):
    project = TwoDoors(own_project.root)
    project.genimg("adopt", "data/models/latin", "--as", "borrowed")
    params = project.params()
    params["pretrain"]["latin"] |= {"family": "auto", "select": {"images": 64, "samples": 32,
                                                                 "candidates": ["flow", "vae"]}}
    params["finetune"]["greek"]["from"] = "borrowed"
    project.write_params(params)
    for door in open_door(project):
        door.tick()
        assert door.stale() == project.stale_by_dvc() >= {"import@borrowed", "select@latin", "pretrain@latin"}
        project.dvc("repro", "select@latin", "import@borrowed")
        selected = project.root / "data/selection/latin/selected.json"
        told = json.loads(selected.read_text())
        assert told["how"] == "trials" and told["family"] in ("flow", "vae")
        before = selected.read_bytes(), project.hashes()["data/models/borrowed"]
        door.tick()
        assert not {"import@borrowed", "select@latin"} & door.stale() and door.stale() == project.stale_by_dvc()
        assert "| flow |" in door.latest("select@latin").metadata["table"].value
        ran = project.executed()
        assert set(door.actions(door.materialize("select@latin", "import@borrowed")).values()) == {"skipped"}
        assert project.executed() == ran
        for stage in ("select@latin", "import@borrowed"):
            project.dvc("repro", "-s", "-f", stage)
        assert (selected.read_bytes(), project.hashes()["data/models/borrowed"]) == before
        door.materialize("recipe@greek", "finetune@greek")
        greek = json.loads((project.root / "data/models/greek/settings.json").read_text())
        borrowed = json.loads((project.root / "data/models/borrowed/settings.json").read_text())
        assert (greek["parent"], greek["parent_sha256"]) == ("borrowed", borrowed["sha256"])
        assert borrowed["parent"] == "latin"
