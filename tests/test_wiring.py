"""dvc.yaml, the stages' declarations and the code agree."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from genimg_core.cli import STAGE_SUMMARIES
from genimg_core.stages.closure import code_hash, import_closure
from genimg_core.stages.runner import STAGES, load_stage

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def blocks():
    tree = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
    return {name: block.get("do", block) for name, block in tree["stages"].items()}


def test_the_same_stages_everywhere(blocks):
    assert list(blocks) == list(STAGES) == list(STAGE_SUMMARIES)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_wired_as_it_is_declared(blocks, name):
    stage, block = load_stage(name), blocks[name]
    words = block["cmd"].split()
    options = dict(zip(words[2 + stage.named :: 2], words[3 + stage.named :: 2], strict=True))
    assert words[: 2 + stage.named] == ["genimg", name, *(["${key}"] if stage.named else [])]
    assert stage.name == name and stage.summary == STAGE_SUMMARIES[name]
    data_options = [f"--{key}" for key in (*stage.inputs, *stage.outputs)]
    assert [key for key in options if key not in ("--report", "--metrics")] == data_options
    data_deps = [dep for dep in block["deps"] if not dep.startswith("genimg_core/")]
    assert data_deps == [options[f"--{key}"] for key in stage.inputs]
    assert block["outs"] == [options[f"--{key}"] for key in stage.outputs] + (
        [options["--report"]] if "--report" in options else []
    )
    assert block["metrics"] == [options["--metrics"]]
    declared = [dotted.replace("{name}", "${key}") for dotted, _ in stage.params.values()]
    unlisted = {
        "datasets.${key}.source"
    }  # source.lock stands for it: what counts is what lies there, not how it is reached
    assert sorted(block.get("params", [])) == sorted(set(declared) - unlisted)


def test_code_dependencies_are_the_import_closure():
    done = subprocess.run(
        [sys.executable, "tools/wiring.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_one_stage_s_change_stales_one_stage():
    """No stage imports another stage's module, nor the command line, the runner or the joined schema."""
    own = {name: ROOT / (module.replace(".", "/") + ".py") for name, module in STAGES.items()}
    for name, module in STAGES.items():
        closure = set(import_closure(module))
        shared_with = {other for other, path in own.items() if path in closure} - {name}
        assert not shared_with, f"{name} imports the modules of {shared_with}"
        assert not {p.name for p in closure} & {"cli.py", "runner.py", "schema.py"}


def test_the_closure_sees_imports_inside_functions():
    assert ROOT / "genimg_core" / "store" / "arrays.py" in import_closure("genimg_core.stages.normalize")
    assert ROOT / "genimg_core" / "reports" / "templates" / "page.css" in import_closure("genimg_core.stages.report")
    assert len(code_hash("genimg_core.stages.clean")) == 64
