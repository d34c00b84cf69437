"""select: a pin is noted and trains nothing; trials decide, stand, go on where they were cut, and repeat exactly."""

import json
import shutil
import sys

import pytest

from genimg_core.errors import CorruptFileError, ParamsError, TrainingError
from genimg_core.models.model_file import load_model
from genimg_core.params import parse
from genimg_core.stages.pretrain import pretrain
from genimg_core.stages.select import select
from genimg_core.training.pretrain_params import PretrainParams
from genimg_core.trials import run
from genimg_core.trials.selection import SelectedFamily, read_selection
from tests.trials.tiny import RUN, auto, make_ground


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    root = tmp_path_factory.mktemp("ground")
    make_ground(root)
    return root


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Where trials are kept; the names of those that were trained."""
    monkeypatch.chdir(tmp_path)
    names, real = [], run.train_model

    def counting(plan, data, params, **rest):
        names.append(rest["name"])
        return real(plan, data, params, **rest)

    monkeypatch.setattr(run, "train_model", counting)
    return names


def choose(ground, folder, params, seed=0):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    told = select(dataset=ground / "data", extractor=ground / "extractor", selected=folder / "selected.json",
                  report=folder, name="m", seed=seed, threads=1, params=params)
    told.write(folder, "select", "m")
    return told


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_pinned_family_is_noted_and_nothing_is_imported_for_it(ground, tmp_path):
    import subprocess

    code = ("import sys; from pathlib import Path; from genimg_core.stages.select import select; "
            "from genimg_core.training.pretrain_params import PretrainParams; "
            "select(dataset=Path(), extractor=Path(), selected=Path(sys.argv[1]), report=Path(), name='m', seed=0, "
            "threads=1, params=PretrainParams(dataset='base', family='gan', gan={'loss': 'hinge'})); "
            "print('torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "selected.json")], check=True, text=True,
                          capture_output=True)
    assert done.stdout.strip() == "False"
    found = read_selection(tmp_path / "selected.json", SelectedFamily, "select@m")
    assert (found.how, found.family, found.family_params["loss"]) == ("pinned", "gan", "hinge")


def test_trials_decide_and_are_told(ground, tmp_path, trained):
    told = choose(ground, tmp_path / "out", auto())
    assert trained == ["trial 1 of 2 (flow)", "trial 2 of 2 (vae)"]
    facts = told.facts
    assert [row["label"] for row in facts["candidates"]] == ["flow", "vae"] and facts["images"] == 16
    for row in facts["candidates"]:
        assert row["kid"]["low"] <= row["kid"]["value"] <= row["kid"]["high"] and row["operations"] > 0
        assert (tmp_path / "out" / row["picture"]).is_file()
    assert [row["label"] for row in facts["candidates"] if row["won"]] == [facts["chosen"]]
    found = json.loads((tmp_path / "out/selected.json").read_text())
    assert found["family"] == facts["chosen"] and found["family_params"]["width"] == 8 and found["how"] == "trials"
    assert facts["table"]["columns"][0] == "candidate" and len(facts["table"]["rows"]) == 2
    assert all(check.passed for check in told.checks)


def test_what_stands_is_not_repeated_and_the_short_cut_changes_nothing(ground, tmp_path, trained):
    choose(ground, tmp_path / "one", auto())
    choose(ground, tmp_path / "two", auto())
    assert len(trained) == 2
    choose(ground, tmp_path / "more", auto(seeds=2))
    assert trained[2:] == ["trial 2 of 4 (flow)", "trial 4 of 4 (vae)"], "the first seeds stand"
    shutil.rmtree(tmp_path / ".genimg")
    choose(ground, tmp_path / "anew", auto())
    assert len(trained) == 6
    assert files(tmp_path / "one") == files(tmp_path / "two") == files(tmp_path / "anew")


def test_a_trial_that_was_cut_short_leaves_the_others_standing(ground, tmp_path, trained, monkeypatch):
    choose(ground, tmp_path / "straight", auto())
    shutil.rmtree(tmp_path / ".genimg")
    trained.clear()
    real = run.Judge.score
    calls = []

    def interrupted(judge, drawn, labels):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(judge, drawn, labels)

    monkeypatch.setattr(run.Judge, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        choose(ground, tmp_path / "cut", auto())
    choose(ground, tmp_path / "cut", auto())
    assert trained == ["trial 1 of 2 (flow)", "trial 2 of 2 (vae)", "trial 2 of 2 (vae)"]
    assert files(tmp_path / "cut") == files(tmp_path / "straight")
    assert len(list((tmp_path / ".genimg/trials/select-m").iterdir())) == 2


def test_a_damaged_result_counts_as_none(ground, tmp_path, trained):
    choose(ground, tmp_path / "one", auto())
    for place, spoiled in zip(sorted((tmp_path / ".genimg/trials/select-m").iterdir()), ("result.json", "samples.npy"),
                              strict=True):
        (place / spoiled).write_bytes(b"{")
    choose(ground, tmp_path / "two", auto())
    assert len(trained) == 4 and files(tmp_path / "one") == files(tmp_path / "two")


def test_a_candidate_that_cannot_be_trained_is_a_row_with_its_reason(ground, tmp_path, trained, monkeypatch):
    real = run.train_model

    def diverging(plan, *given, **rest):
        if plan.family == "vae":
            raise TrainingError("the gradient exploded", "lower learning_rate")
        return real(plan, *given, **rest)

    monkeypatch.setattr(run, "train_model", diverging)
    told = choose(ground, tmp_path / "out", auto())
    row = told.facts["candidates"][1]
    assert (row["label"], row["failed"], row["kid"]) == ("vae", ["the gradient exploded"], None)
    assert told.facts["chosen"] == "flow" and told.facts["reason"] == "every other candidate failed"
    assert told.facts["table"]["rows"][1][-1] == "failed: the gradient exploded"
    assert not told.checks[0].passed and not told.failed, "a warning, no gate"
    with pytest.raises(TrainingError, match=r"select@m: no candidate could be trained; vae: the gradient exploded"):
        choose(ground, tmp_path / "none", auto(candidates=["vae"]))


def test_pretrain_follows(ground, tmp_path, trained):
    params = auto(candidates=["vae"])
    choose(ground, tmp_path / "out", params)
    for folder in ("model", "report", "resume"):
        (tmp_path / folder).mkdir()
    given = {"dataset": ground / "data", "model": tmp_path / "model", "report": tmp_path / "report",
             "resume": tmp_path / "resume", "name": "m", "seed": 0, "threads": 1,
             "params": params.model_copy(update={"seen_images": 32})}
    with pytest.raises(ParamsError, match=r"pretrain\.m\.family' is auto(?s:.*)genimg run select@m"):
        pretrain(**given)
    assert pretrain(**given, selected=tmp_path / "out/selected.json").facts["family"] == "vae"
    assert load_model(tmp_path / "model").settings.family_params["width"] == 8
    other = parse(PretrainParams, {**RUN, "family": "flow"}, "pretrain.m")
    with pytest.raises(ParamsError, match=r"says vae \(trials\), 'pretrain\.m\.family' is flow"):
        pretrain(**{**given, "params": other}, selected=tmp_path / "out/selected.json")
    (tmp_path / "out/selected.json").write_text('{"how": "pinned"}')
    with pytest.raises(CorruptFileError, match=r"does not say what was selected(?s:.*)genimg run select@m"):
        pretrain(**given, selected=tmp_path / "out/selected.json")


@pytest.mark.parametrize(("entry", "said"), [
    ({"select": {"candidates": ["flaw"]}}, "flow"),
    ({"select": {"candidates": ["flow", "flow"]}}, "the candidate 'flow' stands there twice"),
    ({"select": {"candidates": [{"family": "gan", "gan": {"lose": "hinge"}}]}}, "loss"),
    ({"select": {"images": 0}}, "select.images"),
    ({"gan": {"network": "dcgan"}, "select": {"candidates": [{"family": "gan", "gan": {"r1": 1.0}}]}},
     "does not go with this entry's gan section")])
def test_what_is_wrong_in_params_is_named(entry, said):
    with pytest.raises(ParamsError) as caught:
        parse(PretrainParams, {"dataset": "base", "family": "auto", **entry}, "pretrain.m")
    assert said in str(caught.value)


def test_a_candidate_takes_the_entry_s_settings_and_then_its_own():
    params = parse(PretrainParams, {"dataset": "base", "family": "auto", "gan": {"width": 48, "loss": "hinge"},
                                    "select": {"candidates": ["gan", {"family": "gan", "gan": {"loss": "minimax"}}]}},
                   "pretrain.m")
    told = [(one.label, (own := params.settings_of(one)).width, own.loss) for one in params.select.candidates]
    assert told == [("gan", 48, "hinge"), ("gan, loss minimax", 48, "minimax")]
