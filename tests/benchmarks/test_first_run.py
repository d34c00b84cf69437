"""The judge is strict, the demo's settings are the cells' settings, and the claims say what was measured."""

import json

import numpy as np
import pytest

from benchmarks import first_run, sampling, transfer
from benchmarks.cells import Bench
from benchmarks.first_run import Demo, model_cell
from benchmarks.judge import Judge, JudgeError, fresh_letters, train_judge
from benchmarks.transfer import Pairs, best_rate
from benchmarks.workshop import few_places
from genimg_core.sources.typefaces import SCRIPTS
from genimg_core.store.arrays import NormalizedDataset, write_normalized

FORM = {"size": 16, "channels": 1, "fit": "pad", "background": "#ffffff"}


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench.for_smoke(tmp_path)


def test_fresh_letters_are_even_and_of_their_stream_alone():
    images, labels = fresh_letters("greek_small", 32, FORM, 48, "a")
    again, _ = fresh_letters("greek_small", 32, FORM, 24, "a")
    other, _ = fresh_letters("greek_small", 32, FORM, 48, "b")
    assert images.shape == (48, 16, 16, 1) and (np.bincount(labels) == 2).all()
    assert (images[:24] == again).all() and not (images == other).all(axis=(1, 2, 3)).any()
    assert sorted(SCRIPTS["greek_small"].names)[labels[0]] == "alpha"


@pytest.fixture(scope="module")
def judge_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    train_judge(folder, script="greek_small", side=32, form=FORM, train_letters=960, test_letters=240,
                seen_images=12_000, learning_rate=2e-3, seed=0, threads=1)
    return folder


def test_a_judge_recognises_letters_and_no_noise(judge_folder):
    judge = Judge(judge_folder, least_accuracy=0.8)
    images, labels = fresh_letters("greek_small", 32, FORM, 240, "others")
    names = [judge.classes[k] for k in labels]
    assert judge.recognised(images, names).mean() == pytest.approx(judge.accuracy, abs=0.1)
    assert judge.recognised(images, names[1:] + names[:1]).mean() < 0.1
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    assert judge.recognised(noise, names).mean() < 0.2


def test_a_judge_that_is_not_good_enough_judges_nothing(judge_folder):
    with pytest.raises(JudgeError, match="train it longer"):
        Judge(judge_folder, least_accuracy=1.01)


def test_the_demos_settings_are_in_the_keys(bench, monkeypatch):
    cell = model_cell(Demo(bench), "greek", 0)
    assert cell.settings["params"]["seen_images"] == 640 and cell.settings["drawing"]["steps"] == 10
    changed = Demo(bench)
    entry = changed.params.pretrain["latin"].model_copy(update={"learning_rate": 1e-4})
    changed.params = changed.params.model_copy(update={"pretrain": {**changed.params.pretrain, "latin": entry}})
    assert model_cell(changed, "greek", 0).key != cell.key  # its parent is another model
    assert model_cell(changed, "greek_scratch", 0).key == model_cell(Demo(bench), "greek_scratch", 0).key
    assert model_cell(Demo(bench), "greek", 1).key != cell.key


@pytest.mark.parametrize("module", [first_run, sampling, transfer])
def test_the_short_form_is_a_part_of_the_full_one(bench, module):
    short, full = ({cell.id: cell.key for cell in module.cells(bench, form)} for form in ("short", "full"))
    assert short.items() < full.items()
    assert len(full) == len(module.cells(bench, "full"))  # no name twice


def test_the_version_before_is_another_revision_with_the_same_seeds(bench):
    cells = {cell.name: cell for cell in first_run.cells(bench, "full")}
    assert {name.removeprefix("end_to_end-") for name in cells if name.startswith("end_to_end")} == {
        name for name in cells if not name.startswith(("end_to_end", "judge"))}


def stand(bench, cell, result):
    path = bench.path_of(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": cell.key, "result": result, "machine": "a machine", "date": "2030-01-01",
                                "revision": "r", "code": "c"}))


def kid(value):
    halves = " ".join(f"{value + step:.6g}" for step in np.linspace(-0.001, 0.001, 200))
    return {"kid": {"value": value, "floor": 0.0, "low": value - 0.001, "high": value + 0.001, "halves": halves},
            "real_images": 600, "generated_images": 600}


def result(recognised, value):
    score = {"value": 0.5, "floor": 0.4, "low": 0.3, "high": 0.6}
    return {"recognised": recognised, "letters": 1000, "held_out": kid(value) | {"fd": score, "coverage": score},
            "fresh": kid(value), "same_data": True}


