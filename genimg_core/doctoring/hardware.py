"""Disk, memory, GPU, type faces and the UI's port."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from genimg_core.doctoring.finding import Finding
from genimg_core.params import PARAMS_FILE

LEAST_FREE_BYTES = 2 * 10**9
"""Of disk: below this a run of even the built-in data is cut short by logs and caches."""
LEAST_MEMORY_BYTES = 2 * 10**9
"""Great Expectations and torch take half of it before they work."""
COPIES = 4
"""A source's bytes on the disk: in the shards, in DVC's cache, and as much again for pixels, where images are small."""
UI_PORT = 3000


def disk(root: Path) -> Iterator[Finding]:
    """Free space against what the sources will need."""
    from genimg_core.configuring.tables import bytes_told
    from genimg_core.sources.scan import LOCKS, read_lock

    free = shutil.disk_usage(root).free
    need = COPIES * sum(read_lock(path).bytes for path in sorted((root / LOCKS).glob("*/source.lock")))
    done = (root / "dvc.lock").is_file()
    told = f"{bytes_told(free)} free" + (f"; the data sets need about {bytes_told(need)}" if need else "")
    if free < LEAST_FREE_BYTES:
        yield Finding("problem", "disk", told, "free some space (`dvc gc -w` drops old versions)")
    elif free < need and not done:
        yield Finding("warning", "disk", told, "free some space (`dvc gc -w` drops old versions)")
    else:
        yield Finding("ok", "disk", told)


def memory(root: Path) -> Iterator[Finding]:
    """What can be had now."""
    from genimg_core.configuring.machine import memory_bytes
    from genimg_core.configuring.tables import bytes_told

    free = memory_bytes()
    if not free:
        yield Finding("information", "memory", "the system does not tell how much is free")
    elif free < LEAST_MEMORY_BYTES:
        yield Finding("warning", "memory", f"{bytes_told(free)} free: a stage may be killed", "close other programs")
    else:
        yield Finding("ok", "memory", f"{bytes_told(free)} free")


def device(root: Path) -> Iterator[Finding]:
    """torch, the GPU, and whether params.yaml asks for what there is. torch itself is not imported."""
    from genimg_core.configuring.machine import cpu_has_bf16, gpu_present

    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        yield Finding("problem", "torch", "is not installed", "run `make setup`")
        return
    gpu = gpu_present()
    yield Finding("ok", "torch", f"{version}, {'an NVIDIA GPU' if gpu else 'no GPU: trainings run on the processor'}")
    asked = _training_settings(root)
    if not gpu and any(setting.get("device") == "cuda" for setting in asked.values()):
        name = next(name for name, setting in asked.items() if setting.get("device") == "cuda")
        yield Finding("problem", "device", f"{name} asks for `device: cuda`, and there is no GPU",
                      "write `device: auto`")
    if not gpu and not cpu_has_bf16() and (slow := [name for name, setting in asked.items()
                                                    if setting.get("precision") == "bf16"]):
        yield Finding("warning", "precision", f"{slow[0]} computes in bf16, which this processor has no instructions "
                      "for: slower than fp32", "write `precision: fp32`")


def _training_settings(root: Path) -> dict[str, dict]:
    """`pretrain.latin` -> its settings, as far as params.yaml can be read."""
    from genimg_core.errors import ParamsError
    from genimg_core.params import read

    try:
        tree = read(root / PARAMS_FILE)
    except ParamsError:
        return {}  # told by the check of params.yaml
    return {f"{section}.{name}": entry for section in ("pretrain", "finetune", "generate")
            if isinstance(tree.get(section), dict) for name, entry in tree[section].items() if isinstance(entry, dict)}


def type_faces(root: Path) -> Iterator[Finding]:
    """Those of the built-in letters."""
    from genimg_core.sources.typefaces import SCRIPTS, face_files

    faces = {file for script in SCRIPTS for file in face_files(script)}
    yield Finding("ok", "type faces", f"{len(faces)} for the built-in letters")


def interface(root: Path) -> Iterator[Finding]:
    """Dagster's home and port."""
    home = os.environ.get("DAGSTER_HOME")
    if home and not (os.path.isabs(home) and os.path.isdir(home)):
        yield Finding("problem", "DAGSTER_HOME", f"{home} is no folder with an absolute path",
                      "unset it (`make ui` keeps its own), or make the folder")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", UI_PORT))
        except OSError:
            yield Finding("information", "UI", f"port {UI_PORT} is taken, maybe by `make ui` itself: another would be "
                          "chosen")
        else:
            yield Finding("ok", "UI", f"port {UI_PORT} is free")
