"""What this machine has, read from the system: no torch needed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

MOST_THREADS = 16
"""More threads than this only wait for each other at these image sizes."""


@dataclass(frozen=True)
class Machine:
    """Processors, memory and disk."""

    cores: int
    """That this process may use."""
    memory_bytes: int
    """Free now, 0 where the system does not tell."""
    disk_bytes: int
    """Free where the project lies."""

    @property
    def threads(self) -> int:
        """For trainings."""
        return min(self.cores, MOST_THREADS)


def look(root: Path) -> Machine:
    """What there is, with the disk that `root` lies on."""
    return Machine(cores(), memory_bytes(), shutil.disk_usage(root).free)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Memory that can be had without swapping: what is free, and no more than a container's limit."""
    free = 0
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return 0
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        return min(free, max(0, int(limit) - int(used))) if limit != "max" else free
    except (OSError, ValueError):
        return free


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; without, `precision: bf16` is slower than fp32."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "").split()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags))


def gpu_present() -> bool:
    """Whether the system has an NVIDIA device and driver (torch may still not be built for it)."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