def test_claims_of_the_cells_that_stand(bench):
    cells = {cell.name: cell for cell in first_run.cells(bench, "full")}
    assert first_run.claims(bench) == []
    for seed, (share, value) in enumerate(((960, 0.004), (940, 0.005), (980, 0.006))):
        stand(bench, cells[f"latin-seed{seed}"], result(share, value))
    rows = {row["claim"]: row for row in first_run.claims(bench)}
    share = rows["Latin capitals: share of 1,000 generated letters recognised by the judge"]
    assert (share["value"], share["target"], share["cells"], share["date"]) == (96.0, 95.0, "3 of 3", "2030-01-01")
    (held_out,) = [row for text, row in rows.items() if "KID" in text and "held-out" in text]
    assert held_out["value"] == 0.005 and held_out["target"] is None
    for seed in range(3):
        stand(bench, cells[f"end_to_end-latin-seed{seed}"], result(900, 0.05 + 0.001 * seed))
    (held_out,) = [row for row in first_run.claims(bench) if "KID" in row["claim"] and "held-out" in row["claim"]]
    assert held_out["apart"] is True and "intervals apart: yes" in held_out["compared_with"]
    assert held_out["target"] == held_out["end_to_end"]["low"] and held_out["cells"] == "6 of 6"
    stand(bench, cells["end_to_end-latin-seed0"], result(900, 0.05) | {"same_data": False})
    assert any("ITS DATA DIFFERS" in row["compared_with"] for row in first_run.claims(bench))


def trial(rate, value, test):
    return {"validation": kid(value), "test": kid(test), "rate": rate, "seed": 0, "seen_images": 20_000}


def test_the_rate_is_chosen_on_the_validation_part():
    assert best_rate({0.5: trial(0.5, 0.3, 0.0), 1.0: trial(1.0, 0.1, 0.9), 2.0: None}) == 1.0


def test_transfer_reports_test_scores_at_the_chosen_rate(bench):
    pairs = Pairs(bench)
    row = next(row for row in transfer.ROWS if row.name == "greek_small-120")
    for system, level in (("finetuned", 0.01), ("scratch", 0.05), ("scratch_4x", 0.02)):
        for rate, value in ((0.5, 0.3), (1.0, 0.1), (2.0, 0.2)):
            stand(bench, transfer.rate_cell(pairs, row, system, rate),
                  trial(rate, value, level if rate == 1.0 else 0.0))
    rows = transfer.claims(bench)
    values = {line["claim"].partition(": ")[2].split()[0]: line["value"] for line in rows[:3]}
    assert values == {"finetuned": 0.01, "scratch": 0.05, "scratch_4x": 0.02}
    gap, ratio = rows[3:]
    assert gap["apart"] and gap["value"] == pytest.approx(0.04 - 0.0019, abs=2e-4) and gap["cells"] == "6 of 10"
    assert ratio["value"] == 2.0 and ratio["target"] is None


def test_few_images_never_lie_in_two_parts(tmp_path):
    folder = tmp_path / "normalized"
    folder.mkdir()
    images = np.arange(90, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    split = {"train": slice(0, 50), "validation": slice(50, 50), "test": slice(50, 90)}
    write_normalized(folder, dataset="d", classes=("a", "b"), background="#ffffff",
                     images={name: images[part] for name, part in split.items()},
                     labels={name: np.arange(90)[part] % 2 for name, part in split.items()})
    data = NormalizedDataset(folder)
    for held_out, sizes in ((None, (20, 10, 20)), ((12, 16), (20, 12, 16))):
        seen = []
        for seed in (0, 1):
            origin, places = few_places(data, 20, held_out, seed)
            shown = {part: data.images(origin[part])[places[part], 0, 0, 0].tolist() for part in places}
            assert tuple(len(shown[part]) for part in ("train", "validation", "test")) == sizes
            assert len({value for part in shown.values() for value in part}) == sum(sizes)
            assert sorted(np.bincount(data.labels("train")[places["train"]])) == [10, 10]
            seen.append(shown)
        assert seen[0]["train"] != seen[1]["train"]
        assert (seen[0]["test"] == seen[1]["test"]) == (held_out is not None)


@pytest.mark.slow
def test_cells_on_the_real_pipeline(bench, monkeypatch, tmp_path):
    """The demo in little: two data sets, a base, a fine-tuned model, extractor, judge, scores; then the sampler."""
    demo = Demo(bench)
    told = bench.measure(model_cell(demo, "greek", 0))
    assert told["letters"] == 64 and 0 <= told["recognised"] <= 64
    assert told["held_out"]["real_images"] == told["held_out"]["generated_images"] == 24
    assert {"kid", "fd", "coverage"} <= set(told["held_out"]) and told["fresh"]["real_images"] == 130
    assert (bench.state / "pictures" / "greek-seed0.png").is_file()
    rates = [bench.measure(sampling.sampling_cell(demo, steps, "bf16", 1.0)) for steps in (1, 12)]
    assert rates[0]["images_per_second"] > rates[1]["images_per_second"] > 0
    row = next(row for row in transfer.ROWS if row.name == "greek_small-060")
    few = bench.measure(transfer.rate_cell(Pairs(bench), row, "finetuned", 0.5))
    assert few["train_images"] == 60 and few["test"]["real_images"] == 80
    assert not list(bench.results.glob("*.json"))  # no claims were asked for
