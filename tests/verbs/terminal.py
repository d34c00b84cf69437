"""A command on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path


class OnTerminal:
    """A command whose three streams are a terminal of `width` columns.

    Args:
        command: what to run, in a session of its own with this terminal.
        cwd: where.
        env: its variables.
        width: columns.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: dict[str, str], width: int = 80) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        variables = {key: value for key, value in env.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
        self._process = subprocess.Popen(command, cwd=cwd, env=variables | {"TERM": "xterm-256color"}, stdin=theirs,
                                         stdout=theirs, stderr=theirs, start_new_session=True,
                                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self._ours = ours
        self.raw = ""

    def type(self, text: str) -> None:
        """Keys: Ctrl-C is \\x03."""
        os.write(self._ours, text.encode())

    def wait_for(self, text: str, limit_s: float = 120) -> None:
        """Until `text` has been shown."""
        deadline = time.monotonic() + limit_s
        while text not in self.raw:
            assert time.monotonic() < deadline and self._read(), f"'{text}' did not come:\n{self.raw[-3000:]}"

    def end(self, limit_s: float = 300) -> int:
        """Wait for the end; the exit code."""
        deadline = time.monotonic() + limit_s
        while self._read():
            assert time.monotonic() < deadline, self.raw[-3000:]
        os.close(self._ours)
        return self._process.wait(timeout=30)

    def screen(self) -> list[str]:
        """The lines that are left, as far as rich's bars go: what was overwritten or erased is gone."""
        lines: list[str] = [""]
        row = 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.raw):
            if part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif re.fullmatch(r"\x1b\[\d*A", part):
                row -= int(part[2:-1] or 1)
            elif part == "\x1b[2K":
                lines[row] = ""
            elif part[0] not in "\x1b\r":
                lines[row] += part
        return lines

    def _read(self) -> bool:
        """Take in what there is; False once the terminal is closed."""
        ready, _, _ = select.select([self._ours], [], [], 1.0)
        if not ready:
            return True
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the last process has closed it
            return False
        self.raw += data.decode("utf8", "replace")
        return bool(data)
