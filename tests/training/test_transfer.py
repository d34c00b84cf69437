"""What fine-tuning moves and what it leaves: for every family and its variants, through the real stage."""

import pytest
import torch

from genimg_core.errors import CorruptFileError, ParamsError
from genimg_core.models.family import FAMILIES
from genimg_core.models.model_file import LAST, load_last, load_model
from genimg_core.params import parse
from genimg_core.stages.finetune import finetune
from genimg_core.stages.pretrain import pretrain
from genimg_core.store.arrays import NormalizedDataset
from genimg_core.training.finetune_params import FinetuneParams, Recipe
from genimg_core.training.session import plan_from_parent
from genimg_core.training.transfer import frozen_weights
from tests.models.test_contract import VARIANTS, bound
from tests.models.tiny import tiny_params, write_dataset

every_family = pytest.mark.parametrize("family", [*FAMILIES, "dcgan"])


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    """Family -> a model with its last weights, and a target with a class of its own."""
    root = tmp_path_factory.mktemp("parents")
    write_dataset(root / "base")
    write_dataset(root / "target", count=42, classes=("light", "new"), name="target")
    for name in (*FAMILIES, "dcgan"):
        family = "gan" if name == "dcgan" else name
        changes = {"gan": {"width": 8, "network": "dcgan"}} if name == "dcgan" else {}
        params = tiny_params(family, seen_images=192, learning_rate=0.01, ema_ramp=1.0, **changes)
        for folder in ("model", "report", "resume"):
            (root / name / folder).mkdir(parents=True)
        pretrain(dataset=root / "base", model=root / name / "model", report=root / name / "report",
                 resume=root / name / "resume", name="latin", seed=0, threads=1,
                 params=params.model_copy(update={"keep_last": True}))
    return root


def tuned(parents, family, folder, **recipe):
    for part in ("model", "report", "resume"):
        (folder / part).mkdir(parents=True)
    params = parse(FinetuneParams, {"dataset": "target", "from": "latin", "seen_images": 128, "batch": 32,
                                    "log_images": 32, "device": "cpu", "ema_half_life": 0, **recipe}, "finetune.greek")
    told = finetune(parent=parents / family / "model", dataset=parents / "target", model=folder / "model",
                    report=folder / "report", resume=folder / "resume", name="greek", seed=0, threads=1, params=params)
    return told, load_model(folder / "model")


def moved(parent, child):
    """Names of the weights (no buffers) that are no longer the parent's."""
    old = dict(parent.networks.named_parameters())
    return {name for name, weight in child.networks.named_parameters()
            if name not in child.family.class_tables and not torch.equal(weight, old[name])}


@every_family
@pytest.mark.parametrize("recipe", ["full", "frozen", "small"])
def test_frozen_weights_stay_to_the_bit_and_the_others_move(parents, tmp_path, family, recipe):
    told, child = tuned(parents, family, tmp_path, recipe=recipe)
    parent = load_model(parents / family / "model")
    frozen = set(told.facts["transfer"]["frozen"])
    weights = {name for name, _ in child.networks.named_parameters()} - set(child.family.class_tables)
    assert bool(frozen) == (recipe != "full") and frozen < weights
    assert moved(parent, child) == weights - frozen
    trained = sum(weight.numel() for name, weight in child.networks.named_parameters() if name not in frozen)
    assert told.facts["transfer"]["trained_weights"] == trained
    assert (told.metrics["weights"] > trained) == bool(frozen)
    assert child.settings.train_params.get("recipe") == (None if recipe == "full" else recipe)
    for table in child.family.class_tables:
        old, new = parent.networks.state_dict()[table], child.networks.state_dict()[table]
        assert not torch.equal(new[0], old[1]), "class embeddings always train"


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_blocks_to_freeze_and_a_small_part(name):
    family = bound(name, size=32)
    with torch.device("meta"):
        weights = dict(family.build().named_parameters())
    frozen = frozen_weights(family, Recipe(recipe="frozen"))
    assert frozen and set(frozen) < set(weights) - set(family.class_tables)
    held = set(frozen_weights(family, Recipe(recipe="small")))
    painter = family.players[-1].name
    small = {key for key in weights if key.startswith(painter)} - held - set(family.class_tables)
    assert small and all(weights[key].ndim <= 1 for key in small)
    assert not any(key.startswith("discriminator") for key in held), "it must follow"


def test_statistics_of_frozen_batch_normalisation_stay(parents, tmp_path):
    _, child = tuned(parents, "dcgan", tmp_path, recipe="frozen", freeze=["generator"])
    old, new = load_model(parents / "dcgan" / "model").networks.state_dict(), child.networks.state_dict()
    statistics = [name for name in new if "running" in name]
    assert any(name.startswith("generator") for name in statistics)
    for name in statistics:
        assert torch.equal(new[name], old[name]) == name.startswith("generator"), name


def test_named_blocks(parents, tmp_path):
    told, child = tuned(parents, "flow", tmp_path, recipe="frozen", freeze=["network.head", "network.down.0"])
    frozen = told.facts["transfer"]["frozen"]
    assert "network.head.weight" in frozen and all(name.startswith(("network.head.", "network.down.0."))
                                                   for name in frozen)
    family = child.family
    with pytest.raises(ParamsError, match=r"the block 'network\.haed'(?s:.*)did you mean 'network\.head'"):
        frozen_weights(family, Recipe(recipe="frozen", freeze=("network.haed",)))
    with pytest.raises(ParamsError, match="belongs to `recipe: frozen`"):
        parse(FinetuneParams, {"dataset": "d", "from": "m", "recipe": "small", "freeze": ["network"]}, "finetune.g")


def test_the_start_is_the_averaged_or_the_last_weights(parents, tmp_path):
    folder, data = parents / "flow" / "model", NormalizedDataset(parents / "target").settings
    model = load_model(folder)
    averaged = plan_from_parent(folder, "latin", data, Recipe()).start
    last = plan_from_parent(folder, "latin", data, Recipe(start="last")).start
    name = "network.stem.weight"
    assert torch.equal(averaged[name], model.networks.state_dict()[name])
    assert torch.equal(last[name], load_last(folder, model)[name]) and not torch.equal(last[name], averaged[name])
    told, child = tuned(parents, "flow", tmp_path, start="last")
    assert child.settings.train_params["start"] == told.facts["transfer"]["start"] == "last"


def test_last_weights_that_are_not_there_or_another_model_s(parents, tmp_path):
    import shutil

    folder, data = tmp_path / "model", NormalizedDataset(parents / "target").settings
    shutil.copytree(parents / "flow" / "model", folder)
    shutil.copyfile(parents / "vae" / "model" / LAST, folder / LAST)
    with pytest.raises(CorruptFileError, match="does not hold the last weights of this version of latin"):
        plan_from_parent(folder, "latin", data, Recipe(start="last"))
    (folder / LAST).unlink()
    with pytest.raises(ParamsError, match=r"`start: last` needs the last weights of latin(?s:.*)keep_last: true"):
        plan_from_parent(folder, "latin", data, Recipe(start="last"))


def test_a_model_of_the_usual_recipe_names_none_of_it(parents, tmp_path):
    """So that models made before there were recipes keep their bytes."""
    _, child = tuned(parents, "flow", tmp_path)
    assert not {"recipe", "start", "frozen", "freeze", "keep_last", "select"} & set(child.settings.train_params)
    assert not (tmp_path / "model" / LAST).exists()
