"""`genimg adopt`: the model of another project in one step; what is refused leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from genimg_core.cli import main
from genimg_core.params import read
from genimg_core.schema import load_params
from tests.models.tiny import run_pretrain, tiny_params, write_dataset

PARAMS = """# my project
seed: 0
threads: 1
image: {size: 8, channels: 1}   # small
datasets:
  base:
    source: {kind: folder, path: one}
    profile: {}
    validate: {}
    clean: {}
    label: {}
    normalize: {}
pretrain: {}
finetune:
  mine: {dataset: base, from: borrowed}
generate: {}
extractor: {dataset: base}
evaluate: {}
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("other")
    write_dataset(root / "data")
    run_pretrain(root, tiny_params("flow", seen_images=64), root / "data", name="latin")
    return root / "model"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    return tmp_path


def test_the_model_of_another_project(project, other, capsys):
    assert main(["adopt", str(other), "--as", "borrowed"]) == 0
    said = capsys.readouterr().out
    assert "imports/borrowed: flow, 8 px, 1 channel(s), 2 class(es)" in said and "from: borrowed" in said
    assert Path("params.yaml").read_text().startswith(PARAMS.rstrip()), "what was there stays as it was"
    params = load_params(read())
    assert params.imported["borrowed"].path == "imports/borrowed" and params.finetune["mine"].parent == "borrowed"
    assert sorted(path.name for path in Path("imports/borrowed").iterdir()) == ["settings.json", "weights.safetensors"]


def test_a_second_one_goes_beside_the_first(project, other):
    assert main(["adopt", str(other / "weights.safetensors"), "--as", "borrowed"]) == 0
    bare = project / "elsewhere.safetensors"
    bare.write_bytes((other / "weights.safetensors").read_bytes())
    words = ["adopt", str(bare), "--as", "second", "--family", "flow", "--set", "width=8", "--class", "dark",
             "--class", "light"]
    assert main(words) == 0
    params = load_params(read())
    assert list(params.imported) == ["borrowed", "second"] and params.imported["second"].flow.width == 8
    assert params.imported["second"].classes == ("dark", "light")
    assert Path("imports/second.safetensors").is_file() and "# small" in Path("params.yaml").read_text()


def test_what_is_refused_leaves_nothing(project, other, capsys):
    weights = load_file(other / "weights.safetensors")
    weights["network.head.bias"] = weights["network.head.bias"] * float("inf")
    save_file(weights, project / "broken.safetensors")
    for source, extra, said in (
            (project / "broken.safetensors", ["--family", "flow", "--set", "width=8"], "not finite"),
            (project / "broken.safetensors", ["--family", "flow"], "'network."),
            (project / "broken.safetensors", ["--family", "flow", "--set", "widht=8"], "did you mean 'width'?"),
            (project / "broken.safetensors", [], "nothing says what it holds"),
            (project / "gone", [], "is not there"), (project, [], "holds no model")):
        assert main(["adopt", str(source), "--as", "borrowed", *extra]) == 2
        assert said in capsys.readouterr().err
        assert Path("params.yaml").read_text() == PARAMS
        assert not any(Path("imports").iterdir()) if Path("imports").exists() else True
    assert main(["adopt", str(other), "--as", "mine"]) == 2
    assert "stands in params.yaml already, under finetune" in capsys.readouterr().err
