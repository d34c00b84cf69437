"""Snapshots of a run in progress: safetensors and JSON, whole or not at all.

- resume/000000040960/state.safetensors: tensors by name, after 40,960 images seen
- resume/000000040960/state.json: everything else, and the sha256 of the tensors
- resume/good: the name of the snapshot that an ill run goes back to

Three are kept at most: the latest, to resume from; the last good one, which is usually the same; and the start, for
a run that nothing else cures.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genimg_core.stages.contract import write_json


class Snapshot(NamedTuple):
    """The state of a run."""

    tensors: dict[str, Tensor]  # on the CPU
    tree: dict[str, Any]


GOOD = "good"
START = f"{0:012d}"


def write_snapshot(folder: Path, seen_images: int, snapshot: Snapshot, good: int | None = None) -> None:
    """Write a snapshot beside the earlier ones, then drop those but for the good one and the start.

    Args:
        folder: the run's resume folder; exists.
        seen_images: names the snapshot.
        snapshot: tensors may lie on any device and share no memory.
        good: images seen at the snapshot to go back to, of this one or an earlier one; None leaves that as it was.
    """
    final = folder / f"{seen_images:012d}"
    draft = folder / f"draft-{seen_images:012d}"
    for stale in (draft, final):
        shutil.rmtree(stale, ignore_errors=True)
    draft.mkdir()
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in snapshot.tensors.items()})
    (draft / "state.safetensors").write_bytes(data)
    described = {"sha256": hashlib.sha256(data).hexdigest(), "torch": torch.__version__, "tree": snapshot.tree}
    write_json(draft / "state.json", described)
    for path in draft.iterdir():
        _to_disk(path)
    draft.rename(final)
    if good is not None:
        (folder / f"{GOOD}-draft").write_text(f"{good:012d}", encoding="utf8")
        (folder / f"{GOOD}-draft").replace(folder / GOOD)
    kept = {final.name, GOOD, _good_name(folder), START}
    for other in folder.iterdir():
        if other.name not in kept:
            shutil.rmtree(other) if other.is_dir() else other.unlink()  # a kill may have left the draft of `good`


def _good_name(folder: Path) -> str:
    try:
        return (folder / GOOD).read_text(encoding="utf8")
    except OSError:
        return ""


def read_good_snapshot(folder: Path) -> Snapshot | None:
    """The snapshot that an ill run goes back to, None where there is none that is whole."""
    return _read(folder / _good_name(folder)) if _good_name(folder) else None


def read_start(folder: Path) -> Snapshot | None:
    """The snapshot before the first step, None where there is none that is whole."""
    return _read(folder / START)


def read_snapshot(folder: Path) -> Snapshot | None:
    """The latest whole snapshot; None if there is none, or if another version of torch wrote it."""
    for path in sorted((p for p in folder.iterdir() if p.name.isdigit()), reverse=True):
        found = _read(path)
        if found is not None:
            return found
    return None  # an earlier one, or the start, serves


def _read(path: Path) -> Snapshot | None:
    """A snapshot; None where a full disk or a power failure cut it short."""
    try:
        tree = json.loads((path / "state.json").read_text(encoding="utf8"))
        data = (path / "state.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() == tree["sha256"] and tree["torch"] == torch.__version__:
            return Snapshot(load(data), tree["tree"])
    except (OSError, ValueError, KeyError, SafetensorError):
        pass
    return None


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimiser's state as named tensors, `<prefix><parameter's index>.<key>`."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` took; the settings stay the optimiser's own."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            index, key = name.removeprefix(prefix).split(".")
            if tensor.shape == weights[int(index)].shape:
                tensor = torch.empty_like(weights[int(index)]).copy_(tensor)  # the same strides, so the same bits
            state.setdefault(int(index), {})[key] = tensor.detach()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _to_disk(path: Path) -> None:
    """Flush a file, so that a power failure after the rename finds it whole."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
