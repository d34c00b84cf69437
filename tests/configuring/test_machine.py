"""What the system says of itself."""

from __future__ import annotations

import os

from genimg_core.configuring import machine


def test_this_machine_has_something(tmp_path):
    found = machine.look(tmp_path)
    assert 1 <= found.threads <= found.cores <= (os.cpu_count() or 1)
    assert found.disk_bytes > 0 and found.memory_bytes >= 0


def test_many_cores_are_not_all_used():
    assert machine.Machine(cores=128, memory_bytes=0, disk_bytes=0).threads == machine.MOST_THREADS
