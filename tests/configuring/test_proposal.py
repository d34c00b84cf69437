"""Settings from surveys: every one of them is valid, and each moves the right way with what it is made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.configuring.proposal import BASE_PART, MOST_EPOCHS, propose
from genimg_core.configuring.speed import Compiled
from genimg_core.configuring.survey import Spread
from genimg_core.errors import EmptyDatasetError
from genimg_core.schema import load_params
from tests.configuring.surveys import MACHINE, PHOTOS, STARTS, a_subject, speed_at


def proposed(base, target=None, rate=500.0, minutes=20.0, size=None, **machine):
    found = propose(base, target, MACHINE, STARTS, speed_at(rate, **machine), minutes, size,
                    lambda images: images / 100)
    load_params({"seed": 0} | found.tree)
    return found


def told(proposal):
    return {choice.key: choice for choice in proposal.choices}


def test_one_folder_makes_one_model():
    tree = proposed(a_subject(usable=5000)).tree
    assert tree["finetune"] == {} and list(tree["pretrain"]) == ["m_base"] == list(tree["generate"])
    assert tree["extractor"] == {"dataset": "base"} and tree["image"]["channels"] == 1 and tree["image"]["size"] == 28


def test_a_target_brings_fine_tuning_and_a_control_of_equal_budget():
    tree = proposed(a_subject(usable=5000), a_subject("target", 500)).tree
    assert tree["finetune"]["m_target"]["from"] == "m_base"
    assert tree["pretrain"]["m_target_scratch"]["dataset"] == "target"
    assert tree["pretrain"]["m_target_scratch"]["seen_images"] == tree["finetune"]["m_target"]["seen_images"]
    assert set(tree["generate"]) == {"m_base", "m_target", "m_target_scratch"}


def test_without_time_for_it_there_is_no_control_and_a_reason():
    found = proposed(a_subject(usable=5000), a_subject("target", 500), rate=50.0, minutes=2)
    assert "m_target_scratch" not in found.tree["pretrain"]
    assert "--minutes" in told(found)["from-scratch control"].reason


def test_trainings_fit_the_minutes_asked_for():
    for minutes in (20, 60, 240):
        found = proposed(a_subject(usable=10**6), a_subject("target", 10**4), minutes=minutes)
        spent = sum(cost.seconds for cost in found.costs if cost.what.startswith("training")) - 3 * STARTS.torch_s
        assert 0.85 * 60 * minutes < spent <= 60 * minutes
        base = found.tree["pretrain"]["m_base"]["seen_images"] / (500 * 32**2 / 28**2)
        assert base == pytest.approx(BASE_PART * 60 * minutes, rel=0.1)


def test_long_trainings_are_compiled_where_that_pays():
    subjects, asked = (a_subject(usable=10**6), a_subject("target", 100)), []

    def compiled_at(speed, classes):
        asked.append((speed.size, classes))
        return Compiled(1.5 * speed.training_rate, 40.0)

    def found(minutes):
        return propose(*subjects, MACHINE, STARTS, speed_at(500.0), minutes, compiled_at=compiled_at)

    assert "compile" not in found(10).tree["pretrain"]["m_base"] and not asked
    compiled = found(30)
    load_params({"seed": 0} | compiled.tree)
    assert asked == [(28, 2)]
    base, tuned = compiled.tree["pretrain"]["m_base"], compiled.tree["finetune"]["m_target"]
    assert (base["compile"], base["precision"]) == (True, "bf16")
    assert "compile" not in tuned  # 250 times 100 images are soon seen
    assert base["seen_images"] == pytest.approx(1.5 * (BASE_PART * 1800 - 40) * 500 * 32**2 / 28**2, rel=0.02)
    assert "m_base" in told(compiled)["compile"].reason and "m_target" not in told(compiled)["compile"].reason
    cost = next(cost for cost in compiled.costs if cost.what == "training m_base")
    assert cost.seconds == pytest.approx(BASE_PART * 1800 + STARTS.torch_s, rel=0.02) and "compiled" in cost.how


def test_what_cannot_be_compiled_is_not():
    found = propose(a_subject(usable=10**6), None, MACHINE, STARTS, speed_at(500.0), 30,
                    compiled_at=lambda speed, classes: None)
    assert "compile" not in found.tree["pretrain"]["m_base"] and "compile" not in told(found)


def test_few_images_are_not_shown_for_ever():
    found = proposed(a_subject(usable=100), rate=10_000.0)
    assert found.tree["pretrain"]["m_base"]["seen_images"] == MOST_EPOCHS * 100
    assert "by heart" in told(found)["pretrain.m_base.seen_images"].reason


def test_64_px_where_the_machine_is_fast_enough():
    large = {"short_side_px": Spread(200, 200, 200), "long_side_px": Spread(200, 200, 200)}
    assert proposed(a_subject(usable=10**5, **large)).tree["image"]["size"] == 32
    assert proposed(a_subject(usable=10**5, **large), rate=20_000.0, device="a GPU").tree["image"]["size"] == 64
    assert proposed(a_subject(usable=10**5), rate=20_000.0).tree["image"]["size"] == 28
    assert proposed(a_subject(usable=10**5, **large), size=48).tree["image"]["size"] == 48


def test_precision_batch_and_flip_stand_in_every_training():
    found = proposed(a_subject(usable=9000, **PHOTOS), a_subject("target", 900, **PHOTOS), device="a GPU", bf16=2.0)
    for section in ("pretrain", "finetune"):
        for entry in found.tree[section].values():
            assert (entry["precision"], entry["batch"], entry["flip"]) == ("bf16", 256, True)
    assert "bf16 1,000" in told(found)["precision"].reason


def test_the_network_with_attention_only_where_a_gpu_has_the_pixels_for_it():
    large = {"short_side_px": Spread(200, 200, 200), "long_side_px": Spread(200, 200, 200)}

    def flow_of(**machine):
        found = proposed(a_subject(usable=10**5, **large), a_subject("target", 10**4, **large), **machine)
        assert all("flow" not in entry for entry in found.tree["finetune"].values()), "that is the parent's"
        entries = list(found.tree["pretrain"].values())
        assert all(entry.get("flow") == entries[0].get("flow") for entry in entries)
        return found.tree["image"]["size"], entries[0].get("flow"), told(found)["flow.network"].value

    assert flow_of(rate=20_000.0, device="a GPU") == (64, {"network": "attention", "width": 64, "blocks": 2},
                                                      "attention")
    assert flow_of(rate=20_000.0, size=64) == (64, None, "small")
    assert flow_of(device="a GPU") == (32, None, "small")


def test_an_unreadable_share_moves_the_gate_and_warns():
    quiet = proposed(a_subject(unreadable_share=0.04, rejected={"truncated": 0.04}))
    assert "max_unreadable_share" not in quiet.tree["datasets"]["base"]["validate"] and not quiet.warnings
    loud = proposed(a_subject(unreadable_share=0.2, rejected={"truncated": 0.2}))
    assert 0.2 < loud.tree["datasets"]["base"]["validate"]["max_unreadable_share"] < 0.3
    assert "20.0% truncated" in loud.warnings[0] and "cannot be read" in loud.warnings[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rejected": {"near_duplicate": 0.08}}, "near_duplicates: false"),
        ({"classes": {str(i): 1 for i in range(900)}}, "name the image rather than its kind"),
        ({"classes": {"a": 990, "b": 3}}, "fewer than 5 images in 1 of 2 classes"),
        ({"unlabelled": 990, "classes": {"a": 5, "b": 5}}, "a classifier's guess"),
    ],
)
def test_what_a_user_should_know(changes, words):
    assert any(words in warning for warning in proposed(a_subject(**changes)).warnings)


def test_a_busy_machine_is_told():
    assert "other programs" in proposed(a_subject(), share=0.4).warnings[-1]
    assert not proposed(a_subject(), share=0.95).warnings


def test_one_class_is_drawn_without_guidance():
    assert proposed(a_subject(classes={})).tree["generate"]["m_base"]["guidance"] == 1.0
    assert "guidance" not in proposed(a_subject()).tree["generate"]["m_base"]


def test_gates_are_looser_where_few_images_judge():
    few, many = proposed(a_subject(usable=150)), proposed(a_subject(usable=20_000), minutes=60)
    assert few.tree["evaluate"]["require_better_than_baseline"] is False
    assert few.tree["evaluate"]["min_real_images"] < 50
    assert many.tree["evaluate"] == {}


def test_too_few_images_are_refused():
    with pytest.raises(EmptyDatasetError, match="9 usable images of 9 files"):
        proposed(a_subject(usable=9))


@settings(max_examples=150, deadline=None)
@given(usable=st.integers(10, 10**7), target=st.none() | st.integers(10, 10**6), rate=st.floats(0.5, 10**5),
       minutes=st.floats(0.01, 10**4), classes=st.integers(0, 40), rejected=st.floats(0, 1))
def test_whatever_is_found_the_settings_are_valid(usable, target, rate, minutes, classes, rejected):
    changes = {"classes": {str(i): 5 for i in range(classes)}, "unreadable_share": rejected / 2,
               "rejected": {"flat": rejected / 2, "empty": rejected / 2}}
    found = proposed(a_subject(usable=usable, **changes), a_subject("target", target) if target else None, rate=rate,
                     minutes=minutes)
    assert found.seconds > 0 and found.disk_bytes > 0
    for entry in found.tree["generate"].values():
        assert 1 <= entry["images"] <= 2000
