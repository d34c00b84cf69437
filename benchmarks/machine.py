"""What every benchmark prints and writes: the machine, and results in one form."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> str:
    """Processor, cores, memory and GPU, in one line."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, {memory_gib:.0f} GiB{gpu}, torch {torch.__version__}"


def write_results(name: str, rows: list[dict[str, Any]], folder: Path = RESULTS) -> None:
    """Add the machine and the date to each row that lacks them and write `<name>.json`.

    Args:
        name: of the file.
        rows: what was measured; a row that was measured elsewhere or earlier brings its own `machine` and `date`.
        folder: where it is written.
    """
    told = {"machine": machine(), "date": datetime.now(UTC).date().isoformat()}
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps([row | {key: told[key] for key in told if key not in row} for row in rows], indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf8")
    print(f"machine: {told['machine']}")
