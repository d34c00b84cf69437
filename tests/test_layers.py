"""genimg_core <- assets <- orchestration; and nothing heavy before it is needed."""

import json
import subprocess
import sys
import time

HEAVY = ("torch", "torchvision", "great_expectations", "matplotlib", "dagster", "dvc", "pandas", "sklearn", "scipy")


def modules_after(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_line_imports_nothing_heavy():
    assert not modules_after("import genimg_core.cli; genimg_core.cli.main(['--help'])") & set(HEAVY)


def test_a_stage_module_imports_nothing_heavy():
    loaded = modules_after("from genimg_core.stages.runner import STAGES, load_stage\nfor s in STAGES: load_stage(s)")
    assert not loaded & set(HEAVY)


def test_the_schema_imports_nothing_heavy():
    assert not modules_after("from genimg_core.schema import load_params; load_params()") & set(HEAVY)


def test_no_core_module_imports_an_upper_layer():
    statement = (
        "import importlib, pkgutil, genimg_core\n"
        "for m in pkgutil.walk_packages(genimg_core.__path__, 'genimg_core.'): importlib.import_module(m.name)"
    )
    loaded = {name.split(".")[0] for name in modules_after(statement)}
    assert "torch" in loaded  # the walk did import what there is
    assert not loaded & {"dagster", "dvc", "assets", "orchestration", "pickle5"}


def test_the_definitions_load_without_the_heavy_ones():
    loaded = modules_after("import orchestration.definitions")
    assert "dagster" in loaded
    assert not loaded & {"torch", "torchvision", "great_expectations", "matplotlib"}


def test_help_answers_at_once():
    """The bound is far over the half second aimed at: it finds an import that slipped in, not a busy machine."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "genimg_core.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "pretrain" in done.stdout
    assert time.monotonic() - started < 5
