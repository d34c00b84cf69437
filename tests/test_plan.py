"""The plan as read without dvc is dvc's own."""

from pathlib import Path

import pytest

from assets.dvc_project import DvcProject
from genimg_core.errors import SetupError
from genimg_core.plan import needed_for, stage_instances

ROOT = Path(__file__).resolve().parent.parent


def test_the_same_stages_and_edges_as_dvc_sees():
    theirs = DvcProject(ROOT, is_source=lambda path: path.endswith("source.lock")).plan()
    ours = stage_instances(ROOT)
    assert {name: set(needs) for name, needs in ours.items()} == {n: set(p.upstream) for n, p in theirs.items()}


def test_what_a_target_needs():
    instances = stage_instances(ROOT)
    assert needed_for(["validate@base"], instances) == {"collect@base", "profile@base", "validate@base"}
    assert {"clean@base", "clean@target", "collect@target"} < needed_for(["clean"], instances)
    assert needed_for(["report"], instances) == set(instances)


def test_a_missing_dvc_yaml_has_a_remedy(tmp_path):
    (tmp_path / "params.yaml").write_text("datasets: {}\n")
    with pytest.raises(SetupError, match=r"dvc\.yaml"):
        stage_instances(tmp_path)
