"""What fine-tuning trains of a parent's weights: everything, all but some blocks, or a small part.

Frozen lower layers: Yosinski et al. 2014; of a discriminator: Mo et al. 2020 (FreezeD). Biases, norms and scales only:
Noguchi and Harada 2019; Ben Zaken et al. 2022 (BitFit). Class embeddings always train: a new class has only the mean of
the parent's to begin with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from genimg_core.errors import ParamsError
from genimg_core.models.family import Family
from genimg_core.params import nearest
from genimg_core.training.finetune_params import Recipe


def frozen_weights(family: Family, recipe: Recipe) -> tuple[str, ...]:
    """Names of the weights that the recipe holds still, sorted.

    Raises:
        ParamsError: `freeze` names a block that the networks do not have.
    """
    with torch.device("meta"):
        weights = {name: weight for name, weight in family.build().named_parameters()
                   if name not in family.class_tables}
    if recipe.recipe == "full":
        return ()
    if recipe.recipe == "small":
        painter = f"{family.players[-1].name}."
        return tuple(sorted(name for name, weight in weights.items() if name.startswith(painter) and weight.ndim > 1))
    for block in recipe.freeze:
        if not any(_within(name, block) for name in weights):
            raise ParamsError(f"`freeze` names the block '{block}', which the model does not have",
                              f"{nearest(block, blocks(weights))} (docs/models.md lists them)")
    held = recipe.freeze or family.frozen_blocks
    return tuple(sorted(name for name in weights if any(_within(name, block) for block in held)))


def blocks(weights: Any) -> list[str]:
    """Every name under which weights can be frozen: `network`, `network.down`, `network.down.0` …"""
    found = {".".join(parts[:depth]) for parts in (name.split(".") for name in weights)
             for depth in range(1, len(parts) + 1)}
    return sorted(found)


def hold_still(networks: nn.ModuleDict, frozen: tuple[str, ...]) -> None:
    """Take the gradient from these weights; the loop leaves alone what needs none."""
    for name, weight in networks.named_parameters():
        weight.requires_grad_(name not in frozen)


def keep_statistics(networks: nn.ModuleDict) -> None:
    """Batch normalisation whose own weights are frozen keeps its statistics, too."""
    for module in networks.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, _BatchNorm) and own and not any(weight.requires_grad for weight in own):
            module.eval()


def described(recipe: Recipe, frozen: tuple[str, ...]) -> dict[str, Any]:
    """For the report and the model's settings."""
    return {"recipe": recipe.recipe, "start": recipe.start, "frozen": list(frozen)}


def _within(name: str, block: str) -> bool:
    return name == block or name.startswith(f"{block}.")
