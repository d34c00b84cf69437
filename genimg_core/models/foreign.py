"""Weights from elsewhere: a safetensors file is checked against the networks that it is said to fit, and never trusted.

Nothing is unpickled. Sizes and shapes are read off the file's header before a weight is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from genimg_core.errors import CorruptFileError, ParamsError, SourceError
from genimg_core.models.family import Family
from genimg_core.params import nearest

FLOATS = {"F64", "F32", "F16", "BF16"}
PICKLES = (b"PK\x03\x04", b"\x80")
"""How files of torch.save begin: a zip archive of pickles, or a bare pickle."""


def shapes_of(family: Family) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all that the networks hold; no memory is spent on weights."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in family.build().state_dict().items()}


def check_file(path: Path, most_bytes: int) -> None:
    """Refuse what is no safetensors file, or too large a one.

    Raises:
        SourceError: with the cause and the remedy.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            begins = stream.read(9)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror})", "correct its path in params.yaml") from None
    if begins.startswith(PICKLES) and begins[8:] != b"{":  # a header's length may begin with such a byte, too
        raise SourceError(f"{path} is a pickle (torch.save), which can run any program as it is opened",
                          "where you trust it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), "
                          "'model.safetensors')")
    if size > most_bytes:
        raise SourceError(f"{path} has {size:,} bytes, the limit is {most_bytes:,}",
                          "raise its max_bytes in params.yaml, if that is right")
    if len(begins) < 9 or int.from_bytes(begins[:8], "little") > size - 8:
        raise SourceError(f"{path} is no whole safetensors file", "copy it again, or export it with safetensors")


def header_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of what a file says it holds, without reading it.

    Raises:
        SourceError: it is no whole safetensors file.
    """
    try:
        with safe_open(path, "pt") as stream:
            return {name: tuple(stream.get_slice(name).get_shape()) for name in stream.keys()}
    except (OSError, SafetensorError) as error:
        raise SourceError(f"{path} is no whole safetensors file ({' '.join(str(error).split())})",
                          "copy it again, or export it with safetensors") from None


def read_weights(path: Path, wanted: Mapping[str, tuple[int, ...]], told: str) -> dict[str, Tensor]:
    """The weights, checked: every one that is wanted, no other, of the right shape, finite; floats as fp32.

    Args:
        path: a safetensors file that passed `check_file`.
        wanted: name -> shape.
        told: what they should fit, for messages: `flow (width 32, blocks 1), 32 px, 3 channels`.

    Raises:
        ParamsError: the first that is missing, too many or of another shape, with the remedy.
        CorruptFileError: the first that is not finite.
    """
    found = header_shapes(path)
    for name, shape in wanted.items():
        if name not in found:
            raise ParamsError(f"{path} has no '{name}' {shape}, which {told} has",
                              _missing_remedy(name, shape, found))
        if found[name] != shape:
            raise ParamsError(f"'{name}' is {found[name]} in {path}, and {shape} in {told}",
                              "set the family's settings (width, blocks, latent …), `image` or `classes` to those it "
                              "was trained with")
    for name in found:
        if name not in wanted:
            raise ParamsError(f"{path} holds '{name}' {found[name]}, which {told} does not have",
                              f"set the family's settings to those it was trained with; {nearest(name, list(wanted))}")
    tensors = {}
    with safe_open(path, "pt") as stream:
        for name in wanted:
            kind = stream.get_slice(name).get_dtype()
            tensor = stream.get_tensor(name)
            if tensor.is_floating_point():
                if kind not in FLOATS or not torch.isfinite(tensor).all():
                    raise CorruptFileError(f"'{name}' in {path} holds numbers that are not finite, or of an odd kind "
                                           f"({kind})", "export an earlier state of that training: this one is broken")
                tensor = tensor.float()
            tensors[name] = tensor.clone()
    return tensors


def _missing_remedy(name: str, shape: tuple[int, ...], found: Mapping[str, tuple[int, ...]]) -> str:
    tail = name.partition(".")[2]
    if found.get(tail) == shape:
        return f"the file calls it '{tail}': put '{name.removesuffix(tail)}' before the names of its tensors"
    return f"the file must hold all networks of the family; {nearest(name, list(found)[:1000])}"
