"""A classifier's weights on disk: safetensors, and the sha256 that says which weights they are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from genimg_core.errors import CorruptFileError
from genimg_core.models.classifier.network import ClassifierNetwork

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, path: Path) -> str:
    """Write the weights; return their sha256 (hex)."""
    data = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path, size: int, channels: int, classes: int, sha256: str, remedy: str) -> ClassifierNetwork:
    """Read what `save_weights` wrote.

    Args:
        path: the weights.
        size: side of the images in pixels.
        channels: 1, 3 or 4.
        classes: how many there are.
        sha256: what the weights must hash to.
        remedy: what to do where they do not.

    Returns:
        The network, in eval mode.

    Raises:
        CorruptFileError: the file is missing, is not what was written, or belongs to another network.
    """
    return fill(ClassifierNetwork(size, channels, classes), path, sha256, remedy)


def fill(network: Network, path: Path, sha256: str, remedy: str) -> Network:
    """Read what `save_weights` wrote into a network of the same form; arguments and errors as of `load_weights`.

    Returns:
        The network, in eval mode.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read ({error.strerror})", remedy) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CorruptFileError(f"{path} is not the file that settings.json names (its sha256 differs)", remedy)
    try:
        weights = load(data)
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError):
        raise CorruptFileError(f"{path} does not hold the weights that settings.json describes", remedy) from None
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise CorruptFileError(f"{path} holds weights that are no numbers (NaN or infinite)", remedy)
    return network.eval()
